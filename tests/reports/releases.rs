//! The matrix of releases: the rules over time, what changed when, and the track record.

use std::collections::BTreeMap;

use mcp_overlay::finding::Finding;
use mcp_overlay::releases::{
    Column, FailedSequence, Held, KnownResult, Matrix, OverTime, Plan, html, markdown,
    render_history,
};
use mcp_overlay::report::{Picture, PictureEvent};
use mcp_overlay::sequences::saved::{FORMAT, SavedSequence};
use mcp_overlay_model::{Profile, Rule};
use serde_json::{Value, json};

use crate::html::without_style;
use crate::page::{fits, look_at};
use crate::sample::HOSTILE;

const DATE: &str = "Fri, 27 Nov 2026 12:00:00 GMT";
const COMMAND: &str = "mcp-overlay releases 1.0=PATH 1.1=PATH 2.0=PATH 2.1=PATH";

/// A sequence of two steps that breaks the rule.
fn failed(rule: Rule, profile: Profile, advisory: bool) -> FailedSequence {
    let steps = json!([{"thread": {"as": "t1"}}, "view"]);
    let sequence = json!({"profile": profile.name(), "steps": steps});
    let saved = SavedSequence {
        format: FORMAT,
        rule: Some(rule),
        subject: Some("codex 1.0".into()),
        sequence: serde_json::from_value(sequence).unwrap(),
    };
    let event = |from, to, text: &str, is_wrong| PictureEvent {
        step: 1,
        from,
        to,
        text: text.into(),
        is_wrong,
    };
    let picture = Picture {
        lanes: vec!["client".into(), "host".into()],
        events: vec![event(0, 1, "the servers are listed", false), event(1, 0, "no servers", true)],
    };
    let story = "rule: A rule.\n  1. thread t1 starts: thread/start\n     happened: no servers\n";
    let (story, luck) = (story.into(), None);
    FailedSequence { saved, advisory, story, luck, picture: Some(picture) }
}

fn column(name: &str, profile: Profile, kept: &[Rule], broken: &[(Rule, bool)]) -> Column {
    let held = |of: Profile| {
        (of, Held { agreeing: if of == profile { 300 } else { 140 }, ..Held::default() })
    };
    let over_time = OverTime {
        profile,
        played: 150,
        kept: kept.iter().map(|rule| (*rule, 3)).collect(),
        broken: broken
            .iter()
            .map(|(rule, advisory)| (rule.id().to_string(), failed(*rule, profile, *advisory)))
            .collect(),
        known: vec![KnownResult::Passes, KnownResult::NotSeen],
    };
    Column {
        name: name.into(),
        program: format!("codex {name}"),
        profiles: Profile::ALL.map(held).to_vec(),
        over_time: Some(over_time),
    }
}

/// Two releases of one profile and two of another, which has a rule that the first does not have.
fn matrix() -> Matrix {
    use Rule::{
        LifecycleFileCounts as FileCounts, LifecycleInFlight as InFlight,
        LifecycleReloadApplies as ReloadApplies, LifecycleSignedOut as SignedOut,
    };
    let (old, new) = (Profile::CodexPr27191, Profile::CodexPr31803);
    let advisory = (FileCounts, true);
    let mut releases = vec![
        column("1.0", old, &[InFlight], &[(SignedOut, false), advisory]),
        column("1.1", old, &[InFlight], &[(SignedOut, false), advisory]),
        column("2.0", new, &[InFlight, SignedOut, ReloadApplies], &[advisory]),
        column("2.1", new, &[SignedOut, ReloadApplies], &[(InFlight, false), advisory]),
    ];
    let over_time = releases[3].over_time.as_mut().unwrap();
    let cut = over_time.broken.get_mut(InFlight.id()).unwrap();
    cut.luck = Some("failed again in 2 of 3 plays, so it depends on timing".into());
    let mut broke_down = failed(InFlight, new, false);
    broke_down.saved.rule = None;
    (broke_down.story, broke_down.picture) = ("crashed: the subject exited\n".into(), None);
    over_time.broken.insert("crashed".into(), broke_down);
    over_time.known = vec![
        KnownResult::Fails { other: None, advisory: false, always: true },
        KnownResult::Fails { other: Some(InFlight.id().into()), advisory: false, always: false },
    ];
    // What the first release breaks, of its own profile and of the later one.
    let first = &mut releases[0].profiles;
    let case = json!({"profile": old.name(), "auth": "chatgpt"});
    of_profile(first, old).broken.insert("gate.open".into(), finding("gate.open", &case));
    of_profile(first, old).kept.insert(Rule::GateNeverSynthesizes, 3);
    let case = json!({"profile": new.name(), "auth": "chatgpt"});
    let broken = finding("overlay.disabled-stays", &case);
    releases[1].profiles.iter_mut().for_each(|(of, held)| {
        if *of == old {
            held.kept = [(Rule::GateOpen, 7), (Rule::GateNeverSynthesizes, 3)].into();
        } else if *of == new {
            held.broken.insert("overlay.disabled-stays".into(), broken.clone());
        }
    });
    of_profile(&mut releases[3].profiles, new).broken.insert("crashed".into(), finding("", &case));
    Matrix { plan: Plan { cases: 300, sequences: 150, seed: 27_191 }, releases }
}

