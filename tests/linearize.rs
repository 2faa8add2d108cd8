//! The search for an order of a history, held against trying every order, and what it says of the
//! stored logins of two hosts.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use mcp_overlay::sequences::linearize::{
    Interval, Linearized, Specification, by_object, linearize,
};
use mcp_overlay::sequences::stored_logins::{NotKept, not_kept};
use mcp_overlay::subject::{StoredTokens, TokenChange};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A register of small numbers.
struct Register;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    Write(u8),
    Read(u8),
    /// Sets the second if it finds the first. If not, it does nothing, and a 3 may be set all the same.
    Set(u8, u8),
}

impl Specification for Register {
    type State = u8;
    type Operation = Access;

    fn initial(&self) -> u8 {
        0
    }

    fn after(&self, state: &u8, access: &Access) -> Vec<u8> {
        match *access {
            Access::Write(value) => vec![value],
            Access::Read(value) if value == *state => vec![value],
            Access::Read(_) => Vec::new(),
            Access::Set(old, new) if old == *state => vec![new],
            Access::Set(_, new) if new == 3 => vec![*state, new],
            Access::Set(..) => vec![*state],
        }
    }
}

type History = Vec<Interval<u8, Access>>;

/// Whether the operations can happen in this order: none comes after one that began only when it had
/// ended, and each has its outcome.
fn can_be(history: &History, order: &[usize]) -> bool {
    let in_time = order.iter().enumerate().all(|(place, at)| {
        let earlier = &order[..place];
        earlier
            .iter()
            .all(|before| history[*at].end.is_none_or(|end| history[*before].start <= end))
    });
    let left_out = (0..history.len()).filter(|at| !order.contains(at));
    // What is left out has no end, so nothing comes before it in time.
    if !in_time || left_out.into_iter().any(|at| history[at].end.is_some()) {
        return false;
    }
    let mut states = BTreeSet::from([Register.initial()]);
    for at in order {
        let after = states.iter().flat_map(|state| Register.after(state, &history[*at].operation));
        states = after.collect();
    }
    !states.is_empty()
}

/// Tries every order of every choice of operations.
fn some_order(history: &History, order: &mut Vec<usize>) -> bool {
    if can_be(history, order) {
        return true;
    }
    for at in 0..history.len() {
        if order.contains(&at) {
            continue;
        }
        order.push(at);
        let found = some_order(history, order);
        order.pop();
        if found {
            return true;
        }
    }
    false
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![
        (0..4u8).prop_map(Access::Write),
        (0..4u8).prop_map(Access::Read),
        (0..4u8, 0..4u8).prop_map(|(old, new)| Access::Set(old, new)),
    ]
}

