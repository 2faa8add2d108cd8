//! Asks a batch of cases, isolating the case on which a subject crashes or hangs.

use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::Sender;

use mcp_overlay_model::Case;

use super::late::{Again, Late, Trouble};
use crate::subject::{Driver, Failure, FailureKind, Reply};

/// The restarts left before the run gives up; shared by its workers.
#[derive(Debug)]
pub(super) struct Restarts {
    most: u32,
    used: AtomicU32,
    gave_up: AtomicBool,
    late: Arc<Late>,
}

impl Restarts {
    pub(super) fn new(most: u32) -> Self {
        Restarts::sharing(most, Arc::default())
    }

    /// A budget of its own for a part of the run.
    pub(super) fn of_part(&self, most: u32) -> Self {
        Restarts::sharing(most, Arc::clone(&self.late))
    }

    fn sharing(most: u32, late: Arc<Late>) -> Self {
        Restarts { most, used: AtomicU32::new(0), gave_up: AtomicBool::new(false), late }
    }

    /// The late answers of the run.
    pub(super) fn late(&self) -> &Late {
        &self.late
    }

    /// Counts a breakdown; returns whether to go on.
    pub(super) fn spend(&self) -> bool {
        let go_on = self.used.fetch_add(1, Ordering::Relaxed) < self.most;
        self.gave_up.fetch_or(!go_on, Ordering::Relaxed);
        go_on
    }

    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }
}

/// Asks all cases. When the subject breaks down, the failure goes to `troubles` at once. Asking the
/// cases one by one then finds the cause, and a restarted subject gets the remaining cases. A case
/// is [`Reply::NotAsked`] only when no restarts are left.
pub(super) fn ask_isolating(
    driver: &dyn Driver,
    cases: &[Case],
    restarts: &Restarts,
    troubles: &Sender<Trouble>,
) -> Vec<Reply> {
    let goes_on = |failure: &Failure| {
        // The receiver outlives the workers, so this cannot fail.
        let _ = troubles.send(Trouble::BrokeDown(failure.clone()));
        restarts.spend()
    };
    let mut replies = driver.ask(cases);
    while let Some((suspect, failure)) = first_doubtful(&replies) {
        if let Some(again) =
            cases.get(suspect).and_then(|case| restarts.late().ask_again(driver, case, &failure))
        {
            let goes_on = match &again {
                Again::Slow(message, _) => {
                    let _ = troubles.send(Trouble::Slow(message.clone()));
                    true
                }
                Again::Failed(failure) => goes_on(failure),
            };
            put(&mut replies, suspect, again.reply());
            if !goes_on {
                return replies;
            }
            ask_the_rest(driver, cases, &mut replies);
            continue;
        }
        let open = open(&replies);
        if !goes_on(&failure) {
            return replies;
        }
        let suspects = std::iter::once(suspect).chain(open);
        let mut culprit = Failure { certain: true, ..failure };
        let mut culprit_at = suspect;
        for position in suspects {
            let Some(case) = cases.get(position) else { continue };
            match ask_alone(driver, case, culprit.kind) {
                Reply::Failed(failure) => {
                    if !goes_on(&failure) {
                        return replies;
                    }
                    (culprit, culprit_at) = (Failure { certain: true, ..failure }, position);
                    break;
                }
                reply => put(&mut replies, position, reply),
            }
        }
        put(&mut replies, culprit_at, Reply::Failed(culprit));
        ask_the_rest(driver, cases, &mut replies);
    }
    replies
}

/// Asks the cases that have no reply yet.
fn ask_the_rest(driver: &dyn Driver, cases: &[Case], replies: &mut [Reply]) {
    let open = open(replies);
    if open.is_empty() {
        return;
    }
    let rest: Vec<Case> = open.iter().filter_map(|at| cases.get(*at)).cloned().collect();
    for (position, reply) in open.into_iter().zip(driver.ask(&rest)) {
        put(replies, position, reply);
    }
}

