//! Findings about a `config.toml`: everything that a host refuses or ignores, and what surprises people.
//!
//! [`lint`] reads a text and returns a [`Report`]. It never fails, whatever the text is, and neither
//! findings nor lines that are shown contain a secret of the text.

mod carried_over;
mod elsewhere;
mod features;
mod finding;
mod fix;
mod invalid;
mod known_keys;
mod leaks;
mod lines;
mod needed;
mod parsed;
mod path;
mod recognised;
mod render;
mod rule;
mod secrets;
mod server;
mod servers;
mod shapes;
mod shown;
mod spelling;
mod starting;
mod surroundings;
mod syntax_help;
mod unknown;
mod values;
mod words;

use std::collections::BTreeSet;
use std::fmt;

pub use finding::{Finding, Fix, MAX_FINDINGS};
pub use fix::{FixError, Fixed};
pub use lines::Position;
pub use rule::{Rule, Severity};
pub use servers::name_fault;
pub use spelling::did_you_mean;
pub use surroundings::{Release, Surroundings};
pub use syntax_help::SYNTAX_HELP;
pub use values::newest_release;

use finding::Found;
use invalid::Syntax;
use lines::Lines;
use shown::{Hidden, Parts};

use crate::config::{Environment, MAX_CONFIG_BYTES};

const NOT_UTF8: &str =
    "save the file as UTF-8: an editor for Windows may have written UTF-16 or a code page";

/// The findings of a text, in the order of its lines.
#[derive(Debug)]
pub struct Report<'a> {
    lines: Lines<'a>,
    hidden: Hidden,
    findings: Vec<Finding>,
    more: bool,
    given: Given,
}

/// What decides about what Codex refuses.
#[derive(Debug, Clone, Default)]
struct Given {
    environment: Environment,
    release: Option<Release>,
}

/// Checks the text of a `config.toml`.
#[must_use]
pub fn lint<'a>(text: &'a str, given: &Surroundings) -> Report<'a> {
    let mut found = Found::default();
    if u64::try_from(text.len()).is_ok_and(|size| size > MAX_CONFIG_BYTES) {
        return too_large();
    }
    let lines = Lines::of(text);
    let hidden = match invalid::parse(&lines, &mut found) {
        Syntax::Invalid => Hidden::Values,
        Syntax::Valid(root) => {
            invalid::check(&lines, &root, given, &mut found);
            values::check(&root, given.release, &mut found);
            needed::check(&root, given.release, &mut found);
            features::check(&root, given.release, &mut found);
            unknown::check(&root, given.environment.profile(), &mut found);
            servers::check(text, &root, given, &mut found);
            elsewhere::check(&root, given, &mut found);
            Hidden::Parts(Parts::of(text, secrets::hidden(text, &root)))
        }
    };
    let Found { mut findings, more } = found;
    // A key that makes Codex refuse the file is not ignored as well.
    let refused: Vec<String> = findings
        .iter()
        .filter(|finding| finding.rule == Rule::InvalidValue)
        .map(|finding| finding.key.clone())
        .collect();
    findings.retain(|finding| finding.rule != Rule::UnknownKey || !refused.contains(&finding.key));
    findings.sort_by_key(|finding| (finding.span.as_ref().map(|span| span.start), finding.rule));
    let given = Given { environment: given.environment.clone(), release: given.release };
    Report { lines, hidden, findings, more, given }
}

/// The report about a file of more than [`MAX_CONFIG_BYTES`].
#[must_use]
pub fn too_large() -> Report<'static> {
    let reason = format!("the file is larger than {} MiB", MAX_CONFIG_BYTES >> 20);
    let finding = Finding { span: None, ..Finding::new(Rule::Syntax, 0..0, reason) };
    let findings = vec![finding.meaning("Codex refuses the file")];
    Report {
        lines: Lines::of(""),
        hidden: Hidden::Values,
        findings,
        more: false,
        given: Given::default(),
    }
}

