//! Findings as one JSON document.

use std::collections::BTreeSet;

use mcp_overlay_host::lint::{Report, Severity};
use mcp_overlay_model::Profile;
use serde_json::{Value, json};

/// Version of this format.
const VERSION: u32 = 1;

/// The findings, those at `fixable` with a repair that can be made. Lines and columns count from 1, columns in characters; a finding about the file as a
/// whole has neither.
pub(super) fn document(
    report: &Report<'_>,
    fixable: &BTreeSet<usize>,
    file: &str,
    profile: Profile,
) -> Value {
    let findings = report.findings().iter().enumerate().map(|(at, finding)| {
        let mut value = json!({
            "rule": finding.rule.id(),
            "severity": finding.severity().word(),
            "key": finding.key,
            "message": finding.message,
            "meaning": finding.meaning,
            "help": finding.help,
            "fixable": fixable.contains(&at),
        });
        if let (Some((start, end)), Value::Object(value)) = (report.place(finding), &mut value) {
            value.insert("line".into(), start.line.into());
            value.insert("column".into(), start.column.into());
            value.insert("end_line".into(), end.line.into());
            value.insert("end_column".into(), end.column.into());
        }
        value
    });
    json!({
        "lint": VERSION,
        "file": file,
        "profile": profile.name(),
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "complete": !report.has_more(),
        "findings": findings.collect::<Vec<_>>(),
    })
}
