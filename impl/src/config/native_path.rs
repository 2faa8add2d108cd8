//! Absolute paths of an environment that may be another machine: read as text, without a file system
//! and whatever this machine's own convention is.

use std::fmt;

use url::Url;

/// How an environment writes its paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Convention {
    Posix,
    Windows,
}

/// The part of a path that `..` does not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Anchor {
    Root,
    Drive(String),
    Share { host: String, share: String },
}

/// An absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NativePath {
    anchor: Anchor,
    parts: Vec<String>,
    /// Whether it is written with a separator at its end.
    trailing: bool,
}

impl Convention {
    fn separates(self, c: char) -> bool {
        c == '/' || (self == Self::Windows && c == '\\')
    }
}

impl Anchor {
    fn convention(&self) -> Convention {
        match self {
            Self::Root => Convention::Posix,
            Self::Drive(_) | Self::Share { .. } => Convention::Windows,
        }
    }
}

impl NativePath {
    /// An absolute path of any convention, or a `file:` URI. Rule `selected.root-absolute`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::from_uri(text)
            .or_else(|| Self::absolute(text, Convention::Posix))
            .or_else(|| Self::absolute(text, Convention::Windows))
    }

    /// What `written` means below this folder; `None` if it is not this folder or below it. Rule
    /// `selected.cwd-in-root`.
    pub(super) fn resolve(&self, written: &str) -> Option<Self> {
        let convention = self.anchor.convention();
        let path = match Self::from_uri(written).or_else(|| Self::absolute(written, convention)) {
            Some(absolute) => absolute,
            None => self.append(written)?,
        };
        let whole = path.parts.iter().all(|part| !part.contains(|c| convention.separates(c)));
        let inside = path.anchor == self.anchor && path.parts.starts_with(&self.parts);
        (whole && inside).then_some(path)
    }

    fn absolute(text: &str, convention: Convention) -> Option<Self> {
        if text.contains('\0') {
            return None;
        }
        let mut pieces = text.split(|c| convention.separates(c));
        let anchor = match (convention, pieces.next()?) {
            (Convention::Posix, "") if !text.is_empty() => Anchor::Root,
            (Convention::Windows, drive) if is_drive(drive) && drive.len() < text.len() => {
                Anchor::Drive(drive.to_owned())
            }
            (Convention::Windows, "") if pieces.next() == Some("") => {
                let mut name = || pieces.next().filter(|name| !name.is_empty()).map(str::to_owned);
                Anchor::Share { host: name()?, share: name()? }
            }
            _ => return None,
        };
        Some(Self::new(anchor, pieces.map(str::to_owned)))
    }

    fn from_uri(text: &str) -> Option<Self> {
        let uri = Url::parse(text).ok().filter(|uri| uri.scheme() == "file")?;
        if uri.query().is_some() || uri.fragment().is_some() {
            return None;
        }
        let mut parts: Vec<String> =
            uri.path_segments()?.map(decoded).collect::<Option<Vec<_>>>()?;
        let first = parts.first()?.clone();
        let anchor = match uri.host_str() {
            Some(_) if first.is_empty() => return None,
            Some(host) => Anchor::Share { host: host.to_owned(), share: first },
            None if is_drive(&first) => Anchor::Drive(first),
            None => Anchor::Root,
        };
        if anchor != Anchor::Root {
            parts.remove(0);
        }
        Some(Self::new(anchor, parts))
    }

    fn new(anchor: Anchor, written: impl IntoIterator<Item = String>) -> Self {
        let mut path = Self { anchor, parts: Vec::new(), trailing: false };
        for part in written {
            path.trailing = part.is_empty();
            path.step(part);
        }
        path
    }

    fn step(&mut self, part: String) {
        if part == ".." {
            self.parts.pop();
        } else if !part.is_empty() && part != "." {
            self.parts.push(part);
        }
    }

    fn append(&self, relative: &str) -> Option<Self> {
        if relative.is_empty() {
            return Some(self.clone());
        }
        let convention = self.anchor.convention();
        let windows = convention == Convention::Windows;
        let of_drive = windows && relative.get(..2).is_some_and(is_drive);
        if of_drive || relative.contains('\0') {
            return None;
        }
        let mut path = Self { trailing: false, ..self.clone() };
        let mut first = relative.chars().map(|c| convention.separates(c));
        if windows && first.next() == Some(true) && first.next() != Some(true) {
            path.parts.clear();
        }
        for part in relative.split(|c| convention.separates(c)) {
            path.step(part.to_owned());
        }
        Some(path)
    }
}

/// `C:`
fn is_drive(text: &str) -> bool {
    let mut chars = text.chars();
    let letter = chars.next().is_some_and(|letter| letter.is_ascii_alphabetic());
    letter && chars.as_str() == ":"
}

/// A segment of a URI without percent-encoding. One that is not UTF-8 stays encoded; one with a null is
/// no part of a path.
fn decoded(segment: &str) -> Option<String> {
    let bytes = segment.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        plain.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    let text = String::from_utf8(plain).unwrap_or_else(|_| segment.to_owned());
    (!text.contains('\0')).then_some(text)
}

impl fmt::Display for NativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.anchor.convention() {
            Convention::Posix => '/',
            Convention::Windows => '\\',
        };
        match &self.anchor {
            Anchor::Root => {}
            Anchor::Drive(drive) => f.write_str(drive)?,
            Anchor::Share { host, share } => write!(f, r"\\{host}\{share}")?,
        }
        for part in &self.parts {
            write!(f, "{separator}{part}")?;
        }
        let is_share = matches!(self.anchor, Anchor::Share { .. });
        let bare = self.parts.is_empty() && !is_share;
        if bare || self.trailing { write!(f, "{separator}") } else { Ok(()) }
    }
}
