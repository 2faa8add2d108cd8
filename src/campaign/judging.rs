//! Judging a batch of cases: each is asked, and some are asked again, with another auth in between.
//!
//! The campaign and the self-test judge alike, so that what the one finds the other finds too.

use mcp_overlay_model::{Answer, Case};

use crate::finding::investigate::with_other_auth;
use crate::judge::compare::between;
use crate::judge::verdict::Verdict;
use crate::judge::{Judged, judge_reply};
use crate::subject::{Reply, Sight};

/// Cases that are asked at a time.
pub(crate) const CHUNK: u64 = 256;

/// A case and its number in its phase.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) index: u64,
    pub(crate) case: Case,
}

/// The why of a question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked<'a> {
    /// It is the case's turn; what came of it.
    First(&'a Judged),
    /// The case was changed to another auth.
    OtherAuth,
    /// The case was asked before.
    Again,
}

/// A question that was judged.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    /// Of the case that the question is about.
    pub(crate) index: u64,
    /// What was asked.
    pub(crate) case: &'a Case,
    /// What was asked just before, on purpose.
    pub(crate) after: Option<&'a Case>,
    pub(crate) asked: Asked<'a>,
    pub(crate) verdict: Verdict,
}

/// Asks and judges; `heard` gets every question that was answered, or broke the subject.
pub(crate) fn judge_batch(
    sight: Sight,
    cases: Vec<Numbered>,
    asks_twice: impl Fn(u64) -> bool,
    ask: &mut dyn FnMut(&[Case]) -> Vec<Reply>,
    heard: &mut dyn FnMut(Question<'_>),
) {
    let (indices, cases): (Vec<u64>, Vec<Case>) =
        cases.into_iter().map(|numbered| (numbered.index, numbered.case)).unzip();
    let replies = ask(&cases);
    let mut again = Vec::new();
    for ((index, case), reply) in indices.into_iter().zip(cases).zip(replies) {
        if reply == Reply::NotAsked {
            continue;
        }
        let judged = judge_reply(sight, &case, reply);
        let verdict = judged.verdict.clone();
        let asked = Asked::First(&judged);
        heard(Question { index, case: &case, after: None, asked, verdict });
        if let Some(answer) = judged.answer
            && asks_twice(index)
        {
            again.push(Again { index, other: with_other_auth(&case), case, answer });
        }
    }
    judge_again(sight, again, ask, heard);
}

/// A case to be asked again, and what was answered the first time.
struct Again {
    index: u64,
    case: Case,
    other: Case,
    answer: Answer,
}

/// Asks the same with another auth, and then the same again: answers must not depend on what was
/// asked before.
fn judge_again(
    sight: Sight,
    again: Vec<Again>,
    ask: &mut dyn FnMut(&[Case]) -> Vec<Reply>,
    heard: &mut dyn FnMut(Question<'_>),
) {
    if again.is_empty() {
        return;
    }
    let pair = |again: &Again| [again.other.clone(), again.case.clone()];
    let cases: Vec<Case> = again.iter().flat_map(pair).collect();
    let mut replies = ask(&cases).into_iter();
    for Again { index, case, other, answer } in &again {
        let (Some(of_other), Some(same)) = (replies.next(), replies.next()) else {
            return;
        };
        if of_other != Reply::NotAsked {
            let verdict = judge_reply(sight, other, of_other).verdict;
            let (after, asked) = (Some(case), Asked::OtherAuth);
            heard(Question { index: *index, case: other, after, asked, verdict });
        }
        let verdict = match same {
            Reply::NotAsked => continue,
            Reply::Answered(same) => match between(answer, &same) {
                none if none.is_empty() => Verdict::Agree,
                differences => Verdict::Unstable(differences),
            },
            Reply::Failed(failure) => Verdict::Failed(failure),
        };
        let (after, asked) = (Some(other), Asked::Again);
        heard(Question { index: *index, case, after, asked, verdict });
    }
}
