//! Turns a failing case into a finding: asks it again, shrinks it, and blames a rule.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mcp_overlay_model::{Auth, Case};

use crate::cases::shrink::minimise;
use crate::finding::blame::rule_by_experiment;
pub use crate::finding::known::Failing;
use crate::finding::known::{besides, is_known};
use crate::finding::saved::{Finding, NOT_SMALLEST, SEEN_ONCE};
use crate::judge::compare::between;
use crate::judge::verdict::{FindingKind, PURE, Verdict};
use crate::judge::{Judged, ask, judge_reply};
use crate::subject::{Driver, FailureKind, Reply, Visibility};

/// The most candidates to try when shrinking a case.
pub const MINIMISE_BUDGET: usize = 20_000;

/// Time limit for shrinking a case. In process it takes milliseconds; a subject that hangs or
/// crashes costs a restart for every candidate.
pub const MINIMISE_TIME: Duration = Duration::from_secs(15);

/// Time limit for shrinking the cases of a phase that hang. Each candidate that hangs costs its timeout.
pub const MINIMISE_HANGS: Duration = Duration::from_secs(10);

/// How often to ask the same case to find out whether the answers are stable.
const REPEATS: usize = 8;

/// The same for a running host, which takes part of a second for each answer.
const REPEATS_OUTSIDE: usize = 3;

/// The same case with the user signed in, or signed out if they were signed in.
pub fn with_other_auth(case: &Case) -> Case {
    let auth = match case.auth {
        None | Some(Auth::ApiKey) => Some(Auth::ChatGpt),
        Some(_) => None,
    };
    Case { auth, ..case.clone() }
}

/// Shrinks a failing case and describes it; `None` if the subject agrees.
///
/// The failure keeps its kind and, if possible, the blamed rule. In the end no single step makes
/// the case smaller and keeps the failure, unless [`MINIMISE_BUDGET`] or [`MINIMISE_TIME`] ran out
/// first.
pub fn investigate(driver: &dyn Driver, case: &Case) -> Option<Finding> {
    let verdict = ask(driver, case).verdict;
    let failing = Failing { index: 0, case: case.clone(), after: None, verdict };
    failing.verdict.is_finding().then(|| examine(driver, &failing, no_deadline())).flatten()
}

/// A deadline that leaves [`MINIMISE_TIME`] as the only limit.
fn no_deadline() -> Instant {
    Instant::now() + MINIMISE_TIME
}

/// A case that was asked, and judged once.
#[derive(Debug)]
pub struct Asked {
    way: Way,
    case: Case,
    judged: Judged,
}

impl Asked {
    /// Asks a case alone.
    pub fn alone(driver: &dyn Driver, case: Case) -> Self {
        Way::Alone.ask(driver, case, &BTreeSet::new())
    }

    /// Asks a case alone, and judges it besides what is known.
    pub fn besides(driver: &dyn Driver, case: Case, known: &BTreeSet<String>) -> Self {
        Way::Alone.ask(driver, case, known)
    }

    /// Asks the case of a saved finding in the way that the finding records.
    pub fn again(driver: &dyn Driver, finding: &Finding) -> Self {
        let way = match (&finding.after, finding.rule, finding.verdict) {
            (Some(_), ..) => Way::AfterOtherAuth,
            (None, Some(PURE), _) | (None, _, FindingKind::Failed(FailureKind::Protocol)) => {
                Way::Repeatedly
            }
            _ => Way::Alone,
        };
        way.ask(driver, finding.case.clone(), &BTreeSet::new())
    }

    /// The verdict.
    pub fn verdict(&self) -> &Verdict {
        &self.judged.verdict
    }

    /// Describes the failure and the rule to blame; `None` if there is no failure. Finding the rule
    /// asks other cases.
    pub fn describe(self, driver: &dyn Driver) -> Option<Finding> {
        let Asked { way, case, judged } = self;
        let rule = match (&judged.verdict, &judged.answer, way) {
            (Verdict::Disagree(differences), Some(answer), Way::Alone) => {
                let shown = rule_by_experiment(driver, &case, answer, differences);
                shown.or(judged.verdict.rule())
            }
            // Correct alone but wrong after another case: the answer depends on more than the case.
            (Verdict::Disagree(_), ..) => Some(PURE),
            _ => judged.verdict.rule(),
        };
        let after = (way == Way::AfterOtherAuth).then(|| with_other_auth(&case));
        let expected = judged.expected().clone();
        let Judged { answer, verdict, .. } = judged;
        let mut finding = Finding::new(driver.name(), case, &expected, answer, &verdict, rule)?;
        finding.after = after;
        finding.delivery = driver.route();
        Some(finding)
    }
}

