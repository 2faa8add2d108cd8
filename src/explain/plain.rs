//! An explanation for people: which servers Codex starts, which it does not, and why.

use std::fmt::Write as _;

use super::reasons::State;
use super::story::Story;
use super::views::Explanation;
use crate::display::{printable, printable_lines};

impl Explanation {
    /// Which servers are started and which are not, and why.
    #[must_use]
    pub fn plain(&self) -> String {
        let (started, others): (Vec<&Story>, Vec<&Story>) =
            self.servers.iter().partition(|story| story.state == State::Started);
        let width = self.servers.iter().map(|story| printable(&story.name).chars().count()).max();
        let mut text = String::new();
        for (title, stories) in [("started", started), ("not started", others)] {
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "{title}");
            if stories.is_empty() {
                let _ = writeln!(text, "  (no servers)");
            }
            stories.iter().for_each(|story| story.write(&mut text, width.unwrap_or_default()));
        }
        text
    }

    /// The story of one name; `None` if nothing defines it.
    #[must_use]
    pub fn story(&self, name: &str) -> Option<String> {
        Some(self.servers.iter().find(|story| story.name == name)?.whole())
    }
}

impl Story {
    fn write(&self, text: &mut String, width: usize) {
        let first = if self.server.is_empty() { self.reason() } else { self.server.clone() };
        let _ = writeln!(text, "  {:<width$}  {first}", printable(&self.name));
        if !self.server.is_empty() {
            let _ = writeln!(text, "  {:<width$}  {}", "", self.reason());
        }
    }

    fn reason(&self) -> String {
        match (self.source.as_str(), self.why.as_str()) {
            (source, "") => printable_lines(source),
            (source, why) => printable_lines(&format!("{source}: {why}")),
        }
    }

    fn whole(&self) -> String {
        let mut text = format!("{}\n", printable(&self.name));
        for (number, step) in self.steps.iter().enumerate() {
            let place = step.place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
            let _ = writeln!(text, "  {}. {}{place}", number + 1, printable_lines(&step.what));
        }
        let state = match self.state {
            State::Started => "started",
            State::Disabled | State::CannotStart | State::Absent => "not started",
        };
        let _ = writeln!(text, "{state}: {}", self.reason());
        text
    }
}
