//! The report as a list of expected failures, for a host that adopts the checker.

use mcp_overlay_model::Rule;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::data::{Report, ReportedFinding};
use crate::display::one_line;
use crate::rules;

/// A file that expects the failures of a run: one entry per rule, with its findings in a comment.
/// Breakdowns are listed in comments only, because they cannot be expected.
pub fn write(report: &Report) -> String {
    let mut text = format!(
        "# Failures that {} is known to have. Each entry must go on failing: one that passes, or\n\
         # that matches nothing, fails the run. An entry may be narrowed to one `finding = \"…\"`.\n",
        one_line(&report.run.subject)
    );
    let mut broken: BTreeMap<Rule, (Option<&str>, BTreeSet<&str>)> = BTreeMap::new();
    let mut others = Vec::new();
    for ReportedFinding { id, expected, finding } in &report.findings {
        match finding.rule {
            _ if finding.is_breakdown() => {
                others.push(format!("{id}: a breakdown cannot be expected"))
            }
            None => others.push(format!("{id}: has no rule; expect it as a finding")),
            Some(rule) => {
                let (reason, ids) = broken.entry(rule).or_default();
                *reason = reason.or(expected.as_deref());
                ids.insert(id);
            }
        }
    }
    for failed in &report.scenarios {
        match failed.rule {
            Some(rule) => drop(broken.entry(rule).or_default()),
            None => others.push(format!("endpoint: {}: has no rule", one_line(&failed.name))),
        }
    }
    for (rule, (reason, ids)) in broken {
        let reason = reason.unwrap_or("known when this file was written; say why");
        let reason = toml::Value::from(reason);
        let ids: String = ids.into_iter().map(|id| format!("\n# {id}")).collect();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n# {}{ids}\n[[expected]]\nrule = \"{rule}\"\nreason = {reason}\n",
            rules::sentence(rule)
        );
    }
    for other in others {
        let _ = write!(text, "\n# {other}\n");
    }
    text
}
