//! Judging one case: the specification's outcome, the subject's answer, the verdict.

pub mod compare;
pub(crate) mod kept;
mod level;
mod same;
pub mod verdict;

use mcp_overlay_model::{Answer, Case, Outcome, resolve};

use self::compare::compare;
use self::level::{Leniently, without_shoulds};
use self::verdict::Verdict;
use crate::subject::{Driver, Reply, Visibility, ask_one};

/// The reply to a case, with its verdict.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The specification's complete outcome.
    pub outcome: Outcome,
    /// The observed part of the outcome, if not all of it is observed.
    observed: Option<Outcome>,
    /// The subject's answer; `None` if it broke down.
    pub answer: Option<Answer>,
    /// The verdict.
    pub verdict: Verdict,
}

impl Judged {
    /// The part of the specification's outcome that the subject can show, without the SHOULD rules
    /// that the subject does not follow.
    pub fn expected(&self) -> &Outcome {
        self.observed.as_ref().unwrap_or(&self.outcome)
    }
}

/// Asks the subject and compares.
pub fn judge(driver: &dyn Driver, case: &Case) -> (Outcome, Verdict) {
    let Judged { outcome, observed, verdict, .. } = ask(driver, case);
    (observed.unwrap_or(outcome), verdict)
}

/// [`judge`], with the answer.
pub fn ask(driver: &dyn Driver, case: &Case) -> Judged {
    judge_reply(driver.visibility(), case, ask_one(driver, case))
}

/// Compares the reply to a case with the specification.
pub fn judge_reply(visibility: Visibility, case: &Case, reply: Reply) -> Judged {
    let outcome = resolve(case);
    let observed = visibility.part_of(case, &outcome);
    let (answer, verdict) = match reply {
        Reply::Answered(answer) => {
            let verdict = compare(case, observed.as_ref().unwrap_or(&outcome), &answer);
            if let Verdict::Disagree(differences) = &verdict
                && let Some(leniently) =
                    without_shoulds(visibility, case, &outcome, &answer, differences)
            {
                let Leniently { outcome: lenient, verdict } = leniently;
                let is_advisory = matches!(verdict, Verdict::Advisory { .. });
                let closest = if is_advisory { outcome } else { lenient };
                let observed = visibility.part_of(case, &closest);
                return Judged { outcome: closest, observed, answer: Some(answer), verdict };
            }
            (Some(answer), verdict)
        }
        Reply::Failed(failure) => (None, Verdict::Failed(failure)),
        // A case that was asked alone has no reply only if the run gave up on the subject.
        Reply::NotAsked => {
            (None, Verdict::NotComparable("the subject is not asked any more".into()))
        }
    };
    Judged { outcome, observed, answer, verdict }
}
