// Paths of environments, which can be another system's. By text alone, without a file system.

import { isUtf8 } from "node:buffer";

import { Invalid } from "./values.mjs";

/** A path below a folder (plugin.relative-cwd). */
export function append(folder, path) {
  return folder.endsWith("/") ? folder + path : `${folder}/${path}`;
}

/** An absolute path or a `file:` URI, taken apart (selected.root-absolute). */
export function readAbsolute(text) {
  return takeApart(isFileUri(text) ? pathOf(text) : text) ?? fail(text);
}

const isFileUri = (text) => /^file:/i.test(text);

function fail(text) {
  throw new Invalid(`expected an absolute path or a \`file:\` URI, not ${JSON.stringify(text)}`);
}

const DRIVE = /^([a-z]:)[\\/]/i, SHARE = /^[\\/]{2}([^\\/]+)[\\/]([^\\/]+)(?:[\\/]|$)/;

/**
 * The fixed part of an absolute path, what separates its segments, these, and whether a separator ends it.
 * Undefined for a relative path.
 */
function takeApart(text) {
  const [start, drive] = DRIVE.exec(text) ?? [];
  if (drive) return windows(`${drive}\\`, text, start);
  if (text.startsWith("/")) {
    return { fixed: "/", separator: "/", segments: text.split("/"), isOpen: text.endsWith("/") };
  }
  const [all, host, share] = SHARE.exec(text) ?? [];
  return all && windows(`\\\\${host}\\${share}`, text, all);
}

function windows(fixed, text, start) {
  const segments = text.slice(start.length).split(/[\\/]/);
  return { fixed, separator: "\\", segments, isOpen: /[\\/]$/.test(text) };
}

/** The path that a `file:` URI, read as the WHATWG standard reads it, names: on a drive, of a share, or below `/`. */
function pathOf(uri) {
  const { hostname, pathname } = parse(uri) ?? fail(uri);
  if (/[?#]/.test(uri)) fail(uri);
  const path = decode(pathname) ?? fail(uri);
  if (hostname !== "") return `\\\\${hostname}${path.replaceAll("/", "\\")}`; // `localhost` is empty
  return DRIVE.test(path.slice(1)) ? path.slice(1) : path;
}

function parse(uri) {
  try {
    return new URL(uri);
  } catch {
    return undefined;
  }
}

/** Percent-decoded; a `%` that encodes nothing stays. Undefined if the result is not UTF-8. */
function decode(text) {
  const encoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  const bytes = Buffer.from(encoded, "latin1"); // a parsed URL is ASCII
  return isUtf8(bytes) ? bytes.toString() : undefined;
}

/** What a `cwd` means below a root (selected.cwd-in-root). */
export function resolveIn(rootText, cwd = "") {
  const root = readAbsolute(rootText);
  const path = cwd === "" ? root : absoluteOf(root, cwd) ?? appended(root, cwd);
  const segments = normal(path.segments);
  const isBelow = path.fixed === root.fixed && normal(root.segments).every((one, i) => one === segments[i]);
  if (!isBelow) throw new Invalid("a `cwd` outside the root");
  return written(path, segments);
}

/** An absolute path of the root's system or a `file:` URI, undefined for what is to be appended. */
function absoluteOf(root, cwd) {
  if (cwd.includes("\0")) throw new Invalid("a path with a NUL");
  if (isFileUri(cwd)) return readAbsolute(cwd);
  const path = takeApart(cwd);
  return path?.separator === root.separator ? path : undefined;
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
