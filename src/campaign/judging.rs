//! Judges a batch of cases: each is asked, and some are asked again after the same case with
//! another auth.
//!
//! The campaign and the self-test share this code, so that both find the same failures. The caller
//! asks the subject: it passes cases in, gets questions, and passes the replies back.

use mcp_overlay_model::{Answer, Case};

use crate::finding::investigate::with_other_auth;
use crate::judge::compare::between;
use crate::judge::verdict::Verdict;
use crate::judge::{Judged, judge_reply};
use crate::subject::{Reply, Visibility};

/// Number of cases in a batch.
pub(crate) const CHUNK: u64 = 256;

/// A case and its number in its phase.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) index: u64,
    pub(crate) case: Case,
}

/// A case and the verdict on the subject's reply to it.
#[derive(Debug)]
pub(crate) struct First {
    pub(crate) index: u64,
    pub(crate) case: Case,
    pub(crate) judged: Judged,
}

/// Splits numbered cases into the numbers and the cases, because a driver takes the cases alone.
pub(crate) fn unnumbered(cases: Vec<Numbered>) -> (Vec<u64>, Vec<Case>) {
    cases.into_iter().map(|Numbered { index, case }| (index, case)).unzip()
}

/// Judges each reply; leaves out the cases that were not asked.
pub(crate) fn judge_first(
    visibility: Visibility,
    (indices, cases): (Vec<u64>, Vec<Case>),
    replies: Vec<Reply>,
) -> impl Iterator<Item = First> {
    let asked = indices.into_iter().zip(cases).zip(replies);
    let asked = asked.filter(|(_, reply)| *reply != Reply::NotAsked);
    asked.map(move |((index, case), reply)| {
        let judged = judge_reply(visibility, &case, reply);
        First { index, case, judged }
    })
}

/// A case to be asked again, and its first answer.
#[derive(Debug)]
pub(crate) struct Again {
    index: u64,
    case: Case,
    other: Case,
    answer: Answer,
}

impl First {
    /// The case to ask again, if it was answered.
    pub(crate) fn again(self) -> Option<Again> {
        let First { index, case, judged } = self;
        let answer = judged.answer?;
        Some(Again { index, other: with_other_auth(&case), case, answer })
    }
}

/// The cases to ask: each with another auth, and then unchanged. An answer must not depend on
/// earlier cases.
pub(crate) fn questions(again: &[Again]) -> Vec<Case> {
    again.iter().flat_map(|again| [again.other.clone(), again.case.clone()]).collect()
}

/// A case that was asked again.
#[derive(Debug)]
pub(crate) struct Second<'a> {
    /// The number of the original case.
    pub(crate) index: u64,
    /// The case that was asked.
    pub(crate) case: &'a Case,
    /// The case that was deliberately asked just before.
    pub(crate) after: &'a Case,
    /// Whether this is the unchanged case, and not the one with another auth.
    pub(crate) is_same: bool,
    pub(crate) verdict: Verdict,
}

/// Judges the replies to [`questions`].
pub(crate) fn judge_again<'a>(
    visibility: Visibility,
    again: &'a [Again],
    replies: Vec<Reply>,
) -> Vec<Second<'a>> {
    let mut seconds = Vec::new();
    let mut replies = replies.into_iter();
    for Again { index, case, other, answer } in again {
        let (Some(of_other), Some(same)) = (replies.next(), replies.next()) else {
            return seconds;
        };
        let index = *index;
        if of_other != Reply::NotAsked {
            let verdict = judge_reply(visibility, other, of_other).verdict;
            seconds.push(Second { index, case: other, after: case, is_same: false, verdict });
        }
        let verdict = match same {
            Reply::NotAsked => continue,
            Reply::Answered(same) => match between(answer, &same) {
                none if none.is_empty() => Verdict::Agree,
                differences => Verdict::Unstable(differences),
            },
            Reply::Failed(failure) => Verdict::Failed(failure),
        };
        seconds.push(Second { index, case, after: other, is_same: true, verdict });
    }
    seconds
}
