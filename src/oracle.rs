//! Judging one case: the specification's outcome, the subject's answer, the verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mcp_overlay_host::{Environment, HostConfig};
use mcp_overlay_model::resolution::present;
use mcp_overlay_model::{Case, Outcome, resolve};

use crate::blame::rule_by_rewriting;
use crate::compare::{Verdict, compare, same};
use crate::finding::Finding;
use crate::generate::case_from_bytes;
use crate::minimise::minimise;
use crate::protocol;
use crate::subject::{ProductionSubject, Subject};
use crate::toml_case::host_from_toml;

/// How many candidates minimising a case may try.
pub const MINIMISE_BUDGET: usize = 20_000;

/// Asks the subject and compares. A panic of an in-process subject is its crash, not ours.
pub fn judge(subject: &dyn Subject, case: &Case) -> (Outcome, Verdict) {
    let expected = resolve(case);
    let verdict = match catch_unwind(AssertUnwindSafe(|| subject.resolve(case))) {
        Ok(answer) => compare(case, &expected, &answer),
        Err(panic) => Verdict::Crashed(panic_message(&*panic)),
    };
    (expected, verdict)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panicked without a message").to_string()
}

/// Makes a failing case small and describes it.
///
/// The failure keeps its kind and, as long as that is possible, the rule that is blamed; at the
/// end dropping any one part makes the subject agree.
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
    let (expected, verdict) = judge(subject, &case);
    let rule = match verdict {
        Verdict::Disagree(_) => rule_by_rewriting(subject, &case).or(verdict.rule()),
        _ => None,
    };
    Finding::new(subject, case, &expected, &verdict, rule)
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
/// both reject at the same place, and the same servers come of it.
///
/// # Errors
/// The difference, in words.
pub fn check_toml(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(());
    };
    let production = HostConfig::from_toml_str(text, "config.toml", &[], Environment::default());
    let expected = host_from_toml(text).map(|host| resolve(&case_of_host(host)));
    match (expected, production) {
        (Err(_), Err(_)) => Ok(()),
        (Err(error), Ok(_)) => Err(format!("production accepts what is no TOML: {error}")),
        (Ok(Outcome::Rejected(places)), Err(error)) => {
            let expected = places.first().map(|place| place.path.as_str());
            if expected == Some(error.path()) {
                return Ok(());
            }
            Err(format!("rejected at {}, expected at {expected:?}", error.path()))
        }
        (Ok(Outcome::Rejected(places)), Ok(_)) => {
            Err(format!("production accepts, the specification rejects: {places:?}"))
        }
        (Ok(Outcome::Resolved(_)), Err(error)) => {
            Err(format!("production rejects what the specification accepts: {error}"))
        }
        (Ok(Outcome::Resolved(resolution)), Ok(host)) => {
            let expected = present(&resolution.configured);
            let servers = host.value.mcp_servers();
            let agree = expected.len() == servers.len()
                && expected.iter().all(|(name, want)| {
                    servers.get(&**name).is_some_and(|got| same(want, &got.to_canonical_json()))
                });
            if agree { Ok(()) } else { Err(format!("other servers: expected {expected:?}")) }
        }
    }
}

fn case_of_host(host: serde_json::Value) -> Case {
    Case { host, ..case_from_bytes(&[]) }
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
        if !line.ends_with(b"\n") || serde_json::from_slice::<serde_json::Value>(line).is_err() {
            return Err(format!("not a line of JSON: {}", String::from_utf8_lossy(line)));
        }
    }
    Ok(())
}
