//! Tests of the grants.

use std::time::Instant;

use mcp_overlay_model::lifecycle::Tokens;

use super::asked::Asked;
use super::grants::{Access, Answered, Grants};
use super::target::{Origin, Target};

fn server() -> Target {
    (Origin::Servers, "/0".into())
}

/// The grants of one login, and its first refresh token.
fn logged_in() -> (Grants, String) {
    let mut grants = Grants::default();
    let refresh = grants.log_in(&server()).refresh;
    (grants, refresh)
}

fn arrives(grants: &mut Grants, token: &str) -> usize {
    grants.received(&server(), token, Instant::now()).unwrap().0
}

fn again(grants: &Grants, asked: &Asked) -> Vec<&'static str> {
    grants.again(asked).iter().map(|again| again.when).collect()
}

#[test]
fn a_refresh_token_counts_once_and_the_second_time_ends_the_login() {
    let (mut grants, token) = logged_in();
    let first = arrives(&mut grants, &token);
    let Answered::Renewed(pair) = grants.answer(first) else { unreachable!() };
    assert!(again(&grants, &Asked::default()).is_empty());
    let second = arrives(&mut grants, &token);
    assert!(matches!(grants.answer(second), Answered::InvalidGrant));
    assert_eq!(again(&grants, &Asked::default()), ["after the new one was issued"]);
    let third = arrives(&mut grants, &pair.refresh);
    assert!(matches!(grants.answer(third), Answered::InvalidGrant));
}

#[test]
fn a_refresh_token_that_comes_twice_at_a_time_is_found() {
    let (mut grants, token) = logged_in();
    arrives(&mut grants, &token);
    arrives(&mut grants, &token);
    assert_eq!(again(&grants, &Asked::default()), ["before it was answered"]);
}

#[test]
fn a_restart_may_lose_a_token_that_was_not_used() {
    for was_used in [false, true] {
        let (mut grants, token) = logged_in();
        let first = arrives(&mut grants, &token);
        let Answered::Renewed(pair) = grants.answer(first) else { unreachable!() };
        if was_used {
            grants.was_used(Some(&format!("Bearer {}", pair.access)));
        }
        grants.host_ended();
        arrives(&mut grants, &token);
        assert_eq!(!again(&grants, &Asked::default()).is_empty(), was_used);
    }
}

/// The first request of the client has led to a refresh, and the answer to it is lost.
fn lost() -> (Grants, String, Asked) {
    let (mut grants, token) = logged_in();
    grants.behave(&server(), Tokens::Cut);
    let mut asked = Asked::default();
    asked.request(1);
    let first = arrives(&mut grants, &token);
    assert!(matches!(grants.answer(first), Answered::Cut(_)));
    (grants, token, asked)
}

#[test]
fn a_lost_answer_is_asked_for_once_more_only_for_another_request_of_the_client() {
    let (mut grants, token, mut asked) = lost();
    let second = arrives(&mut grants, &token);
    assert_eq!(again(&grants, &asked), ["by itself, after the answer to it was lost"]);
    grants.lost(second);
    asked.request(2);
    arrives(&mut grants, &token);
    let third = again(&grants, &asked).len();
    assert_eq!(third, 2, "the second one is no better for it, and the third is one too many");
}

#[test]
fn a_request_of_the_client_is_a_reason_to_try_a_lost_token_once_more() {
    let (mut grants, token, mut asked) = lost();
    asked.request(2);
    arrives(&mut grants, &token);
    assert!(again(&grants, &asked).is_empty());
}

/// The host opens the connections of a thread in the background.
#[test]
fn a_thread_that_has_not_used_the_server_is_a_reason_too() {
    for was_reached in [false, true] {
        let (mut grants, token) = logged_in();
        grants.behave(&server(), Tokens::Cut);
        let mut asked = Asked::default();
        asked.request(1);
        asked.thread_starts("t1");
        if was_reached {
            asked.was_answered("t1", &server());
        }
        asked.request(2);
        let first = arrives(&mut grants, &token);
        assert!(matches!(grants.answer(first), Answered::Cut(_)));
        arrives(&mut grants, &token);
        assert_eq!(again(&grants, &asked).is_empty(), !was_reached);
    }
}

#[test]
fn a_token_that_was_rejected_without_being_spent_may_come_again() {
    let (mut grants, token) = logged_in();
    grants.behave(&server(), Tokens::Refuse);
    let first = arrives(&mut grants, &token);
    assert!(matches!(grants.answer(first), Answered::Refused));
    grants.behave(&server(), Tokens::Well);
    let second = arrives(&mut grants, &token);
    assert!(matches!(grants.answer(second), Answered::Renewed(_)));
    assert!(again(&grants, &Asked::default()).is_empty());
}

#[test]
fn an_access_token_is_good_at_its_server_until_it_expires() {
    let mut grants = Grants::default();
    let bearer = format!("Bearer {}", grants.log_in(&server()).access);
    let other: Target = (Origin::Servers, "/1".into());
    assert_eq!(grants.access(&server(), Some(&bearer)), Access::Granted);
    assert_eq!(grants.access(&server(), None), Access::Refused);
    assert_eq!(grants.access(&other, None), Access::Granted);
    assert_eq!(grants.access(&other, Some(&bearer)), Access::OfAnother);
    grants.expire(&server());
    assert_eq!(grants.access(&server(), Some(&bearer)), Access::Refused);
}
