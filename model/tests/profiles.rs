//! Rules and profiles are those of `docs/semantics.md`, and another host is another root.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod page;

use mcp_overlay_model::profile::Definition;
use mcp_overlay_model::{Case, Outcome, Profile, Rule, RuleSet, resolve_by};
use serde_json::{Value, json};

#[test]
fn the_rules_are_those_of_the_page_in_its_order_and_at_its_levels() {
    let page: Vec<_> = page::sections().iter().map(|s| (s.id.clone(), s.level)).collect();
    let model: Vec<_> = Rule::ALL.iter().map(|r| (r.id().to_string(), r.level())).collect();
    assert_eq!(model, page);
}

#[test]
fn each_profile_has_the_rules_that_the_page_gives_it() {
    for profile in Profile::ALL {
        let sections = page::sections();
        let held = sections.iter().filter(|section| section.profiles.contains(&profile));
        let page: Vec<&str> = held.map(|section| section.id.as_str()).collect();
        let model: Vec<&str> = profile.rules().iter().map(Rule::id).collect();
        assert_eq!(model, page, "{}", profile.name());
    }
}

#[test]
fn a_profile_drops_only_what_its_parent_has_and_adds_only_what_it_lacks() {
    for profile in Profile::ALL {
        let definition = profile.definition();
        let parent = definition.parent.map_or(RuleSet::EMPTY, Definition::rules);
        for rule in definition.drops {
            assert!(parent.has(*rule), "{}: {rule} is not there to be dropped", profile.name());
        }
        for rule in definition.adds {
            assert!(!parent.has(*rule), "{}: {rule} is there already", profile.name());
        }
    }
}

/// Another host: no Apps server, and a contribution cannot start what the user disabled.
const TINY_HOST: Definition = Definition {
    name: "tiny-host",
    parent: None,
    adds: &[
        Rule::ConfiguredUnion,
        Rule::ConfiguredConfigOverPlugin,
        Rule::ContributionOrder,
        Rule::OverlaySetReplacesButDisabled,
        Rule::OverlayDisabledStays,
    ],
    drops: &[],
};

/// A later version of it, which takes contributions at their word.
const TINY_HOST_2: Definition = Definition {
    name: "tiny-host-2",
    parent: Some(&TINY_HOST),
    adds: &[Rule::OverlaySetReplacesWhole],
    drops: &[Rule::OverlaySetReplacesButDisabled, Rule::OverlayDisabledStays],
};

#[test]
fn another_host_is_another_root() {
    let case = json!({
        "host": {"mcp_servers": {"a": {"command": "mine", "enabled": false}}},
        "contributors": [
            {"id": "x", "contributions": [{"set": {"name": "a", "server": {"command": "x"}}}]},
        ],
    });
    let case: Case = serde_json::from_value(case).unwrap();
    let runtime = |rules: RuleSet| match resolve_by(&case, rules) {
        Outcome::Resolved(resolution) => {
            let decided = &resolution.runtime["a"];
            (Value::clone(decided.server.as_deref().unwrap()), decided.reason.rule)
        }
        other => panic!("{other:?}"),
    };
    let stays = (json!({"command": "x", "enabled": false}), Rule::OverlayDisabledStays);
    assert_eq!(runtime(TINY_HOST.rules()), stays);
    let starts = (json!({"command": "x"}), Rule::OverlaySetReplacesWhole);
    assert_eq!(runtime(TINY_HOST_2.rules()), starts);
    assert!(!TINY_HOST_2.rules().has(Rule::LegacyFirstInRuntime), "no loader puts codex_apps in");
}

#[test]
fn without_a_should_the_model_reads_a_base_as_upstream_does() {
    let url = |base: &str, rules: RuleSet| {
        let case = json!({"auth": "chatgpt", "host": {"chatgpt_base_url": base}});
        match resolve_by(&serde_json::from_value(case).unwrap(), rules) {
            Outcome::Resolved(resolution) => {
                let server = resolution.effective["codex_apps"].server.clone().unwrap();
                server["url"].as_str().unwrap().to_string()
            }
            Outcome::Rejected(places) => places[0].rule.id().to_string(),
            Outcome::Observed(_) => panic!("nothing is observed here"),
        }
    };
    let rules = Profile::CodexPr27191.rules();
    for (rule, base, with, without) in [
        (Rule::EndpointBaseValid, "no url", "endpoint.base-valid", "no url/api/codex/apps"),
        (
            Rule::EndpointWholeHost,
            "https://chatgpt.com.example",
            "https://chatgpt.com.example/api/codex/apps",
            "https://chatgpt.com.example/backend-api/wham/apps",
        ),
        (
            Rule::EndpointWholeHost,
            "https://ChatGPT.com",
            "https://ChatGPT.com/backend-api/wham/apps",
            "https://ChatGPT.com/api/codex/apps",
        ),
        (
            Rule::EndpointWholeSegments,
            "http://h/backend-apix",
            "http://h/backend-apix/api/codex/apps",
            "http://h/backend-apix/wham/apps",
        ),
        (
            Rule::EndpointWholeSegments,
            "http://h/api/codexx",
            "http://h/api/codexx/api/codex/apps",
            "http://h/api/codexx/apps",
        ),
    ] {
        assert_eq!(url(base, rules), with, "{rule}");
        assert_eq!(url(base, rules.without(rule)), without, "without {rule}");
    }
}
