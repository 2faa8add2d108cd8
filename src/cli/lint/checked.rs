//! A file that was checked, in a line and as an exit status.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use mcp_overlay_host::lint::{Report, Severity};

use super::super::console::FINDINGS;

/// A file and what was found in it.
pub(super) struct Checked<'a> {
    pub(super) name: &'a str,
    pub(super) report: Report<'a>,
    /// The positions of the findings that have a repair that can be made.
    pub(super) fixable: BTreeSet<usize>,
}

/// The exit status of them all.
pub(super) fn status(checked: &[Checked<'_>], strict: bool) -> ExitCode {
    let fails = |checked: &Checked<'_>| {
        let report = &checked.report;
        report.count(Severity::Error) > 0 || (strict && !report.findings().is_empty())
    };
    if checked.iter().any(fails) { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS }
}

/// One line about a file.
pub(super) fn summary(Checked { name, report, fixable }: &Checked<'_>) -> String {
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    if errors + warnings == 0 {
        return format!("{name}: no findings\n");
    }
    let mut line = format!("{name}: {}, {}", count(errors, "error"), count(warnings, "warning"));
    if report.has_more() {
        line.push_str("; further findings are left out");
    }
    if !fixable.is_empty() {
        let _ = write!(line, "; --fix repairs {}, --diff shows how", fixable.len());
    }
    line.push('\n');
    line
}

/// `1 error`, `2 errors`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
