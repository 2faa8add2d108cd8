//! A text as it may be shown: secrets are hidden, and no character is a command to a terminal.

use std::borrow::Cow;
use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::lines::Lines;

/// What stands for each hidden character.
const HIDDEN: char = '*';

/// Words of a line that is not TOML that are no secret.
const WORDS: [&str; 12] =
    ["true", "false", "True", "False", "TRUE", "FALSE", "yes", "no", "on", "off", "null", "None"];

/// Which parts of a text are not shown.
#[derive(Debug)]
pub(super) enum Hidden {
    /// Of a text that is TOML.
    Parts(Parts),
    /// What follows a `=`, because the text could not be parsed.
    Values,
}

/// Parts of a text, each kind in order.
#[derive(Debug)]
pub(super) struct Parts {
    secrets: Vec<Range<usize>>,
    comments: Vec<Range<usize>>,
}

impl Parts {
    /// The comments of a text, and its secrets, which are given.
    pub(super) fn of(text: &str, secrets: Vec<Range<usize>>) -> Self {
        let comments = Source::new(text).lex().filter(|token| token.kind() == TokenKind::Comment);
        let comments = comments.map(|token| token.span().start()..token.span().end());
        Self { secrets, comments: comments.collect() }
    }
}

/// The longest line that is shown. A mark in a longer one is of no help.
const MAX_LINE: usize = 1_000;

/// A line as it may be shown, and where a part of it is.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) mark: Range<usize>,
}

/// The line with the beginning of `span`, unless it is too long. Its characters are as many as in the
/// text, so that columns are the same.
pub(super) fn line(lines: &Lines<'_>, hidden: &Hidden, span: &Range<usize>) -> Option<Line> {
    let range = lines.range(lines.number(span.start));
    if range.len() > MAX_LINE {
        return None;
    }
    let whole = lines.text().get(range.clone()).unwrap_or_default();
    let comment = comment_start(&range, hidden);
    let visible = Visible::of(whole, &range, hidden);
    let mut out = Line { text: String::with_capacity(whole.len()), mark: 0..0 };
    for (at, c) in whole.char_indices() {
        let offset = range.start + at;
        if offset >= comment && offset >= span.end.max(span.start + 1) {
            break;
        }
        if offset <= span.start {
            out.mark.start = out.text.len();
        }
        out.text.push(if visible.is_hidden(at, c) { HIDDEN } else { plain(c) });
        if offset < span.end || offset <= span.start {
            out.mark.end = out.text.len();
        }
    }
    if span.start >= range.end {
        // At the end of the line, where something is missing.
        out.mark = out.text.len()..out.text.len();
    } else if span.is_empty() {
        out.mark.end = out.mark.start;
    }
    let kept = out.text.trim_end().len().max(out.mark.end);
    out.text.truncate(kept);
    Some(out)
}

/// The whole text with its secrets hidden, for a difference.
pub(super) fn whole(text: &str, parts: &Parts) -> String {
    let mut out = String::with_capacity(text.len());
    let mut secrets = parts.secrets.iter().peekable();
    let mut comments = parts.comments.iter().peekable();
    let (mut in_quotes, mut after_equals) = (false, false);
    for (at, c) in text.char_indices() {
        while secrets.next_if(|range| range.end <= at).is_some() {}
        while comments.next_if(|range| range.end <= at).is_some() {
            in_quotes = false;
        }
        let covers = |range: &&Range<usize>| range.contains(&at);
        let in_comment = comments.peek().is_some_and(covers);
        // A value in a comment may be a setting that was switched off.
        after_equals = in_comment && (after_equals || matches!(c, '=' | ':')) && c != '\n';
        if in_comment && matches!(c, '"' | '\'') {
            in_quotes = !in_quotes;
            out.push(c);
        } else if matches!(c, '\n' | '\r') {
            out.push(c);
        } else if secrets.peek().is_some_and(covers) || (in_comment && (in_quotes || after_equals))
        {
            out.push(HIDDEN);
        } else {
            out.push(plain(c));
        }
    }
    out
}

/// The byte of the text at which the comment of this line begins.
fn comment_start(line: &Range<usize>, hidden: &Hidden) -> usize {
    let Hidden::Parts(Parts { comments, .. }) = hidden else { return line.end };
    let next = comments.partition_point(|comment| comment.start < line.start);
    comments.get(next).map_or(line.end, |comment| comment.start.min(line.end))
}