fn of_profile(profiles: &mut [(Profile, Held)], profile: Profile) -> &mut Held {
    &mut profiles.iter_mut().find(|(of, _)| *of == profile).unwrap().1
}

/// A finding with this case.
fn finding(rule: &str, case: &Value) -> Finding {
    let verdict = if rule.is_empty() { "crashed" } else { "disagree" };
    let difference = json!({
        "place": "effective[\"codex_apps\"]", "rule": rule, "because": "no contribution",
        "expected": {"url": "https://a.example"}, "actual": null,
    });
    let views = json!({"configured": {}, "runtime": {}, "effective": {}});
    serde_json::from_value(json!({
        "finding": 1, "subject": "codex", "verdict": verdict, "rule": rule, "sentence": "A rule.",
        "differences": [difference], "case": case,
        "expected": {"views": views, "plugin_owners": {}},
    }))
    .unwrap()
}

#[test]
fn pages_match_the_snapshots() {
    insta::assert_snapshot!("releases_markdown", markdown::render(&matrix(), DATE, COMMAND));
    let page = html::render(&matrix(), DATE, COMMAND);
    insta::assert_snapshot!("releases_html", without_style(&page));
    let history = render_history(&matrix(), DATE, COMMAND);
    insta::assert_snapshot!("releases_history", history);
}

/// The lines of the list under "What changed".
#[test]
fn each_release_says_first_what_changed() {
    let page = markdown::render(&matrix(), DATE, COMMAND);
    let list: Vec<&str> = page.lines().filter(|line| line.starts_with("- **")).collect();
    assert_eq!(
        list,
        [
            "- **1.1**: newly kept: `gate.open`",
            "- **2.0**: follows `codex-pr-31803` instead of `codex-pr-27191` (upstream #27198, #27414, \
             #27634, #27607, #27893, #29924, #31803); newly kept: `lifecycle.signed-out`",
            "- **2.1**: newly broken: `lifecycle.in-flight`",
        ]
    );
}

#[test]
fn a_rule_that_the_profile_of_a_release_does_not_have_is_not_applicable() {
    let page = markdown::render(&matrix(), DATE, COMMAND);
    assert_eq!(lines(&page, "gate.open")[0][..4], ["**broken** (1)", "kept", "·", "·"]);
    assert_eq!(lines(&page, "crashed")[0][..4], ["·", "·", "·", "**broken** (2)"]);
    let kept = lines(&page, "gate.never-synthesizes").remove(0);
    assert_eq!(kept[..4], ["kept", "kept", "n/a", "n/a"]);
    let (deviations, rest) = page.split_once("<details>").unwrap();
    assert!(deviations.contains("`gate.open`") && !deviations.contains("`gate.never-synthesizes`"));
    assert!(rest.contains("`gate.never-synthesizes`"));
}

/// A later run reads what an earlier one wrote.
#[test]
fn the_results_of_a_release_can_be_kept_as_json() {
    let text = serde_json::to_string(&matrix()).unwrap();
    assert_eq!(serde_json::from_str::<Matrix>(&text).unwrap(), matrix());
}

