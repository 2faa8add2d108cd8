//! How to see a failure of a run again.

use super::data::RunOptions;

impl RunOptions {
    /// The file that a finding or a sequence is saved as.
    pub fn file_of(&self, id: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        match id.chars().all(plain) && !id.starts_with(['-', '.']) {
            true => format!("{id}.json"),
            // Readers copy a command into a shell, so it must not contain untrusted text.
            false => "finding.json".into(),
        }
    }

    /// The command that replays a finding or a sequence of this run.
    pub fn replay(&self, id: &str) -> String {
        let file = self.file_of(id);
        let started = self.invocation.as_ref();
        started.and_then(|started| started.replay(&file)).unwrap_or_else(|| {
            format!("mcp-overlay replay mcp-overlay-findings/{file}{}", self.kind.selecting())
        })
    }
}
