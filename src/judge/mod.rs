//! Judging one case: the specification's outcome, the subject's answer, the verdict.

pub mod compare;
pub(crate) mod kept;
mod same;
pub mod verdict;

use mcp_overlay_model::{Answer, Case, Outcome, resolve};

use self::compare::compare;
use self::verdict::Verdict;
use crate::subject::{Reply, Sight, Subject};

/// A case that was asked, and what came of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the specification says, as far as the subject can show it.
    pub expected: Outcome,
    /// What the subject said; nothing if it broke down.
    pub answer: Option<Answer>,
    /// The two held against each other.
    pub verdict: Verdict,
}

/// Asks the subject and compares.
pub fn judge(subject: &dyn Subject, case: &Case) -> (Outcome, Verdict) {
    let judged = ask(subject, case);
    (judged.expected, judged.verdict)
}

/// [`judge`], with the answer.
pub fn ask(subject: &dyn Subject, case: &Case) -> Judged {
    let reply = subject.ask(std::slice::from_ref(case)).pop();
    judge_reply(subject.sight(), case, reply.unwrap_or(Reply::NotAsked))
}

/// Holds what came back for a case against the specification.
pub fn judge_reply(sight: Sight, case: &Case, reply: Reply) -> Judged {
    let expected = sight.of(case, resolve(case));
    let (answer, verdict) = match reply {
        Reply::Answered(answer) => {
            let verdict = compare(case, &expected, &answer);
            (Some(answer), verdict)
        }
        Reply::Failed(failure) => (None, Verdict::Failed(failure)),
        // Only a subject that gave up leaves a case unanswered that was asked alone.
        Reply::NotAsked => {
            (None, Verdict::NotComparable("the subject is not asked any more".into()))
        }
    };
    Judged { expected, answer, verdict }
}
