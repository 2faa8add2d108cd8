//! From a failing case to a finding: asked again, made small, blamed on a rule.

use std::time::{Duration, Instant};

use mcp_overlay_model::{Auth, Case};

use crate::cases::shrink::minimise;
use crate::finding::Finding;
use crate::finding::blame::rule_by_experiment;
use crate::judge::compare::between;
use crate::judge::verdict::{PURE, Verdict};
use crate::judge::{Judged, ask, judge_reply};
use crate::subject::{FailureKind, Reply, Sight, Subject};

/// How many candidates minimising a case may try.
pub const MINIMISE_BUDGET: usize = 20_000;

/// How long minimising a case may take. In process it takes milliseconds; a subject that hangs or
/// dies costs a restart for every candidate.
pub const MINIMISE_TIME: Duration = Duration::from_secs(15);

/// How often a subject is asked the same to see whether it always says the same.
const REPEATS: usize = 8;

/// A case that failed during a run, and how it was asked.
#[derive(Clone, Debug)]
pub struct Failing {
    /// The number of the case in its phase.
    pub index: u64,
    /// The case.
    pub case: Case,
    /// What was asked before it on purpose: the same with another auth.
    pub after: Option<Case>,
    /// What came of it.
    pub verdict: Verdict,
}

/// The same host with somebody signed in, or nobody any more.
pub fn with_other_auth(case: &Case) -> Case {
    let auth = match case.auth {
        None | Some(Auth::ApiKey) => Some(Auth::ChatGpt),
        Some(_) => None,
    };
    Case { auth, ..case.clone() }
}

/// Makes a failing case small and describes it; `None` if the subject agrees.
///
/// The failure keeps its kind and, as long as that is possible, the rule that is blamed. At the
/// end no single step makes the case smaller and keeps the failure, unless [`MINIMISE_BUDGET`] or
/// [`MINIMISE_TIME`] ran out before.
pub fn investigate(subject: &dyn Subject, case: &Case) -> Option<Finding> {
    let verdict = ask(subject, case).verdict;
    let failing = Failing { index: 0, case: case.clone(), after: None, verdict };
    failing.verdict.is_finding().then(|| examine(subject, &failing, no_deadline())).flatten()
}

/// What only [`MINIMISE_TIME`] limits.
fn no_deadline() -> Instant {
    Instant::now() + MINIMISE_TIME
}

/// Judges a case and describes what is wrong, with the rule to blame; `None` if nothing is.
pub fn describe(subject: &dyn Subject, case: Case) -> Option<Finding> {
    Way::Alone.describe(subject, case)
}

/// Judges a case as a saved finding says that it is to be asked.
pub fn describe_again(subject: &dyn Subject, finding: &Finding) -> Option<Finding> {
    let way = match (&finding.after, finding.rule, finding.verdict.as_str()) {
        (Some(_), ..) => Way::AfterOtherAuth,
        (None, Some(PURE), _) | (None, _, "protocol error") => Way::Repeatedly,
        _ => Way::Alone,
    };
    way.describe(subject, finding.case.clone())
}

/// Finds out how the failing case has to be asked to fail again, and makes it small in that way,
/// until `deadline` at the latest. `None` only for a verdict that is no finding.
pub fn examine(subject: &dyn Subject, failing: &Failing, deadline: Instant) -> Option<Finding> {
    subject.restart();
    let deadline = deadline.min(Instant::now() + MINIMISE_TIME);
    let Some(way) = way_to_fail(subject, failing) else {
        return unrepeatable(subject, failing);
    };
    let (case, is_smallest) = way.smallest(subject, &failing.case, deadline);
    let small = way.describe(subject, case);
    // A subject of many minds may answer right for once, or wrong where it broke down.
    let broke_down = is_breakdown(&failing.verdict);
    let small = small.filter(|finding| !broke_down || finding.is_breakdown());
    let mut finding = small.or_else(|| unrepeatable(subject, failing))?;
    if !is_smallest && finding.note.is_empty() {
        finding.note = "not the smallest case: there was no time to make it smaller".into();
    }
    Some(finding)
}

/// A breakdown comes back only as a breakdown: a wrong answer to the same case is another failure,
/// and one that may be expected.
fn way_to_fail(subject: &dyn Subject, failing: &Failing) -> Option<Way> {
    let broke_down = is_breakdown(&failing.verdict);
    let fails = |way: Way| {
        let verdict = way.judge(subject, &failing.case).verdict;
        verdict.is_finding() && (!broke_down || is_breakdown(&verdict))
    };
    let repeatedly = Way::Repeatedly.judge(subject, &failing.case).verdict;
    match (&failing.verdict, &repeatedly) {
        (Verdict::Failed(_), _) if fails(Way::Alone) => Some(Way::Alone),
        // An answer too many shows only when there is another question.
        (Verdict::Failed(_), Verdict::Failed(_)) => Some(Way::Repeatedly),
        (Verdict::Failed(_), _) => fails(Way::AfterOtherAuth).then_some(Way::AfterOtherAuth),
        (_, Verdict::Unstable(_)) => Some(Way::Repeatedly),
        (Verdict::Disagree(_) | Verdict::Errored(_), _) if fails(Way::Alone) => Some(Way::Alone),
        // On purpose or by chance, the same with another auth may have been asked before.
        _ => fails(Way::AfterOtherAuth).then_some(Way::AfterOtherAuth),
    }
}

