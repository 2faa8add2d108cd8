//! The three views of the specification, with the rule that decided each name.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::shown::summary;
use super::story::Story;
use crate::display::printable;

/// The three views, with a reason for each server.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Version of this format.
    pub explanation: u32,
    /// The profile.
    pub profile: &'static str,
    /// How the user is signed in.
    pub auth: &'static str,
    /// The installed contributors, in registration order.
    pub contributors: Vec<String>,
    /// Config and plugins.
    pub configured: ExplainedView,
    /// After contributions.
    pub runtime: ExplainedView,
    /// After the gate and the legacy loader.
    pub effective: ExplainedView,
    /// Each name: whether Codex starts its server, and why.
    pub servers: Vec<Story>,
}

/// One view.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedView {
    /// The servers in the view.
    pub servers: Vec<Present>,
    /// The names that something removed or kept out.
    pub absent: Vec<Absent>,
}

/// A server of a view, without header values, environment values, arguments and URL paths.
#[derive(Clone, Debug, Serialize)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// In canonical form, secrets replaced by `***`.
    pub server: Value,
    /// The rule that decided.
    pub rule: &'static str,
    /// The input that decided.
    pub because: String,
}

/// A server that a view lacks.
#[derive(Clone, Debug, Serialize)]
pub struct Absent {
    /// Its name.
    pub name: String,
    /// The rule that decided.
    pub rule: &'static str,
    /// The input that decided.
    pub because: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contributors = match self.contributors.as_slice() {
            [] => "none".to_string(),
            ids => ids.iter().map(|id| printable(id)).collect::<Vec<_>>().join(", "),
        };
        writeln!(
            f,
            "profile: {}; auth: {}; contributors: {contributors}\n",
            self.profile, self.auth
        )?;
        let views = [
            ("configured", "config and plugins", &self.configured),
            ("runtime", "after contributions", &self.runtime),
            ("effective", "what the host uses with this auth", &self.effective),
        ];
        for (position, (name, meaning, view)) in views.into_iter().enumerate() {
            let gap = if position == 0 { "" } else { "\n" };
            writeln!(f, "{gap}{name} ({meaning})")?;
            view.write(f, name)?;
        }
        Ok(())
    }
}

impl ExplainedView {
    fn write(&self, f: &mut fmt::Formatter<'_>, view: &str) -> fmt::Result {
        let rows: Vec<[String; 3]> = self
            .servers
            .iter()
            .map(|server| {
                let why = format!("{}: {}", server.rule, server.because);
                [printable(&server.name), summary(&server.server), why]
            })
            .collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let (names, servers) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
        for [name, server, why] in &rows {
            writeln!(f, "  {name:<names$}  {server:<servers$}  {why}")?;
        }
        if rows.is_empty() {
            writeln!(f, "  (no servers)")?;
        }
        for absent in &self.absent {
            let Absent { name, rule, because } = absent;
            writeln!(f, "  {} is absent from {view}: {rule}, {because}", printable(name))?;
        }
        Ok(())
    }
}