/// What of a line is shown.
enum Visible<'h> {
    /// All but these bytes of the text; the line begins at this byte of it.
    But(&'h [Range<usize>], usize),
    /// What comes before this byte of the line, and these words after it.
    Before(usize, Vec<Range<usize>>),
}

impl<'h> Visible<'h> {
    fn of(line: &str, range: &Range<usize>, hidden: &'h Hidden) -> Self {
        match hidden {
            Hidden::Parts(Parts { secrets, .. }) => {
                let first = secrets.partition_point(|part| part.end <= range.start);
                let end = secrets.partition_point(|part| part.start < range.end);
                Self::But(secrets.get(first..end).unwrap_or_default(), range.start)
            }
            Hidden::Values => {
                let value = match line.find('=') {
                    Some(equals) if is_key(line, equals) => equals,
                    None if is_header(line) => line.len(),
                    _ => 0,
                };
                Self::Before(value, harmless_words(line, value))
            }
        }
    }

    fn is_hidden(&self, at: usize, c: char) -> bool {
        match self {
            Self::But(hidden, start) => hidden.iter().any(|part| part.contains(&(start + at))),
            Self::Before(value, words) => {
                let shown = at < *value || words.iter().any(|word| word.contains(&at));
                c.is_alphanumeric() && !shown
            }
        }
    }
}

/// Whether what comes before this `=` is a key, and not a part of a value.
fn is_key(line: &str, equals: usize) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-. \t".contains(c);
    let (key, value) = line.split_at_checked(equals).unwrap_or_default();
    key.chars().all(plain) && !value.starts_with("==")
}

/// Whether a line is the header of a table, and not a part of an array.
fn is_header(line: &str) -> bool {
    let inner = line.trim().trim_start_matches('[').trim_end_matches(']');
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-. \"@".contains(c);
    line.trim_start().starts_with('[') && inner.chars().all(plain)
}

/// The words from this byte of the line on that are no secret.
fn harmless_words(line: &str, from: usize) -> Vec<Range<usize>> {
    let rest = line.get(from..).unwrap_or_default();
    let mut words = Vec::new();
    let mut start = from;
    for word in rest.split(|c: char| !c.is_alphanumeric()) {
        let end = start + word.len();
        if WORDS.contains(&word) || (word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit())) {
            words.push(start..end);
        }
        // The character that ends the word.
        start =
            end + line.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    words
}

/// A text without invisible characters: control characters, and those that reorder others.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| plain(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(plain).collect())
}

/// The character, or what stands for it if it is invisible.
fn plain(c: char) -> char {
    let unseen = (c.is_control() && c != '\t')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{e0000}'..='\u{e007f}');
    if unseen { char::REPLACEMENT_CHARACTER } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_columns_and_hides_its_secrets() {
        let text = "a = 1\nurl = \"https://名:pw@h\" # note\nb = 2";
        let lines = Lines::of(text);
        let secret = text.find('名').unwrap()..text.find('@').unwrap();
        let hidden = Hidden::Parts(Parts::of(text, vec![secret]));
        let start = text.find("\"https").unwrap();
        let shown = line(&lines, &hidden, &(start..text.find(" #").unwrap())).unwrap();
        assert_eq!(shown.text, "url = \"https://****@h\"");
        assert_eq!(shown.text.get(shown.mark), Some("\"https://****@h\""));
    }

    #[test]
    fn a_line_that_is_not_toml_shows_its_punctuation() {
        let text = "ok = yes\nurl = https://u:pw@h/x9\nenabled = tru\n";
        let lines = Lines::of(text);
        let shown = |at: usize| line(&lines, &Hidden::Values, &(at..at)).unwrap().text;
        assert_eq!(shown(0), "ok = yes");
        assert_eq!(shown(9), "url = *****://*:**@*/**");
        assert_eq!(shown(text.find("enabled").unwrap()), "enabled = ***");
    }

    #[test]
    fn no_character_is_a_command() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b"), "a\u{fffd}[31m\u{fffd}b");
        let text = "x = \u{1b}[31m\n";
        let shown = line(&Lines::of(text), &Hidden::Values, &(4..4)).unwrap().text;
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}
