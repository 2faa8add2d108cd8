//! What to write instead of what is no TOML: the habits of other languages and hosts.

use super::lines::Lines;

/// What the parser says of a key or table that is there already.
pub(super) const REPEATED: &str = "duplicate key";

/// What to write instead of JSON. One finding says more than one for each line.
pub(super) const JSON: &str = "write TOML: for each server a table `[mcp_servers.NAME]` with `command = \"…\"` and `args = […]`, \
     or `url = \"…\"`";
const KEEP_ONE: &str = "the file has it twice: keep one of the two";
const WRITE_TRUE: &str = "write `true`";
const WRITE_FALSE: &str = "write `false`";
const SINGLE_QUOTES: &str =
    "a backslash begins an escape: write the text in single quotes, as in 'C:\\tools\\x.exe'";
const STRAIGHT_QUOTES: &str = "write straight quotes: \"";
const NO_COMMA: &str = "remove the comma: each key has a line of its own";
const COMMENT: &str = "a comment begins with `#`";
const EQUALS: &str = "write `key = value`: this is JSON or YAML, and the file is TOML";
const SERVER_NAME: &str = "use letters, digits, `_` and `-` only, as in `[mcp_servers.my-server]`";
const QUOTED_NAME: &str = "write a name with other characters than letters, digits, `_` and `-` in quotes: `[table.\"a name\"]`";
const QUOTES: &str = "write a text in quotes: key = \"text\"";

/// All of them, as `docs/lint.md` lists them.
pub const SYNTAX_HELP: [&str; 12] = [
    JSON,
    KEEP_ONE,
    WRITE_TRUE,
    WRITE_FALSE,
    SINGLE_QUOTES,
    STRAIGHT_QUOTES,
    NO_COMMA,
    COMMENT,
    EQUALS,
    SERVER_NAME,
    QUOTED_NAME,
    QUOTES,
];

/// What to write instead of the text from `at` to `end`. Empty if it is not known.
pub(super) fn help(lines: &Lines<'_>, at: usize, end: usize, message: &str) -> &'static str {
    if message == REPEATED {
        return KEEP_ONE;
    }
    match lines.text().get(at..end).unwrap_or_default() {
        "yes" | "on" | "True" | "TRUE" => return WRITE_TRUE,
        "no" | "off" | "False" | "FALSE" => return WRITE_FALSE,
        _ => {}
    }
    let range = lines.range(lines.number(at));
    let line = lines.text().get(range).unwrap_or_default().trim_start();
    let here = lines.text().get(at..).and_then(|rest| rest.chars().next());
    if message.contains("unicode") || message.contains("escape") {
        return SINGLE_QUOTES;
    }
    match here {
        Some('\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}') => STRAIGHT_QUOTES,
        Some(',') => NO_COMMA,
        _ if line.starts_with("//") => COMMENT,
        _ if is_pair(line) => EQUALS,
        _ if line.starts_with('[') && has_odd_name(line) => {
            if line.trim_start_matches('[').trim_start().starts_with("mcp_servers.") {
                SERVER_NAME
            } else {
                QUOTED_NAME
            }
        }
        Some(first) if first.is_ascii_alphabetic() && is_value(line, at, lines) => QUOTES,
        _ => "",
    }
}

/// Whether a line begins with a key and a colon.
fn is_pair(line: &str) -> bool {
    let key = line.trim_start_matches('"');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | ' ');
    key.find(|c| !plain(c)).and_then(|end| key.get(end..)).is_some_and(|rest| rest.starts_with(':'))
}

/// Whether a header has a character in its name that is in no bare key.
fn has_odd_name(line: &str) -> bool {
    let Some((name, _)) = line.trim_start_matches('[').split_once(']') else { return false };
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.contains(['"', '\'']) && !name.trim().chars().all(bare)
}

/// Whether a value begins at `at`, after a key and a `=` in this line.
fn is_value(line: &str, at: usize, lines: &Lines<'_>) -> bool {
    let start = lines.range(lines.number(at)).start;
    let before = lines.text().get(start..at).unwrap_or_default().trim();
    let key = before.strip_suffix('=').map(str::trim);
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !line.is_empty() && key.is_some_and(|key| !key.is_empty() && key.chars().all(bare))
}