/// The finding of a failure that does not come back when its case is asked again.
fn unrepeatable(subject: &dyn Subject, failing: &Failing) -> Option<Finding> {
    let outcome = mcp_overlay_model::resolve(&failing.case);
    let expected = subject.sight().of(&failing.case, outcome);
    let (verdict, rule) = match &failing.verdict {
        Verdict::Disagree(differences) => (Verdict::Unstable(differences.clone()), Some(PURE)),
        verdict => (verdict.clone(), verdict.rule()),
    };
    let (name, case) = (subject.name(), failing.case.clone());
    let mut finding = Finding::new(name, case, &expected, None, &verdict, rule)?;
    finding.after = failing.after.clone();
    finding.note = "seen once; asked again, the subject answers as it should. What it was asked \
                    before, or the machine's load, may matter"
        .into();
    Some(finding)
}

/// How a case is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Once.
    Alone,
    /// By a subject that has just been started and asked the same with another auth.
    AfterOtherAuth,
    /// Several times.
    Repeatedly,
}

impl Way {
    fn judge(self, subject: &dyn Subject, case: &Case) -> Judged {
        match self {
            Way::Alone => ask(subject, case),
            Way::AfterOtherAuth => {
                subject.restart();
                let mut replies = subject.ask(&[with_other_auth(case), case.clone()]);
                judge_reply(subject.sight(), case, replies.pop().unwrap_or(Reply::NotAsked))
            }
            Way::Repeatedly => judge_repeatedly(subject, case),
        }
    }

    /// The smallest case that fails in the same way, and whether there was time to find it.
    fn smallest(self, subject: &dyn Subject, case: &Case, deadline: Instant) -> (Case, bool) {
        let first = self.judge(subject, case).verdict;
        let mut in_time = true;
        let mut judge_in_time = |candidate: &Case| {
            in_time = in_time && Instant::now() < deadline;
            in_time.then(|| self.judge(subject, candidate).verdict)
        };
        let hangs = is_hang(&first);
        subject.hurry(hangs);
        let same_rule = minimise(case, MINIMISE_BUDGET, |candidate| {
            judge_in_time(candidate).is_some_and(|verdict| {
                same_kind(&first, &verdict) && verdict.rule() == first.rule()
            })
        });
        // A running host may break several rules and be known for some of them: there each case stays
        // with its own.
        let smallest = match subject.sight() {
            Sight::Outside => same_rule,
            Sight::Views => minimise(&same_rule, MINIMISE_BUDGET, |candidate| {
                judge_in_time(candidate).is_some_and(|verdict| same_kind(&first, &verdict))
            }),
        };
        subject.hurry(false);
        // What was only slow in the hurry is no hang.
        match hangs && !same_kind(&first, &self.judge(subject, &smallest).verdict) {
            true => (case.clone(), false),
            false => (smallest, in_time),
        }
    }

    fn describe(self, subject: &dyn Subject, case: Case) -> Option<Finding> {
        let Judged { expected, answer, verdict } = self.judge(subject, &case);
        let rule = match (&verdict, &answer, self) {
            (Verdict::Disagree(_), Some(answer), Way::Alone) => {
                rule_by_experiment(subject, &case, answer).or(verdict.rule())
            }
            // Right alone and wrong after something else: the answer depends on more than the case.
            (Verdict::Disagree(_), ..) => Some(PURE),
            _ => verdict.rule(),
        };
        let after = (self == Way::AfterOtherAuth).then(|| with_other_auth(&case));
        let mut finding = Finding::new(subject.name(), case, &expected, answer, &verdict, rule)?;
        finding.after = after;
        Some(finding)
    }
}

fn is_breakdown(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_))
}

fn is_hang(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Hung)
}

fn same_kind(first: &Verdict, verdict: &Verdict) -> bool {
    verdict.is_finding() && verdict.word() == first.word()
}

/// Asks several times; the verdict is [`Verdict::Unstable`] if not all answers say the same.
fn judge_repeatedly(subject: &dyn Subject, case: &Case) -> Judged {
    let mut replies = subject.ask(&vec![case.clone(); REPEATS]).into_iter();
    let first = judge_reply(subject.sight(), case, replies.next().unwrap_or(Reply::NotAsked));
    let Some(answer) = &first.answer else {
        return first;
    };
    let other = replies.find_map(|reply| match reply {
        Reply::Answered(other) => {
            let differences = between(answer, &other);
            (!differences.is_empty()).then_some(Judged {
                expected: first.expected.clone(),
                answer: Some(other),
                verdict: Verdict::Unstable(differences),
            })
        }
        Reply::Failed(_) => Some(judge_reply(subject.sight(), case, reply)),
        Reply::NotAsked => None,
    });
    other.unwrap_or(first)
}
