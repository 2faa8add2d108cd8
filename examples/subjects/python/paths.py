"""Paths as text, without a file system: the folder that a selected plugin's server starts in."""

import re
from collections import namedtuple
from urllib.parse import unquote_to_bytes

from kinds import Invalid

# `fixed` is what `..` never takes away, without the separator that follows it: nothing, `C:` or
# `\\host\share`. `separators` are those that are read, the first of them is written. `closed`:
# whether the path ends with one.
Path = namedtuple("Path", "fixed separators segments closed")

SLASH, BOTH = "/", "\\/"
DRIVE = re.compile(r"([A-Za-z]:)[\\/](.*)", re.DOTALL)
SHARE = re.compile(r"[\\/]{2}([^\\/]+)[\\/]([^\\/]+)(.*)", re.DOTALL)
FILE_URI = re.compile(r"file:([^?#]*)", re.ASCII | re.IGNORECASE)
# A drive is no host.
HOST_AND_PATH = re.compile(r"(?://(?=[A-Za-z]:(?:/|\Z))|//([^/]*)/?|/?)(.*)", re.DOTALL)


def read_absolute(text):
    """An absolute path or a `file:` URI (selected.root-absolute)."""
    uri = FILE_URI.fullmatch(text)
    if uri is not None:
        return read_uri(uri[1])
    absolute = posix(text) if text.startswith("/") else windows(text)
    if absolute is None:
        raise Invalid("expected an absolute path")
    return absolute


def posix(text):
    return read("", SLASH, text.split("/"))


def windows(text):
    """None if the path is not absolute."""
    drive, share = DRIVE.fullmatch(text), SHARE.fullmatch(text)
    if drive is not None:
        return read(drive[1], BOTH, split(drive[2]))
    if share is not None:
        return read(rf"\\{share[1]}\{share[2]}", BOTH, split(share[3])[1:])
    return None


def read_uri(rest):
    """What follows `file:`, in which a backslash is a slash."""
    parts = HOST_AND_PATH.fullmatch(rest.replace("\\", "/"))
    host, segments = parts[1], [decoded(segment) for segment in parts[2].split("/")]
    if host and host.lower() != "localhost":
        if not segments[0]:
            raise Invalid("a host without a share")
        return read(rf"\\{host}\{segments[0]}", BOTH, segments[1:])
    if re.fullmatch("[A-Za-z]:", segments[0]):
        return read(segments[0], BOTH, segments[1:])
    return read("", SLASH, segments)


def decoded(segment):
    """Without percent-encoding, if that is UTF-8."""
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        return segment


def split(text):
    return re.split(r"[\\/]", text)


def read(fixed, separators, segments):
    """`segments`: as they were written, the last one is empty after a separator."""
    if any("\0" in text for text in (fixed, *segments)):
        raise Invalid("a NUL in a path")
    return Path(fixed, separators, reduced([], segments), segments[-1:] == [""])


def reduced(segments, more):
    """`segments` followed by others, of which `..` takes one away."""
    segments = list(segments)
    for segment in more:
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return segments


def written(path):
    separator = path.separators[0]
    text = separator.join([path.fixed, *path.segments])
    is_root = not path.segments and not path.fixed.startswith(r"\\")
    return text + separator if is_root or path.closed else text


def in_root(root, cwd):
    """selected.cwd-in-root"""
    root = read_absolute(root)
    if cwd is None:
        return written(root)
    result = resolved(root, cwd) if cwd else root
    below = result.segments[: len(root.segments)] == root.segments
    if result.fixed != root.fixed or not below:
        raise Invalid("`cwd` is not below the root")
    if any(separator in segment for segment in result.segments for separator in root.separators):
        raise Invalid("an encoded separator")
    return written(result)


def resolved(root, cwd):
    if "\0" in cwd:
        raise Invalid("a NUL in a path")
    uri = FILE_URI.fullmatch(cwd)
    if uri is not None:
        try:
            return read_uri(uri[1])
        except Invalid:
            pass  # so it is a name
    if root.separators == SLASH:
        if cwd.startswith("/"):
            return posix(cwd)
        return appended(root, root.segments, cwd.split("/"))
    absolute = windows(cwd)
    if absolute is not None:
        return absolute
    if re.match("[A-Za-z]:", cwd):
        raise Invalid("a path relative to a drive")
    from_fixed = re.match(r"[\\/](?![\\/])", cwd)
    return appended(root, [] if from_fixed else root.segments, split(cwd))


def appended(root, begin, segments):
    return Path(root.fixed, root.separators, reduced(begin, segments), False)