/// Determines how to ask the failing case so that it fails again, and shrinks it while asking in
/// that way, until `deadline` at the latest. `None` only for a verdict that is not a finding.
pub fn examine(driver: &dyn Driver, failing: &Failing, deadline: Instant) -> Option<Finding> {
    examine_besides(driver, failing, deadline, &BTreeSet::new())
}

/// The same of what is wrong besides these differences, which known failures explain.
pub fn examine_besides(
    driver: &dyn Driver,
    failing: &Failing,
    deadline: Instant,
    known: &BTreeSet<String>,
) -> Option<Finding> {
    driver.restart();
    let deadline = deadline.min(Instant::now() + MINIMISE_TIME);
    let Some(asked) = ask_to_fail(driver, failing, known) else {
        return unrepeatable(driver, failing);
    };
    let (smallest, is_smallest) = smallest(driver, asked, deadline, known);
    let mut finding = smallest.describe(driver)?;
    if !is_smallest && finding.note.is_empty() {
        finding.note = NOT_SMALLEST.into();
    }
    Some(finding)
}

/// Asks the case in a way in which it fails again, if there is one.
///
/// Only another breakdown reproduces a breakdown: a wrong answer to the same case is another
/// failure, and may be expected. Nor does an advisory reproduce a failure, which would then not
/// count.
fn ask_to_fail(driver: &dyn Driver, failing: &Failing, known: &BTreeSet<String>) -> Option<Asked> {
    let broke_down = is_breakdown(&failing.verdict);
    let fails = |way: Way| {
        let asked = way.ask(driver, failing.case.clone(), known);
        let verdict = asked.verdict();
        let is_same = (!broke_down || is_breakdown(verdict))
            && (!failing.verdict.is_failure() || verdict.is_failure());
        (verdict.is_finding() && is_same).then_some(asked)
    };
    let repeatedly = Way::Repeatedly.ask(driver, failing.case.clone(), known);
    match (&failing.verdict, repeatedly.verdict()) {
        // A surplus answer shows only after another request.
        (Verdict::Failed(_), Verdict::Failed(_)) => fails(Way::Alone).or_else(|| {
            // It answered the case alone, so a surplus answer belongs to this case.
            driver.restart();
            Some(repeatedly)
        }),
        (_, Verdict::Unstable(_)) if !broke_down => Some(repeatedly),
        // The same case with another auth may have been asked before, deliberately or by chance.
        (
            Verdict::Failed(_)
            | Verdict::Disagree(_)
            | Verdict::Advisory { .. }
            | Verdict::Errored(_),
            _,
        ) => fails(Way::Alone).or_else(|| fails(Way::AfterOtherAuth)),
        _ => fails(Way::AfterOtherAuth),
    }
}

/// The smallest case that fails in the same way, and whether there was time to find it.
fn smallest(
    driver: &dyn Driver,
    failing: Asked,
    deadline: Instant,
    known: &BTreeSet<String>,
) -> (Asked, bool) {
    let hangs = is_hang(failing.verdict());
    driver.hurry(hangs);
    let (smaller, in_time) = shrink(driver, &failing, deadline, known);
    driver.hurry(false);
    match smaller {
        // A case that only exceeded the shortened timeout did not hang.
        Some(smaller) if hangs => {
            let patiently = smaller.way.ask(driver, smaller.case, known);
            match same_kind(failing.verdict(), patiently.verdict()) {
                true => (patiently, in_time),
                false => (failing, false),
            }
        }
        Some(smaller) => (smaller, in_time),
        None => (failing, in_time),
    }
}

