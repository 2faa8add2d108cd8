//! Text from elsewhere, made safe to show: a terminal takes control characters for commands.

/// The text on one line of at most `max` characters: control characters become spaces, and a text
/// that is cut off ends in `…`.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().nth(max).is_none() {
        return text.chars().map(plain).collect();
    }
    text.chars().take(max.saturating_sub(1)).map(plain).chain(['…']).collect()
}

/// The text with its lines; other control characters are escaped as in Rust.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// The text on one line; control characters, line ends too, are escaped as in Rust.
#[must_use]
pub fn escaped_line(text: &str) -> String {
    escaped(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_no_control_characters_and_at_most_max_characters() {
        assert_eq!(one_line("a\u{1b}[31m\nb", 20), "a [31m b");
        assert_eq!(one_line("äöü", 3), "äöü");
        assert_eq!(one_line("äöüß", 3), "äö…");
        assert_eq!(one_line("", 0), "");
    }

    #[test]
    fn escaped_text_keeps_its_lines_and_shows_other_control_characters() {
        assert_eq!(escaped("a\u{1b}[31m\n\tb\u{9b}"), "a\\u{1b}[31m\n\\tb\\u{9b}");
        assert_eq!(escaped_line("a\nb\\n"), "a\\nb\\n");
    }
}
