//! The report as a file for programs, and for `merge`: lines of JSON, `docs/reports.md`.
//!
//! The last line says what the run came to and how many lines there are, so that a file of which
//! the end is missing is never taken for a run that found nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::shown::{clipped, one_line};
use super::{
    Expectation, PhaseReport, Report, ReportedFinding, RuleStatus, RunOptions, RunVerdict,
    ScenarioFailure,
};
use crate::cases::labels::LabelCounts;
use crate::rules;
use crate::rules::coverage::RuleCounts;

mod read;

pub use read::{BadReport, read};

/// The version of the file format.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    report: u32,
    tool: String,
    run: RunOptions,
}

/// A rule, and what became of it.
#[derive(Serialize, Deserialize)]
struct RuleLine {
    id: String,
    reached: u64,
    /// For readers; it follows from the other lines.
    status: RuleStatus,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct End {
    verdict: RunVerdict,
    /// For readers; it follows from the other lines.
    headline: String,
    gave_up: Option<String>,
    /// All lines of the file, the first and this one too.
    lines: u64,
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: impl Write) -> io::Result<()> {
    let mut lines = Lines { out, written: 0 };
    let tool = format!("mcp-overlay {}", report.run.version);
    lines.line(&Header { report: FORMAT, tool, run: report.run.clone() })?;
    for phase in &report.phases {
        lines.tagged("phase", phase)?;
    }
    for (id, reached) in counts(&report.rules)? {
        let status = report.status(&id);
        lines.tagged("rule", &RuleLine { id, reached, status })?;
    }
    for found in &report.findings {
        lines.tagged("finding", found)?;
    }
    for failed in &report.scenarios {
        lines.tagged("scenario", failed)?;
    }
    for expectation in &report.expectations {
        lines.tagged("expectation", expectation)?;
    }
    lines.tagged("labels", &report.labels)?;
    let end = End {
        verdict: report.verdict(),
        headline: report.headline(),
        gave_up: report.gave_up.clone(),
        lines: lines.written + 1,
    };
    lines.tagged("end", &end)?;
    lines.out.flush()
}

/// Every rule, those that were not reached too.
fn counts(rules: &RuleCounts) -> io::Result<BTreeMap<String, u64>> {
    let reached = serde_json::to_value(rules).and_then(serde_json::from_value);
    let mut counts: BTreeMap<String, u64> = reached?;
    for id in rules::all().keys() {
        counts.entry((*id).to_string()).or_default();
    }
    Ok(counts)
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
