// Paths of environments, which can be another system's. By text alone, without a file system.

import { isUtf8 } from "node:buffer";

import { Invalid } from "./values.mjs";

/** A path below a folder (plugin.relative-cwd). */
export function append(folder, path) {
  return folder.endsWith("/") ? folder + path : `${folder}/${path}`;
}

/**
 * An absolute path or a `file:` URI, taken apart (selected.root-absolute): its fixed part, what separates its
 * segments, these, and whether a separator ends it.
 */
export function readAbsolute(text) {
  const path = readFileUri(text) ?? (text.startsWith("/") ? readPosix(text) : readWindows(text));
  if (path === undefined || text.includes("\0")) throw new Invalid("expected an absolute path or a `file:` URI");
  return path;
}

function readPosix(text) {
  return { fixed: "/", separator: "/", segments: text.split("/"), isOpen: text.endsWith("/") };
}

const WINDOWS = /^(?:([a-z]:)[\\/]|[\\/]{2}([^\\/]+)[\\/]([^\\/]+)(?:[\\/]|$))/i;

/** A path on a drive or of a share; undefined for another one. */
function readWindows(text) {
  const [start, drive, host, share] = WINDOWS.exec(text) ?? [];
  if (start === undefined) return undefined;
  const segments = text.slice(start.length).split(/[\\/]/);
  return { fixed: fixedPart(drive, host, share), separator: "\\", segments, isOpen: /[\\/]$/.test(text) };
}

const fixedPart = (drive, host, share) => (drive ? `${drive}\\` : `\\\\${host}\\${share}`);

/** What a `file:` URI names, read as the WHATWG standard reads it; undefined for a text that is none. */
function readFileUri(text) {
  const { hostname, pathname } = /^file:[^?#]*$/i.test(text) ? parse(text) ?? {} : {};
  if (pathname === undefined) return undefined;
  const [first, ...rest] = pathname.slice(1).split("/").map(decode);
  const isOpen = pathname.endsWith("/");
  if (pathname.includes("%00") || (hostname !== "" && first === "")) return undefined;
  if (hostname !== "") { // never `localhost`, which the standard takes for none
    return { fixed: fixedPart(undefined, hostname, first), separator: "\\", segments: rest, isOpen };
  }
  if (/^[a-z]:$/i.test(first)) return { fixed: fixedPart(first), separator: "\\", segments: rest, isOpen };
  return { fixed: "/", separator: "/", segments: [first, ...rest], isOpen };
}

function parse(uri) {
  try {
    return new URL(uri);
  } catch {
    return undefined;
  }
}

/** A segment without its percent-encoding, or as it is if it encodes no UTF-8. A lone `%` stays. */
function decode(segment) {
  const text = segment.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  const bytes = Buffer.from(text, "latin1"); // a parsed URL is ASCII
  return isUtf8(bytes) ? bytes.toString() : segment;
}

/** What a `cwd` means below a root (selected.cwd-in-root). */
export function resolveIn(rootText, cwd) {
  const root = readAbsolute(rootText);
  if (cwd === undefined) return written(root, normal(root.segments));
  const path = cwd === "" ? root : absoluteOf(root, cwd) ?? appended(root, cwd);
  const segments = normal(path.segments);
  const isBelow = path.fixed === root.fixed && normal(root.segments).every((one, i) => one === segments[i]);
  const encoded = path.separator === "/" ? /\// : /[\\/]/; // a URI can have a separator in a segment
  if (!isBelow || segments.some((one) => encoded.test(one))) throw new Invalid("a `cwd` outside the root");
  return written(path, segments);
}

/** A `file:` URI or an absolute path of the root's system, undefined for what is to be appended. */
function absoluteOf(root, cwd) {
  if (cwd.includes("\0")) throw new Invalid("a path with a NUL");
  if (root.separator === "\\") return readFileUri(cwd) ?? readWindows(cwd);
  return readFileUri(cwd) ?? (cwd.startsWith("/") ? readPosix(cwd) : undefined);
}

function appended(root, cwd) {
  if (root.separator === "/") return { ...root, segments: [...root.segments, ...cwd.split("/")], isOpen: false };
  if (/^[a-z]:/i.test(cwd)) throw new Invalid("a path of a drive");
  const fromStart = /^[\\/](?![\\/])/.test(cwd);
  return { ...root, segments: [...(fromStart ? [] : root.segments), ...cwd.split(/[\\/]/)], isOpen: false };
}

/** Without empty segments, `.` and `..`, which never leads out of the fixed part. */
function normal(segments) {
  const result = [];
  for (const segment of segments) {
    if (segment === "..") result.pop();
    else if (segment !== "" && segment !== ".") result.push(segment);
  }
  return result;
}

function written({ fixed, separator, isOpen }, segments) {
  const start = fixed.endsWith(separator) || segments.length === 0 ? fixed : fixed + separator;
  const text = start + segments.join(separator);
  return isOpen && !text.endsWith(separator) ? text + separator : text;
}
