//! What a breakdown says of its mistake: the place in the subject's code, if the message has a stack.

use super::saved::Finding;

/// Before a line of the subject's standard error.
const LOGGED: &str = "its standard error: ";

/// Whether the message alone names the mistake, so that the values of the case do not matter: it has the
/// place in the code, or the case is not the point.
pub(super) fn says_all(finding: &Finding, message: &str) -> bool {
    let is_by_chance = finding.is_breakdown() && !finding.is_repeatable();
    is_by_chance || place_in_code(message).is_some()
}

/// The words of a breakdown that two of one mistake share.
pub(super) fn words(message: &str) -> String {
    match place_in_code(message) {
        Some((error, frame)) => format!("{} {frame}", without_values(error, &['"', '\'', '`'])),
        None => {
            let lines: Vec<&str> = lines(message).collect();
            let first = lines.first().copied().unwrap_or_default();
            let last = lines.last().filter(|_| lines.len() > 1);
            without_values(&format!("{first} {}", last.unwrap_or(&"")), &['"'])
        }
    }
}

/// The error and the innermost place of a stack: as Node.js and Java write it, as Python does, or of a panic
/// in Rust.
fn place_in_code(message: &str) -> Option<(&str, &str)> {
    let lines: Vec<&str> = lines(message).collect();
    let pairs = || lines.iter().zip(lines.iter().skip(1)).map(|(first, second)| (*first, *second));
    let below = pairs().find(|(_, frame)| frame.starts_with("at ") && has_digit(frame));
    let python = || {
        let frame = lines.iter().rfind(|line| line.starts_with("File \"") && has_digit(line))?;
        Some((*lines.last()?, *frame))
    };
    let rust = || {
        let panics = |(line, _): &(&str, &str)| line.contains(" panicked at ") && has_digit(line);
        let (line, error) = pairs().find(panics)?;
        // Before it stands the name of the thread, and its id in newer versions.
        Some((error, line.split(" panicked at ").nth(1)?))
    };
    below.or_else(python).or_else(rust)
}

fn lines(message: &str) -> impl Iterator<Item = &str> {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.strip_prefix(LOGGED).unwrap_or(line).trim())
}

fn has_digit(line: &str) -> bool {
    line.contains(|c: char| c.is_ascii_digit())
}

/// An error without its numbers and without what is quoted like this, which come from the case.
fn without_values(error: &str, quotes: &[char]) -> String {
    let mut words = String::new();
    let mut quoted_by = None;
    let mut before = ' ';
    for c in error.chars() {
        match quoted_by {
            Some(quote) if c == quote && before != '\\' => quoted_by = None,
            Some(_) => {}
            // The apostrophe of a word is no quotation mark.
            None if quotes.contains(&c) && !before.is_alphanumeric() => {
                quoted_by = Some(c);
                words.push('…');
            }
            None if c.is_ascii_digit() => {}
            None => words.push(c),
        }
        before = if (before, c) == ('\\', '\\') { ' ' } else { c };
    }
    match quoted_by {
        None => words,
        // The quotation mark was none.
        Some(_) => error.chars().filter(|c| !c.is_ascii_digit()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "TypeError: CHECK['__proto__'] is not a function\n    \
                        at parseServer (/srv/resolve.js:104:28)\n    at /srv/resolve.js:413:43";

    #[test]
    fn the_callers_and_what_is_quoted_do_not_matter() {
        let from_a_plugin = NODE.replace(":413:", ":420:").replace("__proto__", "constructor");
        assert_eq!(words(NODE), words(&from_a_plugin));
        let logged = "ended with exit status: 1\n  its standard error: x = y;\n  its standard error:   ^\n  \
                      its standard error: RangeError: 5 of 7\n  its standard error:     at f (a.js:3:1)";
        assert_eq!(words(logged), "RangeError:  of  at f (a.js:3:1)");
    }

    #[test]
    fn two_mistakes_stay_two() {
        assert_ne!(words(NODE), words(&NODE.replace(":104:", ":110:")), "another line");
        assert_ne!(words(NODE), words(&NODE.replace("a function", "iterable")), "another error");
        assert_ne!(words("bad ' A"), words("bad ' B"), "no quotation mark");
    }

    #[test]
    fn python_and_rust_name_their_places() {
        let python = "ended\n  its standard error: Traceback (most recent call last):\n  \
                      its standard error:   File \"s.py\", line 9, in <module>\n  \
                      its standard error:   File \"s.py\", line 4, in read\n  \
                      its standard error: KeyError: 'docs'";
        assert_eq!(words(python), "KeyError: … File \"s.py\", line 4, in read");
        let rust = "ended\n  its standard error: thread 'main' (77) panicked at src/main.rs:4:5:\n  \
                    its standard error: no such server";
        assert_eq!(words(rust), "no such server src/main.rs:4:5:");
        assert_eq!(place_in_code("gave no answer within 2 s\n  help: does it flush?"), None);
    }

    #[test]
    fn of_an_answer_that_cannot_be_read_the_problem_counts() {
        let lacks = |line: &str, field: &str| {
            words(&format!("wrote an invalid answer: {line:?}: missing field `{field}`"))
        };
        assert_eq!(lacks(r#"{"a":1}"#, "runtime"), lacks(r#"{"b":"\"}"#, "runtime"));
        assert_ne!(lacks("{}", "runtime"), lacks("{}", "configured"));
    }
}
