//! Findings as one JSON document.

use mcp_overlay_host::lint::Severity;
use mcp_overlay_model::Profile;
use serde_json::{Value, json};

use super::checked::Checked;

/// Version of this format.
const VERSION: u32 = 1;

/// The findings of one file. Lines and columns count from 1, columns in characters; a finding about the file as
/// a whole has neither.
pub(super) fn document(Checked { name, report, fixable }: &Checked<'_>, profile: Profile) -> Value {
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
        "file": name,
        "profile": profile.name(),
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "complete": !report.has_more(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

/// The documents of several files.
pub(super) fn of_several(checked: &[Checked<'_>], profile: Profile) -> Value {
    let sum = |severity| checked.iter().map(|one| one.report.count(severity)).sum::<usize>();
    json!({
        "lint": VERSION,
        "profile": profile.name(),
        "errors": sum(Severity::Error),
        "warnings": sum(Severity::Warning),
        "complete": checked.iter().all(|one| !one.report.has_more()),
        "files": checked.iter().map(|one| document(one, profile)).collect::<Vec<_>>(),
    })
}