/// A smaller case that fails in the same way, if there is one, and whether there was time for all
/// steps.
fn shrink(
    driver: &dyn Driver,
    failing: &Asked,
    deadline: Instant,
    known: &BTreeSet<String>,
) -> (Option<Asked>, bool) {
    let first = failing.verdict();
    let mut in_time = true;
    let mut last = None;
    let mut shrink = |case: &Case, same_rule: bool| {
        minimise(case, MINIMISE_BUDGET, |candidate| {
            in_time = in_time && Instant::now() < deadline;
            if !in_time {
                return false;
            }
            let asked = failing.way.ask(driver, candidate.clone(), known);
            let verdict = asked.verdict();
            let fails = same_kind(first, verdict)
                && (!same_rule || verdict.rule() == first.rule())
                // What is left besides known failures must not turn into one of them.
                && is_known(verdict, known) == is_known(first, known);
            if fails {
                last = Some(asked);
            }
            fails
        })
    };
    let smallest = shrink(&failing.case, true);
    // A running host may break several rules, and some of them may be expected, so the rule of each
    // case must not change. Nor must that of an advisory, which is about its rule.
    let may_turn = driver.visibility() == Visibility::Views;
    if may_turn && first.is_failure() {
        shrink(&smallest, false);
    }
    (last, in_time)
}

/// The finding of a failure as it came: the subject is not asked again.
pub fn as_it_came(driver: &dyn Driver, failing: &Failing) -> Option<Finding> {
    untouched(driver, failing, NOT_SMALLEST)
}

/// The finding for a failure that is not reproducible.
fn unrepeatable(driver: &dyn Driver, failing: &Failing) -> Option<Finding> {
    untouched(driver, failing, SEEN_ONCE)
}

fn untouched(driver: &dyn Driver, failing: &Failing, note: &str) -> Option<Finding> {
    let outcome = mcp_overlay_model::resolve(&failing.case);
    let expected = driver.visibility().of(&failing.case, outcome);
    let (verdict, rule) = match &failing.verdict {
        Verdict::Disagree(differences) if note == SEEN_ONCE => {
            (Verdict::Unstable(differences.clone()), Some(PURE))
        }
        verdict => (verdict.clone(), verdict.rule()),
    };
    let (name, case) = (driver.name(), failing.case.clone());
    let mut finding = Finding::new(name, case, &expected, None, &verdict, rule)?;
    finding.after = failing.after.clone();
    finding.delivery = driver.route();
    finding.note = note.into();
    Some(finding)
}

/// How to ask a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Once.
    Alone,
    /// Of a restarted subject that was first asked the same case with another auth.
    AfterOtherAuth,
    /// Several times.
    Repeatedly,
}

impl Way {
    fn ask(self, driver: &dyn Driver, case: Case, known: &BTreeSet<String>) -> Asked {
        let mut judged = match self {
            Way::Alone => ask(driver, &case),
            Way::AfterOtherAuth => {
                driver.restart();
                let mut replies = driver.ask(&[with_other_auth(&case), case.clone()]);
                judge_reply(driver.visibility(), &case, replies.pop().unwrap_or(Reply::NotAsked))
            }
            Way::Repeatedly => judge_repeatedly(driver, &case),
        };
        judged.verdict = besides(judged.verdict, known);
        Asked { way: self, case, judged }
    }
}

fn is_breakdown(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_))
}

/// Whether the subject gave no answer in time.
pub fn is_hang(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Hung)
}

fn same_kind(first: &Verdict, verdict: &Verdict) -> bool {
    verdict.is_finding() && verdict.kind() == first.kind()
}

/// Asks several times; the verdict is [`Verdict::Unstable`] if the answers differ.
fn judge_repeatedly(driver: &dyn Driver, case: &Case) -> Judged {
    let repeats = match driver.visibility() {
        Visibility::Views => REPEATS,
        Visibility::Outside => REPEATS_OUTSIDE,
    };
    let mut replies = driver.ask(&vec![case.clone(); repeats]).into_iter();
    let first = judge_reply(driver.visibility(), case, replies.next().unwrap_or(Reply::NotAsked));
    let Some(answer) = &first.answer else {
        return first;
    };
    let other = replies.find_map(|reply| match reply {
        Reply::Answered(other) => {
            let differences = between(answer, &other);
            (!differences.is_empty()).then(|| {
                let mut judged = first.clone();
                judged.answer = Some(other);
                judged.verdict = Verdict::Unstable(differences);
                judged
            })
        }
        Reply::Failed(_) => Some(judge_reply(driver.visibility(), case, reply)),
        Reply::NotAsked => None,
    });
    other.unwrap_or(first)
}
