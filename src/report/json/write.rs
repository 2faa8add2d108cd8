//! Writes a report.

use mcp_overlay_model::Rule;
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::lines::{End, FORMAT, FindingLine, Header, RuleLine};
use crate::report::data::Report;

/// Writes the report.
///
/// # Errors
/// Errors of `out`.
pub fn write(report: &Report, out: impl Write) -> io::Result<()> {
    let mut lines = Lines { out, written: 0 };
    let tool = format!("mcp-overlay {}", report.run.version);
    lines.line(&Header { report: FORMAT, tool, run: report.run.clone() })?;
    for phase in &report.phases {
        lines.tagged("phase", phase)?;
    }
    for (id, reached) in counts(report) {
        let status = report.status(id);
        lines.tagged("rule", &RuleLine { id, reached, status })?;
    }
    let causes = causes(report);
    for found in &report.findings {
        let cause = causes.get(found.id.as_str()).copied().unwrap_or(found.id.as_str());
        lines.tagged("finding", &FindingLine { found, cause })?;
    }
    for failed in &report.scenarios {
        lines.tagged("scenario", failed)?;
    }
    for expectation in &report.expectations {
        lines.tagged("expectation", expectation)?;
    }
    for skipped in report.skips.all() {
        lines.tagged("skip", skipped)?;
    }
    lines.tagged("labels", &report.labels)?;
    if let Some(shrinking) = &report.shrinking {
        lines.tagged("shrinking", shrinking)?;
    }
    let end = End {
        verdict: report.verdict(),
        headline: report.headline(),
        gave_up: report.gave_up.clone(),
        not_shown: report.notices(),
        lines: lines.written + 1,
    };
    lines.tagged("end", &end)?;
    lines.out.flush()
}

/// The counts of the profile's rules, including those that were not reached.
fn counts(report: &Report) -> BTreeMap<Rule, u64> {
    let of_profile = |rule: &&Rule| report.rules().has(**rule) || report.rules.count(**rule) > 0;
    Rule::ALL.iter().filter(of_profile).map(|rule| (*rule, report.rules.count(*rule))).collect()
}

/// For each finding, the one that stands for all of its cause.
fn causes(report: &Report) -> BTreeMap<&str, &str> {
    let causes = report.causes().findings.into_iter();
    let ids = causes.flat_map(|cause| {
        let first = cause.first.id.as_str();
        let others = cause.others.into_iter().map(|found| found.id.as_str());
        std::iter::once(first).chain(others).map(move |id| (id, first))
    });
    ids.collect()
}

struct Lines<W> {
    out: W,
    written: u64,
}

impl<W: Write> Lines<W> {
    /// A line `{"kind":body}`.
    fn tagged(&mut self, kind: &str, body: &impl Serialize) -> io::Result<()> {
        self.line(&BTreeMap::from([(kind, body)]))
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")?;
        self.written += 1;
        Ok(())
    }
}
