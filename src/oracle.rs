//! Judging one case: the specification's outcome, the subject's answer, the verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mcp_overlay_model::{Case, Outcome, resolve};

use crate::compare::{Verdict, compare};
use crate::finding::Finding;
use crate::generate::case_from_bytes;
use crate::minimise::minimise;
use crate::subject::{ProductionSubject, Subject};

/// How many candidates minimising a case may try.
pub const MINIMISE_BUDGET: usize = 20_000;

/// Asks the subject and compares. A panic of an in-process subject is its crash, not ours.
pub fn judge(subject: &dyn Subject, case: &Case) -> (Outcome, Verdict) {
    let expected = resolve(case);
    let verdict = match catch_unwind(AssertUnwindSafe(|| subject.resolve(case))) {
        Ok(answer) => compare(&expected, &answer),
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
    let (expected, verdict) = judge(subject, &smallest);
    Finding::new(subject, smallest, &expected, &verdict)
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
