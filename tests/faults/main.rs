//! A case for each of the seeded faults that `cases.json` lists: the fault answers it wrongly, and the
//! sound implementation rightly. So a fault is one whatever the generator draws.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::collections::BTreeMap;

use mcp_overlay::finding::cause::Cause;
use mcp_overlay::finding::investigate::investigate;
use mcp_overlay::judge::compare::compare;
use mcp_overlay::judge::judge;
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::selftest::faults;
use mcp_overlay::subject::{InProcess, ProductionSubject, Subject};
use mcp_overlay_model::Case;

/// The cases by fault; a case without a profile is asked in the fault's own.
fn cases() -> BTreeMap<String, Case> {
    serde_json::from_str(include_str!("cases.json")).unwrap()
}

#[test]
fn each_listed_fault_is_wrong_where_the_sound_implementation_is_right() {
    let mut problems = Vec::new();
    for (name, case) in cases() {
        let fault = faults::named(&name).unwrap_or_else(|error| panic!("{error}"));
        let case = Case { profile: fault.profile(), ..case };
        let sound = judge(&InProcess(ProductionSubject), &case).1;
        if sound != Verdict::Agree {
            problems.push(format!("{name}: the sound implementation disagrees: {sound:?}"));
        }
        let faulty = judge(&*fault.driver(), &case).1;
        println!("{name}: {:?}, seeded for {:?}", faulty.rule(), fault.rule);
        if faulty.is_right() {
            problems.push(format!("{name}: the fault does not show"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The first faults have none: the committed matrix says how soon each phase finds them.
#[test]
fn every_later_fault_has_a_case() {
    let cases = cases();
    let without = faults::all().filter(|fault| !cases.contains_key(fault.name)).count();
    assert_eq!(without, 83, "a new fault needs a case in tests/faults/cases.json");
}

/// Where a fault shows, the rule that is blamed is its own or one that it says may show too.
#[test]
fn each_listed_fault_is_blamed_on_its_rule() {
    let mut problems = Vec::new();
    for (name, case) in cases() {
        let fault = faults::named(&name).unwrap_or_else(|error| panic!("{error}"));
        let case = Case { profile: fault.profile(), ..case };
        let Some(finding) = investigate(&*fault.driver(), &case) else { continue };
        let also = finding.rule.is_some_and(|rule| fault.also.contains(&rule));
        if finding.rule != fault.rule && !also {
            problems.push(format!("{name}: seeded for {:?}:\n{finding}", fault.rule));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Faults that one report would show as one entry, because they break one rule in one way.
const WITH_ONE_CAUSE: usize = 60;

/// Grouping by cause keeps mistakes apart: few of the faults would be one entry of a report.
#[test]
fn listed_faults_have_causes_of_their_own() {
    let mut causes: BTreeMap<(&str, Cause), Vec<String>> = BTreeMap::new();
    for (name, case) in cases() {
        let fault = faults::named(&name).unwrap_or_else(|error| panic!("{error}"));
        let profile = fault.profile();
        let case = Case { profile, ..case };
        if let Some(finding) = investigate(&*fault.driver(), &case) {
            causes.entry((profile.name(), Cause::of(&finding))).or_default().push(name);
        }
    }
    let shared: Vec<Vec<String>> = causes.into_values().filter(|names| names.len() > 1).collect();
    let number = shared.iter().map(Vec::len).sum::<usize>();
    assert!(number <= WITH_ONE_CAUSE, "{number}: {shared:#?}");
}

/// A host that reads the first case as the second is blamed on the rule that says how it is read.
#[test]
fn a_misread_part_of_a_wide_case_is_blamed_on_its_rule() {
    use mcp_overlay_model::{Profile, Rule, resolve};
    use serde_json::{Value, json};

    let read = |written: Value| {
        let case: Case = serde_json::from_value(written).unwrap();
        Case { profile: Profile::CodexPr31481, ..case }
    };
    let apps = |originator: &str| {
        let hosted = json!([{"id": "hosted-apps", "hosted_apps": {}}]);
        json!({"auth": "chatgpt", "thread": {"originator": originator}, "contributors": hosted})
    };
    let root = |root: &str| json!({"thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": root}]}});
    let plugin = |app: &str, client: &str| {
        let servers = json!({"a": {"url": "https://a.example", "oauth": {"clientId": client}}});
        json!({"auth": "chatgpt", "plugins": [{"id": "p", "apps": {"a": app}, "mcp_servers": servers}]})
    };
    let demand = |expression: &str| {
        let url = json!({"match": "regex", "expression": expression});
        json!({"requirements": {"mcp_servers": {"a": {"identity": {"url": url}}}}})
    };
    let misread = [
        (apps(" x"), apps("x"), Rule::AppsServerOriginator),
        (root("d:/"), root("d"), Rule::SelectedRootAbsolute),
        (plugin(" ", "c"), plugin(" ", "d"), Rule::PluginEntryShape),
        (plugin(" ", "c"), plugin("x", "c"), Rule::RouteBlankAppIsNone),
        (demand("a"), demand("("), Rule::RequirementsInvalid),
    ];
    for (written, misread, rule) in misread {
        let answer = ProductionSubject.resolve(&read(misread));
        let case = read(written);
        let verdict = compare(&case, &resolve(&case), &answer);
        assert_eq!(verdict.rule(), Some(rule), "{verdict:?}");
    }
}
