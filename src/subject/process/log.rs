//! A subject's standard error: read continuously so that the subject never blocks. Only the end is
//! kept. It is log text and never affects a verdict.

use std::fmt::Write;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::display::{clipped, visible};

/// Size of the kept end, in bytes.
const KEPT: usize = 32 * 1024;

/// Number of lines to show.
const SHOWN_LINES: usize = 8;

/// Number of lines to show before the one that names an error.
const LINES_BEFORE: usize = 2;

/// The longest line to show, in characters.
const SHOWN: usize = 500;

/// What a line has that names an error, in lower case.
const ERRORS: [&str; 7] =
    ["panicked at", "panic:", "error", "exception", "fatal", "traceback", "segmentation fault"];

/// What a line has that only the author of a language's runtime can use.
const NOISE: [&str; 5] =
    ["note: run with `RUST_BACKTRACE", "node:internal", "Node.js v", "at std::", "at core::"];

/// How long to wait for the last output of a process.
const GRACE: Duration = Duration::from_millis(30);

/// A shared receiver of a process's output.
pub(crate) type Tap = Arc<dyn Record>;

/// Receives the output of a process.
pub(crate) trait Record: std::fmt::Debug + Send + Sync {
    /// Receives bytes written to `stream`, in order.
    fn record(&self, stream: &'static str, bytes: &[u8]);
}

/// The end of a process's standard error.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn of(mut stderr: ChildStderr, tap: Option<Tap>) -> Self {
        let log = Log::default();
        let kept = log.clone();
        thread::spawn(move || {
            let mut bytes = [0; 8 * 1024];
            while let Ok(read @ 1..) = stderr.read(&mut bytes) {
                let bytes = bytes.get(..read).unwrap_or_default();
                if let Some(tap) = &tap {
                    tap.record("standard error", bytes);
                }
                kept.keep(bytes);
            }
        });
        log
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// The lines that are most likely to say what happened, safe for a terminal; empty if there are
    /// none.
    pub(super) fn last_words(&self) -> String {
        thread::sleep(GRACE);
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = without_colour(&String::from_utf8_lossy(&kept));
        let mut words = String::new();
        for line in useful_lines(&text) {
            // Writing to a string cannot fail.
            let _ = write!(words, "\n  its standard error: {}", clipped(&visible(line), SHOWN));
        }
        words
    }
}

/// The text without the escape sequences that terminals take for colours.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.find(|end: char| ('@'..='~').contains(&end));
        plain.push_str(after.and_then(|end| part.get(end + 1..)).unwrap_or_default());
    }
    plain
}

/// From the last line that names an error on, with a few before it; without one, the last lines.
fn useful_lines(text: &str) -> Vec<&str> {
    let is_noise = |line: &&str| NOISE.iter().any(|noise| line.contains(noise));
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.retain(|line| !is_noise(line));
    // A program that repeats itself says it once.
    lines.dedup();
    let names_an_error = |line: &&str| {
        let line = line.to_lowercase();
        ERRORS.iter().any(|error| line.contains(error))
    };
    let last = lines.len().saturating_sub(SHOWN_LINES);
    let error = lines.iter().rposition(names_an_error);
    let start = error.map_or(last, |error| error.saturating_sub(LINES_BEFORE));
    lines.into_iter().skip(start).take(SHOWN_LINES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_shown_and_not_what_follows_it() {
        let frames: String = (0..30).map(|frame| format!("\tmain.go:{frame} +0x1d\n")).collect();
        let go = format!("listening\npanic: index out of range [3]\n\ngoroutine 1:\n{frames}");
        let lines = useful_lines(&go);
        assert_eq!(
            lines.get(..3).unwrap(),
            ["listening", "panic: index out of range [3]", "goroutine 1:"]
        );
        assert_eq!(lines.len(), SHOWN_LINES);
    }

    #[test]
    fn colours_are_left_out() {
        let text = "\u{1b}[2m10:00\u{1b}[0m \u{1b}[31;1mERROR\u{1b}[0m no \u{1b}[";
        assert_eq!(without_colour(text), "10:00 ERROR no ");
    }

    #[test]
    fn the_last_words_of_a_runtime_are_left_out() {
        let rust = "loading\nthread 'main' panicked at src/main.rs:4:5:\nno such server\n\
                    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let lines = ["loading", "thread 'main' panicked at src/main.rs:4:5:", "no such server"];
        assert_eq!(useful_lines(rust), lines);
        let node = "/srv/subject.mjs:7\n  throw new TypeError('x');\n        ^\nTypeError: x\n    \
                    at resolve (/srv/subject.mjs:7:9)\n    at node:internal/main:1:1\n\nNode.js v20.1.0\n";
        assert_eq!(useful_lines(node).last(), Some(&"    at resolve (/srv/subject.mjs:7:9)"));
        assert!(useful_lines(node).contains(&"TypeError: x"));
    }

    #[test]
    fn without_an_error_the_last_lines_are_shown() {
        let text: String = (0..20).map(|line| format!("line {line}\n")).collect();
        let lines = useful_lines(&text);
        assert_eq!((lines.first(), lines.last()), (Some(&"line 12"), Some(&"line 19")));
        let again = "waiting\n".repeat(50);
        assert_eq!(useful_lines(&again), ["waiting"]);
    }
}
