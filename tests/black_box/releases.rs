//! `mcp-overlay releases` with two hosts: the sequences show in which of them a rule is broken.

use mcp_overlay::releases::{
    Column, Known, KnownResult, Matrix, Plan, State, look, look_again, markdown,
};
use mcp_overlay::sequences::judge::{Verdict, judge};
use mcp_overlay::sequences::known::KNOWN;
use mcp_overlay::sequences::saved::SavedSequence;
use mcp_overlay::subject::Driver;
use mcp_overlay_model::{Profile, Rule};

use crate::over_time::start;

const PROFILE: Profile = Profile::CodexPr31803;
const PLAN: Plan = Plan { cases: 20, sequences: 54, seed: 27_191 };
const RULE: &str = "lifecycle.signed-out";

fn state<'a>(column: &'a Column, row: &str) -> State<'a> {
    column.over_time.as_ref().unwrap().state(row)
}

fn known_result<'a>(column: &'a Column, name: &str) -> &'a KnownResult {
    let position = KNOWN.iter().position(|(of, _)| *of == name).unwrap();
    &column.over_time.as_ref().unwrap().known[position]
}

#[test]
fn a_rule_over_time_that_one_release_breaks_is_named_with_its_smallest_sequence() {
    let (sound, faulty) = (start("none", PROFILE), start("ignores-logout", PROFILE));
    let mut known = Known::default();
    let mut columns = [("1.0", &sound), ("1.1", &faulty)]
        .map(|(name, host)| look(name, host, PLAN, &mut known, &|_| {}));

    let over_time = columns[0].over_time.as_ref().unwrap();
    assert!(over_time.broken.is_empty(), "{:?}", over_time.broken);
    assert_eq!((over_time.profile, over_time.played), (PROFILE, PLAN.sequences));
    let results = KNOWN.iter().zip(&over_time.known);
    let fails: Vec<_> = results.filter(|(_, r)| **r != KnownResult::Passes).collect();
    assert!(fails.is_empty(), "{fails:?}");
    assert_eq!(state(&columns[0], RULE), State::Kept);
    assert_eq!(state(&columns[0], "lifecycle.reload-next-turn"), State::NoRule);

    let State::Broken(failed) = state(&columns[1], RULE) else { panic!("{:?}", columns[1]) };
    assert!(!failed.advisory && failed.luck.is_none(), "{failed:?}");
    assert!(failed.saved.sequence.steps.len() <= 4, "{}", failed.story);
    let fails = KnownResult::Fails { other: None, advisory: false, always: true };
    assert_eq!(*known_result(&columns[1], "second-thread-keeps-the-token"), fails);

    // What another release breaks is played on this one too.
    let failed = failed.clone();
    let over_time = columns[1].over_time.as_mut().unwrap();
    over_time.broken.remove(RULE);
    assert!(!matches!(over_time.state(RULE), State::Broken(_)));
    look_again(&faulty, &mut columns[1], &known);
    look_again(&sound, &mut columns[0], &known);
    assert_eq!(state(&columns[0], RULE), State::Kept);
    let State::Broken(again) = state(&columns[1], RULE) else { panic!("{:?}", columns[1]) };
    assert_eq!(again.saved.sequence.steps, failed.saved.sequence.steps);

    let page =
        markdown::render(&Matrix { plan: PLAN, releases: columns.into() }, "today", "command");
    assert!(page.contains(&format!("| `{RULE}` | kept | **broken** (")), "{page}");
    let headline = format!("- **1.1**: newly broken: `{RULE}`");
    assert!(page.lines().any(|line| line.starts_with(&headline)), "{page}");
    let change =
        page.lines().filter(|line| line.starts_with(&format!("| `{RULE}`"))).nth(1).unwrap();
    assert!(change.starts_with(&format!("| `{RULE}` | 1.0 | 1.1: **broken** (")), "{change}");
    let (_, json) = page.split_once(&format!("{{\"format\":1,\"rule\":\"{RULE}\"")).unwrap();
    let json = format!("{{\"format\":1,\"rule\":\"{RULE}\"{}", json.lines().next().unwrap());
    let saved: SavedSequence = serde_json::from_str(&json).unwrap();
    let judged =
        |host: &dyn Driver| judge(&saved.sequence, &host.play(&saved.sequence).unwrap().unwrap());
    assert_eq!(judged(&sound), Verdict::Agree);
    let rule = judged(&faulty).broken().map(|broken| broken.rule);
    assert_eq!(rule, Some(Rule::LifecycleSignedOut));
}

#[test]
fn a_release_may_play_no_sequences() {
    let plan = Plan { cases: 2, sequences: 0, ..PLAN };
    let column = look("1.0", &start("none", PROFILE), plan, &mut Known::default(), &|_| {});
    assert_eq!(column.over_time, None);
}
