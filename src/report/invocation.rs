//! How a run was started, so that a reader can paste the commands of a report into a shell.

use serde::{Deserialize, Serialize};

use crate::display::visible;

/// The words of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// The whole command; empty in a report that was merged.
    #[serde(default)]
    pub command: Vec<String>,
    /// The options that select the subject.
    #[serde(default)]
    pub selecting: Vec<String>,
    /// The folder of saved findings.
    #[serde(default)]
    pub findings: String,
}

impl Invocation {
    /// The same without values that look like secrets: a report may be published.
    #[must_use]
    pub fn without_secrets(self) -> Self {
        let masked = |words: Vec<String>| words.iter().map(|word| without_secrets(word)).collect();
        Invocation {
            command: masked(self.command),
            selecting: masked(self.selecting),
            findings: self.findings,
        }
    }

    /// The command as a shell reads it.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        if self.command.is_empty() { None } else { in_a_shell(&self.command) }
    }

    /// The command that replays a saved file, as a shell reads it.
    #[must_use]
    pub fn replay(&self, file: &str) -> Option<String> {
        let folder = self.findings.trim_end_matches('/');
        let words = ["mcp-overlay", "replay"].map(str::to_string).into_iter();
        let words = words.chain([format!("{folder}/{file}")]).chain(self.selecting.iter().cloned());
        in_a_shell(&words.collect::<Vec<_>>())
    }
}

/// The words, quoted; `None` if one has a character that cannot be seen.
fn in_a_shell(words: &[String]) -> Option<String> {
    let is_visible = words.iter().all(|word| visible(word) == *word && !word.contains('\n'));
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    is_visible.then(|| quoted.join(" "))
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A word, which may be a command itself, without the values of variables with such names.
fn without_secrets(word: &str) -> String {
    let is_secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["TOKEN", "KEY", "SECRET", "PASSWORD"].iter().any(|part| name.contains(part))
    };
    let part = |part: &str| match part.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}=…"),
        _ => part.to_string(),
    };
    word.split(' ').map(part).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn commands_can_be_pasted() {
        let selecting = words(&["--app-server", "it's codex app-server"]);
        let invocation = Invocation { command: Vec::new(), selecting, findings: "my dir/".into() };
        let replay = invocation.replay("gate.open-1.json").unwrap();
        assert_eq!(
            replay,
            r"mcp-overlay replay 'my dir/gate.open-1.json' --app-server 'it'\''s codex app-server'"
        );
        assert_eq!(invocation.command(), None);
    }

    #[test]
    fn what_cannot_be_seen_is_not_to_be_pasted() {
        let command = words(&["mcp-overlay", "\u{202e}check"]);
        assert_eq!(Invocation { command, ..Invocation::default() }.command(), None);
    }

    #[test]
    fn values_that_look_like_secrets_are_left_out() {
        let command = words(&["check", "--stdio", "env API_KEY=sk-1 MODE=x host --token=abc"]);
        let invocation = Invocation { command, ..Invocation::default() }.without_secrets();
        assert_eq!(invocation.command[2], "env API_KEY=… MODE=x host --token=…");
    }
}
