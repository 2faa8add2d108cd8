//! Why a line cannot be read as an answer, in the words of its author: what is wrong, and what to do.

use serde_json::Value;
use serde_json::error::Category;

use crate::display::printable;
use crate::subject::process::piped::log_help;

/// The most characters of a word to show.
const SHOWN: usize = 40;

/// The problem of a line that is no answer, with help on lines of its own.
pub(super) fn problem(line: &[u8], error: &serde_json::Error) -> String {
    let known = of_bytes(line).or_else(|| match error.classify() {
        Category::Data => of_data(line),
        Category::Eof | Category::Syntax | Category::Io => {
            std::str::from_utf8(line).ok().and_then(|line| of_syntax(line, error))
        }
    });
    known.unwrap_or_else(|| format!("{error}{}", log_help(line)))
}

/// The problem of a line that is not plain UTF-8.
pub(super) fn of_bytes(line: &[u8]) -> Option<String> {
    if line.starts_with(b"\xef\xbb\xbf") {
        let words = "it begins with a byte order mark, expected `{`";
        return Some(with_help(words, "write UTF-8 without a byte order mark"));
    }
    let error = std::str::from_utf8(line).err()?;
    let at = error.valid_up_to();
    let byte = line.get(at).copied().unwrap_or_default();
    let words = format!("byte 0x{byte:02x} at column {} is not UTF-8", at + 1);
    Some(with_help(&words, "write the text as UTF-8, whatever the locale says"))
}

/// JSON, but not in the form of an answer.
fn of_data(line: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(line).ok()?;
    let seq = answer.as_object()?.get("seq")?;
    let found = match seq {
        Value::Number(number) if number.is_u64() => return None,
        Value::String(text) => format!("the text \"{}\"", printable(&shortened(text))),
        other => format!("`{}`", printable(&shortened(&other.to_string()))),
    };
    let words = format!("`seq` is {found}, expected the integer of the request");
    Some(with_help(&words, "write the `seq` of the request as it came, a JSON number"))
}

fn of_syntax(line: &str, error: &serde_json::Error) -> Option<String> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    if error.is_eof() {
        let words = "the JSON object does not end on this line";
        let help = "one answer is one line: write JSON without an indent, as JSON.stringify(answer) \
                    does, and end it with a newline";
        return Some(with_help(words, help));
    }
    let column = error.column();
    if let Some(escape) = lone_surrogate(line) {
        let words = format!("{escape} is half of a character, a lone surrogate, which is no text");
        let help = "answer with the text of the request; cut no text in the middle of a character \
                    (JavaScript: toWellFormed())";
        return Some(with_help(&words, help));
    }
    let rest = rest_at(line, column);
    if let Some((word, help)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
        return Some(with_help(&format!("`{word}` at column {column} is not JSON"), help));
    }
    let (words, help) = match (rest.chars().next(), before(line, column)) {
        (Some('}' | ']'), Some(',')) => {
            ("the comma before it is one too many", "JSON has no trailing commas")
        }
        (Some('\''), _) => ("a single quote, expected `\"`", "write JSON with a JSON library"),
        (Some('{'), Some('}')) => ("a second answer", "end each answer with a newline"),
        _ => return None,
    };
    Some(with_help(&format!("at column {column}: {words}"), help))
}

/// What the libraries of some languages write, and JSON does not have.
const WORDS: [(&str, &str); 9] = [
    ("NaN", NUMBERS),
    ("Infinity", NUMBERS),
    ("-Infinity", NUMBERS),
    ("inf", NUMBERS),
    ("undefined", "leave the member out, or write null"),
    ("None", PYTHON),
    ("True", PYTHON),
    ("False", PYTHON),
    ("nan", NUMBERS),
];
const NUMBERS: &str = "JSON has finite numbers only; an answer repeats the numbers of the request";
const PYTHON: &str = "write JSON with json.dumps, not with str or repr";

fn with_help(words: &str, help: &str) -> String {
    format!("{words}\n  help: {help}")
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// The word at a column, which counts bytes from 1. The JSON library stops inside of a word that begins
/// like one of its own.
fn rest_at(line: &str, column: usize) -> &str {
    let mut at = column.saturating_sub(1).min(line.len());
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    let is_of_word = |c: char| c.is_ascii_alphabetic() || c == '-';
    let start = line.get(..at).map_or(0, |before| before.trim_end_matches(is_of_word).len());
    line.get(start..).unwrap_or_default()
}

/// The character before a column, without blanks.
fn before(line: &str, column: usize) -> Option<char> {
    line.get(..column.saturating_sub(1))?.trim_end().chars().next_back()
}

/// The first escape of a surrogate without its other half.
fn lone_surrogate(line: &str) -> Option<String> {
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        rest = rest.get(at..)?;
        let unit = |at: usize| {
            let digits = rest.get(at..)?.strip_prefix("\\u")?.get(..4)?;
            u16::from_str_radix(digits, 16).ok()
        };
        let length = match (unit(0), unit(6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => return rest.get(..6).map(str::to_string),
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        rest = rest.get(length..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(line: &[u8]) -> String {
        let error = serde_json::from_slice::<BTreeMap<String, Value>>(line).err();
        let error = error.unwrap_or_else(|| serde_json::from_slice::<u8>(b"\"\"").unwrap_err());
        problem(line, &error)
    }

    #[test]
    fn what_languages_write_by_mistake_is_named() {
        for (line, words) in [
            (r#"{"seq":1,"a":NaN}"#, "`NaN` at column 14 is not JSON"),
            (r#"{"seq":1,"a":-Infinity}"#, "`-Infinity`"),
            (r#"{"seq":1,"a":undefined}"#, "leave the member out"),
            (r#"{"seq":1,"a":None}"#, "json.dumps"),
            (r#"{'seq':1}"#, "at column 2: a single quote"),
            (r#"{"seq":1,"a":[1,]}"#, "no trailing commas"),
            (r#"{"seq":1,}"#, "no trailing commas"),
            (r#"{"seq":1}{"seq":2}"#, "a second answer"),
            ("{", "one answer is one line"),
            (r#"{"a":"\ud83e\udd80\\ud800","b":"\ud800"}"#, r"\ud800 is half of a character"),
            (r#"{"a":"\udc00x"}"#, r"\udc00 is half of a character"),
            (r#"{"seq":"1"}"#, "`seq` is the text \"1\", expected the integer"),
            (r#"{"seq":1.0}"#, "`seq` is `1.0`"),
            (r#"{"seq":null}"#, "`seq` is `null`"),
            ("loading", "log to standard error"),
            ("\u{feff}{}", "byte order mark"),
        ] {
            let said = of(line.as_bytes());
            assert!(said.contains(words), "{line}: {said}");
        }
        assert!(of(b"{\"a\":\"\xff\"}").contains("byte 0xff at column 7 is not UTF-8"));
        assert!(!of(r#"{"a":"\\ud800",x}"#.as_bytes()).contains("half"));
    }
}
