//! Asking a batch of cases of a subject that may break down over one of them.

use std::slice;

use mcp_overlay_model::Case;

use crate::subject::{Failure, FailureKind, Reply, Subject};

/// Asks all of the cases. When the subject breaks down, `trouble` hears of it at once and says
/// whether to go on. The case that did it is then found by asking one at a time, and what is left
/// is asked of a fresh subject. Only when `trouble` says stop is a case [`Reply::NotAsked`].
pub(super) fn ask_isolating(
    subject: &dyn Subject,
    cases: &[Case],
    trouble: &mut dyn FnMut(&Failure) -> bool,
) -> Vec<Reply> {
    let mut replies = subject.ask(cases);
    while let Some((suspect, failure)) = first_doubtful(&replies) {
        let open = open(&replies);
        if !trouble(&failure) {
            return replies;
        }
        let suspects = std::iter::once(suspect).chain(open);
        let mut culprit = Failure { certain: true, ..failure };
        let mut culprit_at = suspect;
        for position in suspects {
            let Some(case) = cases.get(position) else { continue };
            match ask_alone(subject, case, culprit.kind) {
                Reply::Failed(failure) => {
                    if !trouble(&failure) {
                        return replies;
                    }
                    (culprit, culprit_at) = (Failure { certain: true, ..failure }, position);
                    break;
                }
                reply => put(&mut replies, position, reply),
            }
        }
        put(&mut replies, culprit_at, Reply::Failed(culprit));
        ask_the_rest(subject, cases, &mut replies);
    }
    replies
}

/// Asks what was not asked yet.
fn ask_the_rest(subject: &dyn Subject, cases: &[Case], replies: &mut [Reply]) {
    let open = open(replies);
    if open.is_empty() {
        return;
    }
    let rest: Vec<Case> = open.iter().filter_map(|at| cases.get(*at)).cloned().collect();
    for (position, reply) in open.into_iter().zip(subject.ask(&rest)) {
        put(replies, position, reply);
    }
}

fn ask_alone(subject: &dyn Subject, case: &Case, kind: FailureKind) -> Reply {
    // An answer too many shows only when there is another question.
    let twice = [case.clone(), case.clone()];
    let asked = match kind {
        FailureKind::Protocol | FailureKind::Leaked => twice.as_slice(),
        FailureKind::Crashed | FailureKind::Hung => slice::from_ref(case),
    };
    let mut replies = subject.ask(asked);
    let failed = replies.iter().position(|reply| matches!(reply, Reply::Failed(_)));
    match failed {
        Some(position) => replies.swap_remove(position),
        None => replies.pop().unwrap_or(Reply::NotAsked),
    }
}

fn first_doubtful(replies: &[Reply]) -> Option<(usize, Failure)> {
    replies.iter().enumerate().find_map(|(position, reply)| match reply {
        Reply::Failed(failure) if !failure.certain => Some((position, failure.clone())),
        _ => None,
    })
}

fn open(replies: &[Reply]) -> Vec<usize> {
    let replies = replies.iter().enumerate();
    replies.filter(|(_, reply)| **reply == Reply::NotAsked).map(|(at, _)| at).collect()
}

fn put(replies: &mut [Reply], position: usize, reply: Reply) {
    if let Some(slot) = replies.get_mut(position) {
        *slot = reply;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use mcp_overlay_model::Answer;
    use serde_json::json;

    use super::*;

    /// Breaks down over cases whose id begins with "bad", and blames the first case that it has
    /// not answered; it answers from the end of a batch.
    struct Fragile {
        asked: Mutex<Vec<usize>>,
    }

    impl Subject for Fragile {
        fn name(&self) -> &str {
            "fragile"
        }

        fn resolve(&self, _: &Case) -> Answer {
            Answer::skipped("not used")
        }

        fn ask(&self, cases: &[Case]) -> Vec<Reply> {
            self.asked.lock().unwrap().push(cases.len());
            let bad = cases.iter().rposition(|case| case.id.starts_with("bad"));
            let reply = |(at, case): (usize, &Case)| match bad {
                Some(_) if at == 0 => Reply::Failed(failure()),
                Some(bad) if at <= bad => Reply::NotAsked,
                _ => Reply::Answered(Answer::skipped(case.id.clone())),
            };
            cases.iter().enumerate().map(reply).collect()
        }
    }

    fn failure() -> Failure {
        Failure { kind: FailureKind::Crashed, message: "over".into(), certain: false }
    }

    fn cases(ids: &[&str]) -> Vec<Case> {
        ids.iter().map(|id| serde_json::from_value(json!({"id": id})).unwrap()).collect()
    }

    fn words(replies: &[Reply]) -> Vec<String> {
        let word = |reply: &Reply| match reply {
            Reply::Answered(Answer::Skipped { skipped }) => skipped.reason.clone(),
            Reply::Failed(failure) => failure.message.clone(),
            _ => "-".into(),
        };
        replies.iter().map(word).collect()
    }

    #[test]
    fn the_culprit_is_found_and_the_others_are_answered() {
        let subject = Fragile { asked: Mutex::default() };
        let cases = cases(&["a", "b", "bad", "c", "bad too", "d"]);
        let mut troubles = 0;
        let replies = ask_isolating(&subject, &cases, &mut |_| {
            troubles += 1;
            true
        });
        assert_eq!(words(&replies), ["a", "b", "over", "c", "over", "d"]);
        assert_eq!(troubles, 4, "each of the two in a batch and alone");
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let subject = Fragile { asked: Mutex::default() };
        let replies = ask_isolating(&subject, &cases(&["a", "bad", "b"]), &mut |_| false);
        assert_eq!(words(&replies), ["over", "-", "b"]);
        assert_eq!(*subject.asked.lock().unwrap(), [3]);
    }

    #[test]
    fn a_failure_that_does_not_come_back_is_not_lost() {
        struct Once(Mutex<bool>);
        impl Subject for Once {
            fn name(&self) -> &str {
                "once"
            }
            fn resolve(&self, _: &Case) -> Answer {
                Answer::skipped("fine")
            }
            fn ask(&self, cases: &[Case]) -> Vec<Reply> {
                let again = std::mem::replace(&mut *self.0.lock().unwrap(), true);
                let reply = |at| match (again, at) {
                    (false, 0) => Reply::Failed(failure()),
                    (false, _) => Reply::NotAsked,
                    (true, _) => Reply::Answered(Answer::skipped("fine")),
                };
                (0..cases.len()).map(reply).collect()
            }
        }
        let subject = Once(Mutex::default());
        let replies = ask_isolating(&subject, &cases(&["a", "b"]), &mut |_| true);
        assert_eq!(words(&replies), ["over", "fine"]);
    }
}
