//! Paths of a selected plugin, read as text: the environment that they belong to may be another
//! machine, of another convention.

/// An absolute path, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPath {
    /// What `..` never leaves: `/`, `C:\` or `\\host\share`.
    fixed: String,
    segments: Vec<String>,
    /// It ends with a separator.
    ends_open: bool,
    windows: bool,
}

impl RootPath {
    /// An absolute path of either convention, or a `file:` URI; `None` for what is neither.
    pub fn parse(text: &str) -> Option<RootPath> {
        let native = |windows| RootPath::native(text, windows);
        RootPath::of_uri(text).or_else(|| native(false)).or_else(|| native(true))
    }

    /// The working folder that is meant by `cwd`, if it is this path or below it.
    pub fn below(&self, cwd: &str) -> Option<RootPath> {
        let meant = RootPath::of_uri(cwd)
            .or_else(|| RootPath::native(cwd, self.windows))
            .or_else(|| self.joined(cwd))?;
        // A decoded separator is part of no segment of a path.
        let is_split =
            |segment: &String| segment.contains('/') || (self.windows && segment.contains('\\'));
        let is_whole = !meant.segments.iter().any(is_split);
        let is_below = meant.fixed == self.fixed && meant.segments.starts_with(&self.segments);
        (is_whole && is_below).then_some(meant)
    }

    /// An absolute path as one convention writes it.
    fn native(text: &str, windows: bool) -> Option<RootPath> {
        if text.contains('\0') {
            return None;
        }
        if !windows {
            let rest = text.strip_prefix('/')?;
            return Some(RootPath::of("/", rest.split('/').map(str::to_string), false));
        }
        let is_separator = |c: char| c == '/' || c == '\\';
        if let Some(rest) = text.strip_prefix(is_separator)
            && let Some(rest) = rest.strip_prefix(is_separator)
        {
            let mut parts = rest.split(is_separator);
            let (host, share) = (parts.next()?, parts.next()?);
            let is_whole = !host.is_empty() && !share.is_empty();
            let fixed = format!(r"\\{host}\{share}");
            return is_whole.then(|| RootPath::of(&fixed, parts.map(str::to_string), true));
        }
        let (drive, rest) = text.split_once(':')?;
        let is_drive = matches!(drive.as_bytes(), [letter] if letter.is_ascii_alphabetic());
        let rest = rest.strip_prefix(is_separator).filter(|_| is_drive)?;
        let segments = rest.split(is_separator).map(str::to_string);
        Some(RootPath::of(&format!(r"{drive}:\"), segments, true))
    }

    /// A `file:` URI, its percent-encoding decoded.
    fn of_uri(text: &str) -> Option<RootPath> {
        let (scheme, rest) = text.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("file") || rest.contains(['?', '#']) {
            return None;
        }
        // As the URL standard reads it: a backslash is a slash, and the first one may be left out.
        let rest = rest.replace('\\', "/");
        let (host, path) = match rest.strip_prefix("//") {
            Some(rest) => match rest.split_at(rest.find('/').unwrap_or(rest.len())) {
                // What looks like a drive is one, also where a host would be.
                (host, _) if drive(host).is_some() => ("", rest),
                parts => parts,
            },
            None => ("", rest.as_str()),
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut segments = path.split('/').map(percent_decoded).collect::<Option<Vec<_>>>()?;
        if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
            let share = segments.remove(0);
            if share.is_empty() {
                return None;
            }
            return Some(RootPath::of(&format!(r"\\{host}\{share}"), segments, true));
        }
        match segments.first().and_then(|first| drive(first)) {
            Some(letter) => {
                let below = segments.into_iter().skip(1);
                Some(RootPath::of(&format!(r"{letter}:\"), below, true))
            }
            None => Some(RootPath::of("/", segments, false)),
        }
    }

    fn of(fixed: &str, written: impl IntoIterator<Item = String>, windows: bool) -> RootPath {
        let fixed = fixed.to_string();
        let mut path = RootPath { fixed, segments: Vec::new(), ends_open: false, windows };
        for segment in written {
            path.ends_open = segment.is_empty();
            path.take(segment);
        }
        path
    }

    /// Goes one segment on: empty ones and `.` are dropped, and `..` takes one away.
    fn take(&mut self, segment: String) {
        match segment.as_str() {
            "" | "." => {}
            ".." => drop(self.segments.pop()),
            _ => self.segments.push(segment),
        }
    }

    /// This path with a relative one appended; `None` if that is relative to another drive.
    fn joined(&self, relative: &str) -> Option<RootPath> {
        if relative.is_empty() {
            return Some(self.clone());
        }
        let mut path = RootPath { ends_open: false, ..self.clone() };
        let mut relative = relative.to_string();
        if self.windows {
            relative = relative.replace('\\', "/");
            if matches!(relative.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
                return None;
            }
            if relative.starts_with('/') && !relative.starts_with("//") {
                path.segments.clear();
            }
        }
        if relative.contains('\0') {
            return None;
        }
        relative.split('/').for_each(|segment| path.take(segment.to_string()));
        Some(path)
    }
}

impl std::fmt::Display for RootPath {
    /// In the convention of the path.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let separator = if self.windows { "\\" } else { "/" };
        let is_share = self.fixed.starts_with(r"\\");
        let joint = if is_share && !self.segments.is_empty() { separator } else { "" };
        let end =
            if self.ends_open && (is_share || !self.segments.is_empty()) { separator } else { "" };
        write!(f, "{}{joint}{}{end}", self.fixed, self.segments.join(separator))
    }
}

/// The letter of a drive, as a URL writes one.
fn drive(segment: &str) -> Option<char> {
    match segment.as_bytes() {
        [letter, b':' | b'|'] if letter.is_ascii_alphabetic() => Some(char::from(*letter)),
        _ => None,
    }
}

/// Percent-decoded; `None` with a null, which no path has. What is no UTF-8 then stays encoded.
fn percent_decoded(segment: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut pieces = segment.split('%');
    decoded.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let hex = piece.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                decoded.extend_from_slice(piece.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                decoded.push(b'%');
                decoded.extend_from_slice(piece.as_bytes());
            }
        }
    }
    let text = String::from_utf8(decoded).unwrap_or_else(|_| segment.to_string());
    (!text.contains('\0')).then_some(text)
}