/// The cells of each line of a table that begins with this rule.
fn lines<'a>(page: &'a str, rule: &str) -> Vec<Vec<&'a str>> {
    let lines = page.lines().filter(|line| line.starts_with(&format!("| `{rule}` |")));
    lines.map(|line| line.split('|').map(str::trim).skip(2).collect()).collect()
}

#[test]
fn the_release_in_which_a_rule_changed_is_named() {
    let page = markdown::render(&matrix(), DATE, COMMAND);
    let of = |rule: Rule| match &lines(&page, rule.id())[..] {
        [_, change] => change.iter().take(3).copied().collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(of(Rule::LifecycleSignedOut), ["2.0", "1.0: **broken** (3)", "2.0: kept"]);
    assert_eq!(of(Rule::LifecycleInFlight)[..2], ["1.0", "2.1: **broken** (5)"]);
    assert_eq!(of(Rule::LifecycleInFlight)[2], "2.1: **broken** (5)");
    // It is advisory in all, and the profile of the sequence is no change.
    assert_eq!(of(Rule::LifecycleFileCounts), ["·", "1.0: advisory (4)", "·"]);
    // The profile of the first two does not have it.
    assert_eq!(of(Rule::LifecycleReloadApplies), ["2.0", "·", "·"]);
    assert_eq!(lines(&page, "lifecycle.reload-applies")[0][..4], ["n/a", "n/a", "kept", "kept"]);
    assert_eq!(lines(&page, "crashed")[1][3], "**broken** (6)");
}

#[test]
fn each_sequence_on_the_page_can_be_replayed() {
    let page = markdown::render(&matrix(), DATE, COMMAND);
    let texts = page.split("```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let saved: Vec<SavedSequence> = texts.map(|text| serde_json::from_str(text).unwrap()).collect();
    let rules: Vec<_> = saved.iter().map(|saved| saved.rule).collect();
    let [signed_out, file_counts, in_flight] =
        [Rule::LifecycleSignedOut, Rule::LifecycleFileCounts, Rule::LifecycleInFlight].map(Some);
    assert_eq!(rules, [signed_out, file_counts, in_flight, None]);
}

/// The committed page is made by the command, and its sequences are in a format that `replay` reads.
#[test]
fn the_committed_sequences_can_be_replayed() {
    let page = include_str!("../../docs/releases/README.md");
    for text in page.split("```json\n").skip(1) {
        let saved: SavedSequence =
            serde_json::from_str(text.split("\n```").next().unwrap()).unwrap();
        assert_eq!(saved.format, FORMAT);
        assert!(!saved.sequence.steps.is_empty());
    }
}

#[test]
fn without_sequences_there_is_no_word_of_them() {
    let mut matrix = matrix();
    matrix.releases.iter_mut().for_each(|column| column.over_time = None);
    let page = markdown::render(&matrix, DATE, COMMAND);
    let page = page + &html::render(&matrix, DATE, COMMAND);
    assert!(!page.contains("over time") && !page.contains("rack record"), "{page}");
}

#[test]
fn the_page_fits_a_phone_and_hostile_text_is_inert() {
    let seen = look_at(&html::render(&matrix(), DATE, COMMAND));
    fits(&seen);
    for words in ["2.1 broken", "crashed: the subject exited", "the servers are listed"] {
        assert!(seen.text.contains(words), "{words} is not in: {}", seen.text);
    }
    let mut matrix = matrix();
    for column in &mut matrix.releases {
        column.name = HOSTILE.into();
        let over_time = column.over_time.as_mut().unwrap();
        let mut broken = BTreeMap::new();
        for (row, mut failed) in std::mem::take(&mut over_time.broken) {
            (failed.story, failed.luck) = (HOSTILE.into(), Some(HOSTILE.into()));
            let mut steps = serde_json::to_value(&failed.saved.sequence).unwrap();
            steps["steps"][0] = json!({"thread": {"as": HOSTILE}});
            failed.saved.sequence = serde_json::from_value(steps).unwrap();
            broken.insert(row, failed);
        }
        over_time.broken = broken;
    }
    let seen = look_at(&html::render(&matrix, DATE, COMMAND));
    fits(&seen);
    assert!(!seen.harm && seen.active == 0, "{seen:?}");
}