/// The report about a file that is not UTF-8. The text has a replacement for each byte that is no part of a
/// character, the first at `at`.
#[must_use]
pub fn not_utf8(text: &str, at: usize) -> Report<'_> {
    let end = text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
    let finding = Finding::new(Rule::Syntax, at..end, "the file is not UTF-8");
    let finding = finding.meaning("Codex refuses the file; nothing else in it was checked");
    let findings = vec![finding.help(NOT_UTF8)];
    Report {
        lines: Lines::of(text),
        hidden: Hidden::Values,
        findings,
        more: false,
        given: Given::default(),
    }
}

impl<'a> Report<'a> {
    /// The findings.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether there are more than [`MAX_FINDINGS`].
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// How many findings are of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }

    /// The first and the last place of a finding; `None` if it is about the file as a whole.
    #[must_use]
    pub fn place(&self, finding: &Finding) -> Option<(Position, Position)> {
        let span = finding.span.as_ref()?;
        Some((self.lines.position(span.start), self.lines.position(span.end)))
    }

    /// Keeps these findings alone.
    #[must_use]
    pub fn only(self, is_wanted: impl Fn(&Finding) -> bool) -> Self {
        let findings = self.findings.into_iter().filter(is_wanted);
        Self { findings: findings.collect(), ..self }
    }

    /// The findings for a terminal, with styles as escape sequences. Print them through `anstream`.
    #[must_use]
    pub fn in_terminal<'r>(&'r self, file: &'r str) -> impl fmt::Display + 'r {
        self.those_in_terminal(file, |_| true)
    }

    /// The same without those that other files or the environment show.
    #[must_use]
    pub fn about_reading<'r>(&'r self, file: &'r str) -> impl fmt::Display + 'r {
        self.those_in_terminal(file, Rule::is_about_reading)
    }

    fn those_in_terminal<'r>(
        &'r self,
        file: &'r str,
        is_wanted: fn(Rule) -> bool,
    ) -> impl fmt::Display + 'r {
        fmt::from_fn(move |f| {
            for finding in self.findings.iter().filter(|finding| is_wanted(finding.rule)) {
                writeln!(f, "{}", render::render(finding, &self.lines, &self.hidden, file))?;
            }
            Ok(())
        })
    }

    /// The text with its secrets hidden. A text that is not TOML is hidden as a whole.
    #[must_use]
    pub fn text_without_secrets(&self) -> String {
        match &self.hidden {
            Hidden::Parts(parts) => shown::whole(self.lines.text(), parts),
            Hidden::Values => String::new(),
        }
    }

    /// The text with every safe repair made.
    ///
    /// # Errors
    /// The text is written in a way that cannot be repaired without changing other parts of it.
    pub fn fixed(&self) -> Result<Fixed, FixError> {
        fix::fixed(self.lines.text(), &self.findings, &|text| self.given.refused(text))
    }

    /// The positions of the findings that [`fixed`](Self::fixed) repairs.
    #[must_use]
    pub fn fixable(&self) -> BTreeSet<usize> {
        let Ok(fixed) = self.fixed() else { return BTreeSet::new() };
        let findings = self.findings.iter().enumerate();
        let has_fix = findings.filter(|(_, finding)| finding.fix.is_some()).map(|(at, _)| at);
        has_fix.filter(|at| !fixed.left.contains(at)).collect()
    }
}

