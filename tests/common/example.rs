//! A case with its expected answer, in the format of the examples in `docs/semantics.md`.

use mcp_overlay::judge::compare::same;
use mcp_overlay::subject::{Subject, Visibility};
use mcp_overlay_model::{Answer, Case, Outcome, ServerView, resolve};
use serde_json::Value;

use crate::common::SUBJECTS;

/// Asks both subjects and compares what `expect` names. Only a running host shows `seen`, so only
/// the model is asked for it.
#[track_caller]
pub(crate) fn check(case: &Value, expect: &Value) {
    if expect.get("seen").is_some() {
        if let Err(problem) = compare_seen(case, expect) {
            panic!("{problem}\n  case: {case}");
        }
        return;
    }
    for subject in SUBJECTS {
        if let Err(problem) = compare_example(subject, case, expect) {
            panic!("{}: {problem}\n  case: {case}", subject.name());
        }
    }
}

/// Compares a subject's answer to `case` with the parts of it that `expect` names.
pub(crate) fn compare_example(
    subject: &dyn Subject,
    case: &Value,
    expect: &Value,
) -> Result<(), String> {
    let case: Case = serde_json::from_value(case.clone()).map_err(|e| format!("no case: {e}"))?;
    let answer = subject.resolve(&case);
    let expected = expect.as_object().ok_or("`expect` must be a table")?;
    if expected.is_empty() {
        return Err("`expect` is empty: nothing would be compared".into());
    }
    for (part, want) in expected {
        let got = part_of(&answer, part)?;
        if !got.as_ref().is_some_and(|got| same(want, got)) {
            let got = got.map_or_else(|| format!("{answer:?}"), |got| got.to_string());
            return Err(format!("`{part}`\n  expected: {want}\n  actual:   {got}"));
        }
    }
    Ok(())
}

/// Compares the expected observation of a running host with `seen`, which must be the only part.
pub(crate) fn compare_seen(case: &Value, expect: &Value) -> Result<(), String> {
    let case: Case = serde_json::from_value(case.clone()).map_err(|e| format!("no case: {e}"))?;
    let (Some(want), Some(1)) = (expect.get("seen"), expect.as_object().map(|e| e.len())) else {
        return Err("`seen` is all that is expected of a running host".into());
    };
    let outcome = Visibility::Outside.of(&case, resolve(&case));
    let Outcome::Observed(observed) = &outcome else {
        return Err(format!("nothing is seen but a rejection: {outcome:?}"));
    };
    let got = serde_json::to_value(observed.present()).map_err(|e| e.to_string())?;
    if same(want, &got) { Ok(()) } else { Err(format!("expected: {want}\n  actual:   {got}")) }
}

/// The part of an answer that an `expect` names; `None` if this kind of answer does not have it.
fn part_of(answer: &Answer, part: &str) -> Result<Option<Value>, String> {
    let view = |servers: &ServerView| serde_json::to_value(servers).ok();
    Ok(match (part, answer) {
        ("configured", Answer::Resolved { views, .. }) => view(&views.configured),
        ("runtime", Answer::Resolved { views, .. }) => view(&views.runtime),
        ("effective", Answer::Resolved { views, .. }) => view(&views.effective),
        ("plugin_owners", Answer::Resolved { plugin_owners, .. }) => {
            serde_json::to_value(plugin_owners).ok()
        }
        ("rejected", Answer::Rejected { rejected }) => Some(rejected.path.as_str().into()),
        ("configured" | "runtime" | "effective" | "plugin_owners" | "rejected", _) => None,
        _ => return Err(format!("`expect` names an unknown part `{part}`")),
    })
}
