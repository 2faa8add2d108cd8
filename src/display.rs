//! Text made safe to display. A subject controls its own output: it must not hide text, and must
//! not send commands to a terminal or a CI runner.

use serde_json::Value;

/// Escapes every invisible character: control characters, bidirectional marks and zero-width
/// characters. `\n` and `\t` stay.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if is_unseen(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// [`visible`], and without commands for a CI runner: GitHub's runner executes `::command::` at the
/// start of a line and `##[command]` anywhere in it.
pub fn printable_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.trim_start();
        let (indent, _) = line.split_at(line.len() - words.len());
        out.push_str(&visible(indent));
        let words = match words.strip_prefix("::") {
            Some(rest) => format!(": :{rest}"),
            None => words.to_string(),
        };
        out.push_str(&visible(&words.replace("##[", "# #[")));
    }
    out
}

/// [`visible`], and on one line.
pub(crate) fn one_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// Truncates a text that is too long to read.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => {
            let (kept, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            format!("{kept}… ({} characters more)", rest.chars().count())
        }
    }
}

/// A value over several lines; null stands for an absent value.
pub(crate) fn pretty(value: &Value) -> String {
    match value {
        Value::Null => "(absent)".into(),
        value => visible(&serde_json::to_string_pretty(value).unwrap_or_default()),
    }
}

/// A name, quoted and escaped unless it is plain, so that names stay distinguishable and cannot
/// forge terminal lines.
pub fn printable(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-.@".contains(c);
    if !name.is_empty() && name.chars().all(plain) { name.into() } else { format!("{name:?}") }
}

/// A number with commas: 1,445,184.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Whether a character is invisible or reorders others. XML does not allow some of them, and two
/// names that differ only in them look the same.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(visible("a\u{202e}b\u{0}\n\tc\u{200b}"), "a\\u{202e}b\\u{0}\n\tc\\u{200b}");
        assert_eq!(visible("\u{fffe}\u{1ffff}\u{85}\r"), "\\u{fffe}\\u{1ffff}\\u{85}\\u{d}");
        assert_eq!(visible("Grüße, 名前 🦀 'x' \"y\" \\"), "Grüße, 名前 🦀 'x' \"y\" \\");
        assert_eq!(one_line("a\nb\r\nc"), "a b\\u{d} c");
    }

    #[test]
    fn long_text_is_clipped_between_characters() {
        assert_eq!(clipped("äöü", 3), "äöü");
        assert_eq!(clipped("äöü", 1), "ä… (2 characters more)");
        assert_eq!(clipped("", 0), "");
    }

    #[test]
    fn runner_commands_and_escapes_are_neutralised() {
        let forged = "fine\n  ::stop-commands::x\n::error::y\n\u{1b}[31mred a::b ##[error]z\n";
        let shown = "fine\n  : :stop-commands::x\n: :error::y\n\\u{1b}[31mred a::b # #[error]z\n";
        assert_eq!(printable_lines(forged), shown);
        // White space that is a control character does not hide it.
        assert_eq!(printable_lines("\u{b}::error::"), "\\u{b}: :error::");
    }
}