impl Given {
    /// How much of a text Codex refuses.
    fn refused(&self, text: &str) -> usize {
        let (environment, release) = (self.environment.clone(), self.release);
        let report = lint(text, &Surroundings { environment, release, ..Surroundings::default() });
        let refused =
            |finding: &&Finding| matches!(finding.rule, Rule::Syntax | Rule::InvalidValue);
        report.findings.iter().filter(refused).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_to_write() {
        for (text, rule, help) in [
            ("{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n", Rule::Syntax, "write TOML"),
            ("a = \"C:\\Users\\x\"\n", Rule::Syntax, "single quotes"),
            ("a = \u{201c}x\u{201d}\n", Rule::Syntax, "straight quotes"),
            ("a = \"x\",\n", Rule::Syntax, "remove the comma"),
            ("// note\n", Rule::Syntax, "begins with `#`"),
            ("[mcp_servers.a]\ncommand: \"x\"\n", Rule::Syntax, "key = value"),
            (
                "[mcp_servers.a]\ncommand = \"x\"\nautoApprove = []\n",
                Rule::UnknownKey,
                "approval_mode",
            ),
            (
                "[mcp_servers.a]\ncommand = \"x\"\nallowed_tools = []\n",
                Rule::MisspelledKey,
                "enabled_tools",
            ),
            (
                "[mcp_servers.a]\ncommand = \"x\"\n[mcp_servers.a.env]\nA = \"1\"\nenabled = false\n",
                Rule::InvalidValue,
                "`enabled` is a key of the server: move it above `[mcp_servers.a.env]`",
            ),
            (
                "[mcp_servers.a]\nurl = \"https://a.example\"\nhttp_headers = { required = true }\n",
                Rule::InvalidValue,
                "move it out of `http_headers`",
            ),
            (
                "[mcp_servers.a]\nurl = \"https://a.example\"\n[mcp_servers.a.oauth]\nenabled = false\n",
                Rule::UnknownKey,
                "move it to `[mcp_servers.a]`",
            ),
            (
                "[mcp_servers.codex_apps]\nenabled = false\n",
                Rule::AppsTimeoutOnly,
                "`apps = false` below `[features]`",
            ),
            (
                "[mcp_servers.codex_apps]\ntools.x.approval_mode = \"approve\"\n",
                Rule::AppsTimeoutOnly,
                "`[apps.ID]`",
            ),
            ("[mcp_servers.a]\ncommand = \"x\"\ntimeout_sec = 3\n", Rule::UnknownKey, "_sec` or"),
            (
                "[mcp_servers.a]\ncommand = \"x\"\nenv_vars = [\"HOME=1\"]\n",
                Rule::NotAVariable,
                "name alone; a value of your own belongs in `env`",
            ),
            (
                "[mcp_servers.a]\nurl = \"https://a.example\"\nhttp_headers = { \"X Key\" = \"1\" }\n",
                Rule::HeaderName,
                "write the name alone",
            ),
            (
                "[mcp_servers.a]\ncommand = \"x\"\nstartup_timeout_sec = 0\n",
                Rule::UnusableTimeout,
                "how long",
            ),
            (
                "[mcp_servers.a]\nurl = \"https://a.example\"\nstartup_timeout_sec = 9223372036854775807\n",
                Rule::UnusableTimeout,
                "how long",
            ),
            ("chatgpt_base_url = \"x\"\n", Rule::BaseUrl, "absolute http"),
            ("[profiles.work]\nmodel = \"m\"\n", Rule::NoEffect, "the file work.config.toml"),
            ("[features]\nrmcp_client = 1\n", Rule::InvalidValue, "true or false"),
            ("[features]\nrmcp_client = true\n", Rule::UnknownKey, "remove it"),
        ] {
            let report = lint(text, &Surroundings::default());
            let [finding] = report.findings() else { panic!("{text}: {:?}", report.findings()) };
            assert_eq!(finding.rule, rule, "{text}");
            assert!(finding.help.contains(help), "{text}: {finding:?}");
        }
    }
    /// The host's own reader takes such files and goes on without the part; Codex does not.
    #[test]
    fn what_codex_refuses_is_not_said_to_be_ignored() {
        for text in [
            "plugins = 3",
            "plugins.p.enabled = 3",
            "apps.a.enabled = 3",
            "plugins.p.mcp_servers.s.enabled = 3",
            "plugins.p.mcp_servers = 3",
        ] {
            let report = lint(text, &Surroundings::default());
            let [finding] = report.findings() else { panic!("{text}: {:?}", report.findings()) };
            assert_eq!(finding.meaning, "Codex refuses the file", "{text}");
            assert!(!finding.help.contains(';'), "{text}: {}", finding.help);
        }
    }
}
