//! Findings as SARIF 2.1.0, which code scanning and editors read.

use mcp_overlay_host::lint::{Finding, Report, Rule, Severity};
use serde_json::{Value, json};

use super::checked::Checked;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";
const PAGE: &str = "docs/lint.md";

/// The log with one run.
pub(super) fn document(checked: &[Checked<'_>]) -> Value {
    let rules: Vec<Value> = Rule::ALL.into_iter().map(rule).collect();
    let results = checked.iter().flat_map(|Checked { name, report, .. }| {
        report.findings().iter().map(move |finding| result(report, finding, name))
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "mcp-overlay",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rule(rule: Rule) -> Value {
    json!({
        "id": rule.id(),
        "shortDescription": {"text": rule.sentence()},
        "help": {"text": format!("{} See {PAGE}.", rule.repair())},
        "defaultConfiguration": {"level": level(rule.severity())},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn result(report: &Report<'_>, finding: &Finding, file: &str) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(file)}});
    if let (Some((start, end)), Value::Object(physical)) = (report.place(finding), &mut physical) {
        let region = json!({
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        });
        physical.insert("region".into(), region);
    }
    let parts = [&*finding.message, &*finding.meaning, &*finding.help];
    let text: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": level(finding.severity()),
        "message": {"text": text.join("; ")},
        "locations": [{"physicalLocation": physical}],
    })
}

/// The file as a relative or absolute reference.
fn uri(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let mut uri = String::new();
    for byte in file.bytes() {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    if file.starts_with('/') { format!("file://{uri}") } else { uri }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri("a b/ö.toml"), "a%20b/%C3%B6.toml");
        assert_eq!(uri("/home/ada/.codex/config.toml"), "file:///home/ada/.codex/config.toml");
    }
}