fn ask_alone(driver: &dyn Driver, case: &Case, kind: FailureKind) -> Reply {
    // A surplus answer shows only after another request.
    let twice = [case.clone(), case.clone()];
    let asked = match kind {
        FailureKind::Protocol | FailureKind::Leaked => twice.as_slice(),
        FailureKind::Crashed | FailureKind::Hung => slice::from_ref(case),
    };
    let mut replies = driver.ask(asked);
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
    use std::sync::mpsc::channel;

    use mcp_overlay_model::Answer;
    use serde_json::json;

    use super::*;
    use mcp_overlay_model::lifecycle::Sequence;

    use crate::subject::{Form, Patient, Route, Steps, SubjectKind, Trace, Watch, ask_one};

    /// A driver that only replies to batches.
    struct Replies<F>(F);

    impl<F: Fn(&[Case]) -> Vec<Reply> + Sync> Driver for Replies<F> {
        fn name(&self) -> &str {
            "replies"
        }
        fn ask(&self, cases: &[Case]) -> Vec<Reply> {
            (self.0)(cases)
        }
        fn ask_patiently(&self, case: &Case) -> Patient {
            Patient { reply: ask_one(self, case), late: false }
        }
        fn restart(&self) {}
        fn kind(&self) -> SubjectKind {
            SubjectKind::InProcess
        }
        fn warns(&self) -> bool {
            false
        }
        fn knows_wide_cases(&self) -> bool {
            true
        }
        fn declared(&self) -> Steps {
            Steps::none()
        }
        fn narrow(&self, case: Case) -> Case {
            case
        }
        fn by_route(&self, _: Route) -> Option<&dyn Driver> {
            None
        }
        fn in_form(&self, _: Form) -> Option<Box<dyn Driver + '_>> {
            None
        }
        fn play_watched(&self, _: &Sequence, _: &mut dyn Watch) -> Option<Result<Trace, Failure>> {
            None
        }
        fn hurry(&self, _: bool) {}
    }

    /// Crashes on cases with an id that starts with "bad", and blames the first unanswered case. It
    /// answers a batch from its end.
    fn fragile(cases: &[Case]) -> Vec<Reply> {
        let bad = cases.iter().rposition(|case| case.id.starts_with("bad"));
        let reply = |(at, case): (usize, &Case)| match bad {
            Some(_) if at == 0 => Reply::Failed(failure()),
            Some(bad) if at <= bad => Reply::NotAsked,
            _ => Reply::Answered(Answer::skipped(case.id.clone())),
        };
        cases.iter().enumerate().map(reply).collect()
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
    fn the_failing_case_is_isolated_and_the_others_are_answered() {
        let cases = cases(&["a", "b", "bad", "c", "bad too", "d"]);
        let (trouble, troubles) = channel();
        let replies = ask_isolating(&Replies(fragile), &cases, &Restarts::new(10), &trouble);
        assert_eq!(words(&replies), ["a", "b", "over", "c", "over", "d"]);
        assert_eq!(troubles.try_iter().count(), 4, "each of the two in a batch and alone");
    }

    #[test]
    fn isolation_stops_without_restarts() {
        let batches = Mutex::new(Vec::new());
        let noting = Replies(|cases: &[Case]| {
            batches.lock().unwrap().push(cases.len());
            fragile(cases)
        });
        let (trouble, troubles) = channel();
        let restarts = Restarts::new(0);
        let replies = ask_isolating(&noting, &cases(&["a", "bad", "b"]), &restarts, &trouble);
        assert_eq!(words(&replies), ["over", "-", "b"]);
        assert_eq!(*batches.lock().unwrap(), [3]);
        assert_eq!((troubles.try_iter().count(), restarts.gave_up()), (1, true));
    }

    #[test]
    fn an_unreproducible_failure_is_reported() {
        let asked = Mutex::new(false);
        let once = Replies(|cases: &[Case]| {
            let again = std::mem::replace(&mut *asked.lock().unwrap(), true);
            let reply = |at| match (again, at) {
                (false, 0) => Reply::Failed(failure()),
                (false, _) => Reply::NotAsked,
                (true, _) => Reply::Answered(Answer::skipped("fine")),
            };
            (0..cases.len()).map(reply).collect()
        });
        let (trouble, _troubles) = channel();
        let replies = ask_isolating(&once, &cases(&["a", "b"]), &Restarts::new(10), &trouble);
        assert_eq!(words(&replies), ["over", "fine"]);
    }
}
