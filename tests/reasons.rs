//! The model gives the correct reasons: the rule and the input that decided.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics fails, as it should")]

use mcp_overlay_model::{By, Case, Outcome, Resolution, Rule, resolve};
use serde_json::{Value, json};

fn resolution(case: Value) -> Resolution {
    match resolve(&serde_json::from_value::<Case>(case).expect("a case")) {
        Outcome::Resolved(resolution) => *resolution,
        rejected => panic!("{rejected:?}"),
    }
}

/// Asserts that `name` is (or is not) in the view because of `rule` and `by`.
#[track_caller]
fn because(view: &mcp_overlay_model::View, name: &str, there: bool, rule: Rule, by: By) {
    let decided = view.get(name).unwrap_or_else(|| panic!("nothing is said about {name}"));
    assert_eq!((decided.reason.rule, decided.reason.by), (rule, by), "{name}");
    assert_eq!(decided.server.is_some(), there, "{name}");
}

fn said(contributor: usize, index: usize) -> By {
    By::Contribution { contributor, index }
}

#[test]
fn configured_names_the_definition_and_the_overridden_ones() {
    let srv = json!({"command": "srv"});
    let view = resolution(json!({
        "host": {"mcp_servers": {"alone": srv, "both": srv}},
        "plugins": [
            {"id": "off", "active": false, "mcp_servers": {"off": srv, "later": srv}},
            {"id": "p", "mcp_servers": {"both": srv, "twice": srv, "bad": {}, "once": srv}},
            {"id": "q", "mcp_servers": {"twice": srv, "later": srv}},
        ],
    }))
    .configured;
    because(&view, "alone", true, Rule::ConfiguredUnion, By::Config);
    because(&view, "both", true, Rule::ConfiguredConfigOverPlugin, By::Config);
    because(&view, "once", true, Rule::ConfiguredUnion, By::Plugin(1));
    because(&view, "twice", true, Rule::ConfiguredFirstPluginWins, By::Plugin(1));
    because(&view, "bad", false, Rule::ConfiguredInvalidPluginServerDropped, By::Plugin(1));
    because(&view, "off", false, Rule::ConfiguredInactivePluginIgnored, By::Plugin(0));
    because(&view, "later", true, Rule::ConfiguredUnion, By::Plugin(2));
}

#[test]
fn runtime_names_the_contribution_and_the_rule_that_decided() {
    let set = |name: &str| json!({"set": {"name": name, "server": {"command": "x"}}});
    let remove = |name: &str| json!({"remove": {"name": name}});
    let view = resolution(json!({
        "host": {"mcp_servers": {"kept": {"command": "c"}, "gone": {"command": "c"}}},
        "contributors": [
            {"id": "x", "contributions": [
                set("set"), remove("gone"), set("listed"), remove("listed"), set("ordered"),
            ]},
            {"id": "y", "contributions": [remove("ordered"), set("both"), set("both")]},
            {"id": "hosted-apps", "hosted_apps": {}},
        ],
    }))
    .runtime;
    because(&view, "kept", true, Rule::OverlayUntouchedStays, By::Config);
    because(&view, "set", true, Rule::OverlaySetReplacesWhole, said(0, 0));
    because(&view, "gone", false, Rule::OverlayRemoveDeletes, said(0, 1));
    // With several contributions to one name, the rule is that the last one wins.
    because(&view, "listed", false, Rule::OverlayLastWins, said(0, 3));
    because(&view, "ordered", false, Rule::ContributionOrder, said(1, 0));
    because(&view, "both", true, Rule::OverlayLastWins, said(1, 2));
    because(&view, "codex_apps", true, Rule::HostedEnabledSets, said(2, 0));
}

#[test]
fn effective_names_the_gate_the_loader_or_the_view_before() {
    let host = json!({"mcp_servers": {"a": {"command": "c"}, "codex_apps": {"command": "c"}}});
    let closed = resolution(json!({"host": host, "auth": "api_key"})).effective;
    because(&closed, "a", true, Rule::EffectiveOthersPass, By::Config);
    because(&closed, "codex_apps", false, Rule::GateClosedRemoves, By::Gate);

    let legacy = resolution(json!({"host": host, "auth": "chatgpt"})).effective;
    because(&legacy, "codex_apps", true, Rule::LegacySynthesizesInEffective, By::Legacy);

    let removed = json!([{"id": "x", "contributions": [{"remove": {"name": "codex_apps"}}]}]);
    let case = json!({"host": host, "auth": "chatgpt", "contributors": removed});
    let silenced = resolution(case).effective;
    because(&silenced, "codex_apps", false, Rule::GateNeverSynthesizes, said(0, 0));

    let off = json!({"features": {"apps": false}});
    let case = json!({"host": off, "contributors": [{"id": "h", "hosted_apps": {}}]});
    let disabled = resolution(case);
    because(&disabled.runtime, "codex_apps", false, Rule::HostedDisabledRemoves, said(0, 0));
}

/// Every invalid place with the rule that it breaks, the smallest path first.
#[test]
fn a_rejection_names_every_place_and_its_rule() {
    let case = json!({
        "host": {
            "chatgpt_base_url": "nonsense",
            "apps_mcp_product_sku": 5,
            "features": {"apps_mcp_path_override": {"path": "/"}},
            "mcp_servers": {
                "cwd": {"command": "srv", "environment_id": "gpu-box"},
                "foreign": {"command": "srv", "oauth": {}},
                "time": {"command": "srv", "tool_timeout_sec": -1},
                "transport": {},
                "type": {"command": 5},
                "vars": {"command": "srv", "env_vars": [5]},
            },
        },
        "contributors": [{"id": "x", "contributions": [{"set": {"name": "a", "server": {}}}]}],
    });
    let Outcome::Rejected(places) = resolve(&serde_json::from_value(case).expect("a case")) else {
        panic!("it is not rejected")
    };
    let places: Vec<(&str, Rule)> = places.iter().map(|p| (p.path.as_str(), p.rule)).collect();
    assert_eq!(
        places,
        [
            ("contributors[0].contributions[0]", Rule::ServerTransport),
            ("host.apps_mcp_product_sku", Rule::HostWrongType),
            ("host.chatgpt_base_url", Rule::EndpointBaseValid),
            ("host.features.apps_mcp_path_override", Rule::EndpointOverrideNotEmpty),
            ("host.mcp_servers.cwd", Rule::ServerRemoteStdioCwd),
            ("host.mcp_servers.foreign", Rule::ServerForeignField),
            ("host.mcp_servers.time", Rule::ServerDurations),
            ("host.mcp_servers.transport", Rule::ServerTransport),
            ("host.mcp_servers.type", Rule::ServerUnknownField),
            ("host.mcp_servers.vars", Rule::ServerEnvVars),
        ]
    );
}
