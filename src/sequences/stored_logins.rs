//! Whether hosts that share one home kept the newest tokens of each login: the stored tokens are a
//! register that refreshes change by compare-and-set.

use std::time::Duration;

use super::linearize::{Interval, Linearized, Specification, by_object, linearize};
use crate::subject::{StoredTokens, TokenChange};

/// The stored tokens of one login.
struct Stored;

impl Specification for Stored {
    type State = Option<(usize, usize)>;
    type Operation = TokenChange;

    fn initial(&self) -> Self::State {
        None
    }

    fn after(&self, state: &Self::State, change: &TokenChange) -> Vec<Self::State> {
        match *change {
            TokenChange::Written { tokens } => vec![Some(tokens)],
            TokenChange::Found { tokens } if *state == Some(tokens) => vec![*state],
            TokenChange::Found { .. } | TokenChange::Missing => Vec::new(),
            TokenChange::Refreshed { old, new } => match state {
                Some(stored) if *stored == old => vec![Some(new)],
                // The user logged in again meanwhile: which of the two logins stays is open.
                Some((login, _)) if *login != old.0 => vec![*state, Some(new)],
                _ => vec![*state],
            },
        }
    }
}

/// A login whose newest tokens were not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept {
    /// When that was found, since the beginning of the sequence.
    pub at: Duration,
    /// The URL of the server, as the configuration has it.
    pub url: String,
    /// Whether no tokens of the login were stored; otherwise older ones were.
    pub is_missing: bool,
}

/// For each login, the first look that no order of the changes explains.
#[must_use]
pub fn not_kept(stored: &[StoredTokens]) -> Vec<NotKept> {
    let history = stored.iter().map(|tokens| {
        let (start, end, operation) = (tokens.from, tokens.until, tokens.change);
        ((&tokens.server, &tokens.url), Interval { start, end, operation })
    });
    let wrong = |((_, url), history): ((&String, &String), Vec<_>)| {
        let at = first_wrong(&history)?;
        let is_missing = history
            .iter()
            .any(|one| one.end == Some(at) && matches!(one.operation, TokenChange::Missing));
        Some(NotKept { at, url: url.clone(), is_missing })
    };
    by_object(history).into_iter().filter_map(wrong).collect()
}

/// When the first look ended that the changes until then do not explain.
fn first_wrong(history: &[Interval<Duration, TokenChange>]) -> Option<Duration> {
    if matches!(linearize(&Stored, history), Linearized::In(_)) {
        return None;
    }
    let is_look = |change| matches!(change, TokenChange::Found { .. } | TokenChange::Missing);
    let looks = history.iter().filter(|one| is_look(one.operation));
    let mut ends: Vec<Duration> = looks.filter_map(|look| look.end).collect();
    ends.sort_unstable();
    let is_wrong = |end: &Duration| {
        let until = history.iter().filter(|one| one.start <= *end).cloned().map(|mut one| {
            // What ends later may not have happened yet.
            one.end = one.end.filter(|at| at <= end);
            one
        });
        matches!(linearize(&Stored, &until.collect::<Vec<_>>()), Linearized::Not { .. })
    };
    ends.into_iter().find(is_wrong)
}
