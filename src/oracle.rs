//! Judging one case: the specification's outcome, the subject's answer, the verdict.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mcp_overlay_host::{Environment, HostConfig};
use mcp_overlay_model::{
    Answer, Auth, Case, Contributor, ContributorKind, Outcome, Profile, Rejected, resolve,
};
use serde_json::Value;

use crate::blame::rule_by_experiment;
use crate::compare::{Verdict, compare};
use crate::finding::Finding;
use crate::generate::case_from_bytes;
use crate::minimise::minimise;
use crate::protocol;
use crate::subject::{HostInputs, ProductionSubject, Subject};
use crate::toml_case::host_from_toml;

/// How many candidates minimising a case may try.
pub const MINIMISE_BUDGET: usize = 20_000;

thread_local! {
    /// Whether this thread is inside a subject: a panic there is the subject's.
    static IN_SUBJECT: Cell<bool> = const { Cell::new(false) };
}

/// Asks the subject and compares. A panic of an in-process subject is its crash, not ours.
pub fn judge(subject: &dyn Subject, case: &Case) -> (Outcome, Verdict) {
    let (expected, _, verdict) = ask(subject, case);
    (expected, verdict)
}

/// [`judge`], with the answer, which a crash does not give.
fn ask(subject: &dyn Subject, case: &Case) -> (Outcome, Option<Answer>, Verdict) {
    let expected = resolve(case);
    IN_SUBJECT.set(true);
    let answer = catch_unwind(AssertUnwindSafe(|| subject.resolve(case)));
    IN_SUBJECT.set(false);
    match answer {
        Ok(answer) => {
            let verdict = compare(case, &expected, &answer);
            (expected, Some(answer), verdict)
        }
        Err(panic) => (expected, None, Verdict::Crashed(panic_message(&*panic))),
    }
}

/// Keeps the panics of subjects off standard error: each is a finding and reported as one, and
/// minimising it would print it again and again. Panics of the tool itself stay as loud as ever.
pub fn silence_subjects() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IN_SUBJECT.get() {
            loud(panic);
        }
    }));
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panicked without a message").to_string()
}

/// Makes a failing case small and describes it.
///
/// The failure keeps its kind and, as long as that is possible, the rule that is blamed. At the
/// end no single step makes the case smaller and keeps the failure, unless [`MINIMISE_BUDGET`] ran
/// out before.
pub fn investigate(subject: &dyn Subject, case: &Case) -> Option<Finding> {
    let (_, first) = judge(subject, case);
    if !first.is_finding() {
        return None;
    }
    let same_kind = |verdict: &Verdict| {
        verdict.is_finding() && std::mem::discriminant(verdict) == std::mem::discriminant(&first)
    };
    let same_rule = minimise(case, MINIMISE_BUDGET, |candidate| {
        let (_, verdict) = judge(subject, candidate);
        same_kind(&verdict) && verdict.rule() == first.rule()
    });
    let smallest =
        minimise(&same_rule, MINIMISE_BUDGET, |candidate| same_kind(&judge(subject, candidate).1));
    describe(subject, smallest)
}

/// Judges a case and describes what is wrong, with the rule to blame; `None` if nothing is.
pub fn describe(subject: &dyn Subject, case: Case) -> Option<Finding> {
    let (expected, answer, verdict) = ask(subject, &case);
    let rule = match (&verdict, &answer) {
        (Verdict::Disagree(_), Some(answer)) => {
            rule_by_experiment(subject, &case, answer).or(verdict.rule())
        }
        _ => None,
    };
    Finding::new(subject.name(), case, &expected, answer, &verdict, rule)
}

/// Holds the production implementation against the model on the case that `bytes` make.
///
/// # Errors
/// The finding as text.
pub fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    match investigate(&ProductionSubject, &case_from_bytes(bytes)) {
        None => Ok(()),
        Some(finding) => Err(finding.to_string()),
    }
}

/// Holds the production reading of a `config.toml` against the model's: no panic, both accept or
/// both reject at the same place, and the same views come of it.
///
/// # Errors
/// The difference, in words.
pub fn check_toml(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(());
    };
    let production = HostConfig::from_toml_str(text, "config.toml", &[], Environment::default());
    let host = match (host_from_toml(text), &production) {
        (Err(_), Err(_)) => return Ok(()),
        (Err(error), Ok(_)) => {
            return Err(format!("production accepts what is no TOML: {error}"));
        }
        (Ok(host), _) => host,
    };
    // How deep a reader goes is no rule; a host refuses what is much deeper than any real config.
    if production.as_ref().is_err_and(|error| error.path() == "host") && depth(&host) > DEEP {
        return Ok(());
    }
    let hosted = Contributor { id: "hosted-apps".into(), kind: ContributorKind::HostedApps };
    let case = Case {
        id: String::new(),
        profile: Profile::default(),
        host,
        plugins: Vec::new(),
        contributors: vec![hosted],
        auth: Some(Auth::ChatGpt),
    };
    let answer = match production {
        Err(error) => Answer::Rejected {
            rejected: Rejected { path: error.path().into(), reason: error.to_string() },
        },
        Ok(host) => match HostInputs::new(host.value, Vec::new(), &case.contributors, case.auth) {
            Ok(inputs) => inputs.answer(),
            Err(rejected) => Answer::Rejected { rejected },
        },
    };
    match compare(&case, &resolve(&case), &answer) {
        Verdict::Agree => Ok(()),
        verdict => Err(format!("{verdict:?}")),
    }
}

/// Levels of nesting that every reader of a config must manage.
const DEEP: usize = 60;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(table) => 1 + table.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Gives bytes to the subject's side of the protocol: it ends in an answer or an error, and what
/// it wrote are whole lines of JSON.
///
/// # Errors
/// The broken line.
pub fn check_protocol(bytes: &[u8]) -> Result<(), String> {
    let mut output = Vec::new();
    let _ = protocol::serve(&ProductionSubject, bytes, &mut output);
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        if !line.ends_with(b"\n") || serde_json::from_slice::<Value>(line).is_err() {
            return Err(format!("not a line of JSON: {}", String::from_utf8_lossy(line)));
        }
    }
    Ok(())
}