fn interval() -> impl Strategy<Value = Interval<u8, Access>> {
    (0..12u8, option::weighted(0.8, 0..5u8), access()).prop_map(|(start, lasts, operation)| {
        Interval { start, end: lasts.map(|lasts| start + lasts), operation }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_search_agrees_with_trying_every_order(history in vec(interval(), 0..6)) {
        match linearize(&Register, &history) {
            Linearized::In(order) => prop_assert!(can_be(&history, &order), "{order:?}"),
            Linearized::Not { .. } => prop_assert!(!some_order(&history, &mut Vec::new())),
        }
    }
}

/// Without memory, 13 writes that overlap are tried in each of their six billion orders.
#[test]
fn what_was_tried_is_remembered() {
    let write = |value| Interval { start: 0u8, end: Some(1), operation: Access::Write(value) };
    let mut history: History = (0..13).map(|at| write(at % 2)).collect();
    history.push(Interval { start: 2, end: Some(3), operation: Access::Read(3) });
    assert!(matches!(linearize(&Register, &history), Linearized::Not { .. }));
}

#[test]
fn a_history_has_a_part_for_each_object() {
    let read = |value| Interval { start: 0u8, end: Some(1), operation: Access::Read(value) };
    let parts = by_object([("b", read(1)), ("a", read(2)), ("b", read(3))]);
    let of = |object: &str| parts[object].iter().map(|one| one.operation).collect::<Vec<_>>();
    assert_eq!(of("a"), [Access::Read(2)]);
    assert_eq!(of("b"), [Access::Read(1), Access::Read(3)]);
}

fn stored(server: &str, from: u64, until: Option<u64>, change: TokenChange) -> StoredTokens {
    let (from, until) = (Duration::from_millis(from), until.map(Duration::from_millis));
    StoredTokens { server: server.into(), url: format!("https://{server}"), from, until, change }
}

fn written(server: &str, at: u64, login: usize) -> StoredTokens {
    stored(server, at, Some(at + 1), TokenChange::Written { tokens: (login, 0) })
}

fn refreshed(server: &str, from: u64, until: Option<u64>, old: (usize, usize)) -> StoredTokens {
    stored(server, from, until, TokenChange::Refreshed { old, new: (old.0, old.1 + 1) })
}

fn found(server: &str, at: u64, tokens: (usize, usize)) -> StoredTokens {
    stored(server, at, Some(at + 1), TokenChange::Found { tokens })
}

/// Rule `lifecycle.refresh-once`: A refresh token MUST NOT be sent again, neither by another call or
/// thread nor after a restart, and the newest one MUST be kept.
#[test]
fn the_newest_tokens_are_kept() {
    let wrong = |at: u64, server: &str| {
        let (at, url) = (Duration::from_millis(at + 1), format!("https://{server}"));
        vec![NotKept { at, url, is_missing: false }]
    };
    let all_right = Vec::new();
    for (what, history, expected) in [
        (
            "a refresh that was used is stored",
            vec![written("a", 0, 0), refreshed("a", 10, Some(20), (0, 0)), found("a", 30, (0, 1))],
            all_right.clone(),
        ),
        (
            "a refresh that was used is not stored",
            vec![written("a", 0, 0), refreshed("a", 10, Some(20), (0, 0)), found("a", 30, (0, 0))],
            wrong(30, "a"),
        ),
        (
            "the host crashed before anybody used the new tokens",
            vec![written("a", 0, 0), refreshed("a", 10, None, (0, 0)), found("a", 30, (0, 0))],
            all_right.clone(),
        ),
        (
            "it was stored, and then it was not",
            vec![
                written("a", 0, 0),
                refreshed("a", 10, None, (0, 0)),
                found("a", 30, (0, 1)),
                found("a", 40, (0, 0)),
            ],
            wrong(40, "a"),
        ),
        (
            "another host wrote the old login to a over the new one, with its own to b",
            vec![
                written("a", 0, 0),
                written("b", 0, 1),
                refreshed("a", 10, Some(20), (0, 0)),
                found("a", 21, (0, 1)),
                refreshed("b", 12, Some(25), (1, 0)),
                found("a", 30, (0, 0)),
                found("b", 30, (1, 1)),
            ],
            wrong(30, "a"),
        ),
        (
            "the refresh of b dropped the login to a",
            vec![
                written("a", 0, 0),
                written("b", 0, 1),
                refreshed("b", 10, Some(20), (1, 0)),
                found("b", 30, (1, 1)),
                stored("a", 30, Some(31), TokenChange::Missing),
            ],
            vec![NotKept { is_missing: true, ..wrong(30, "a").remove(0) }],
        ),
        (
            "two hosts refresh one after the other, and what is found lies in between",
            vec![
                written("a", 0, 0),
                refreshed("a", 10, Some(50), (0, 0)),
                refreshed("a", 20, Some(60), (0, 1)),
                found("a", 30, (0, 1)),
                found("a", 61, (0, 2)),
            ],
            all_right.clone(),
        ),
        (
            "the user logs in again while a refresh is under way: either login may stay",
            vec![
                written("a", 0, 0),
                refreshed("a", 10, Some(30), (0, 0)),
                written("a", 20, 1),
                found("a", 40, (0, 1)),
            ],
            all_right.clone(),
        ),
        (
            "but not the tokens that were refreshed",
            vec![
                written("a", 0, 0),
                refreshed("a", 10, Some(30), (0, 0)),
                written("a", 20, 1),
                found("a", 40, (0, 0)),
            ],
            wrong(40, "a"),
        ),
    ] {
        assert_eq!(not_kept(&history), expected, "{what}");
    }
}
