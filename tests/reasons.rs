//! The model gives the right reason for what it says: the rule that decided, and whose word it was.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics fails, as it should")]

use mcp_overlay_model::{By, Case, Outcome, Resolution, resolve};
use serde_json::{Value, json};

fn resolution(case: Value) -> Resolution {
    match resolve(&serde_json::from_value::<Case>(case).expect("a case")) {
        Outcome::Resolved(resolution) => *resolution,
        rejected => panic!("{rejected:?}"),
    }
}

/// In the view, `name` is (or is not) there because of `rule` and `by`.
#[track_caller]
fn because(view: &mcp_overlay_model::View, name: &str, there: bool, rule: &str, by: By) {
    let decided = view.get(name).unwrap_or_else(|| panic!("nothing is said about {name}"));
    assert_eq!((decided.reason.rule, decided.reason.by), (rule, by), "{name}");
    assert_eq!(decided.server.is_some(), there, "{name}");
}

fn said(contributor: usize, index: usize) -> By {
    By::Contribution { contributor, index }
}

#[test]
fn configured_names_who_defined_and_who_lost() {
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
    because(&view, "alone", true, "configured.union", By::Config);
    because(&view, "both", true, "configured.config-over-plugin", By::Config);
    because(&view, "once", true, "configured.union", By::Plugin(1));
    because(&view, "twice", true, "configured.first-plugin-wins", By::Plugin(1));
    because(&view, "bad", false, "configured.invalid-plugin-server-dropped", By::Plugin(1));
    because(&view, "off", false, "configured.inactive-plugin-ignored", By::Plugin(0));
    because(&view, "later", true, "configured.union", By::Plugin(2));
}

#[test]
fn runtime_names_the_contribution_and_what_made_it_count() {
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
    because(&view, "kept", true, "overlay.untouched-stays", By::Config);
    because(&view, "set", true, "overlay.set-replaces-whole", said(0, 0));
    because(&view, "gone", false, "overlay.remove-deletes", said(0, 1));
    // Among several words on one name, what decided is which is the last.
    because(&view, "listed", false, "overlay.last-wins", said(0, 3));
    because(&view, "ordered", false, "contribution.order", said(1, 0));
    because(&view, "both", true, "overlay.last-wins", said(1, 2));
    because(&view, "codex_apps", true, "hosted.enabled-sets", said(2, 0));
}

#[test]
fn effective_names_the_gate_the_loader_or_the_view_before() {
    let host = json!({"mcp_servers": {"a": {"command": "c"}, "codex_apps": {"command": "c"}}});
    let closed = resolution(json!({"host": host, "auth": "api_key"})).effective;
    because(&closed, "a", true, "effective.others-pass", By::Config);
    because(&closed, "codex_apps", false, "gate.closed-removes", By::Gate);

    let legacy = resolution(json!({"host": host, "auth": "chatgpt"})).effective;
    because(&legacy, "codex_apps", true, "legacy.synthesizes-in-effective", By::Legacy);

    let removed = json!([{"id": "x", "contributions": [{"remove": {"name": "codex_apps"}}]}]);
    let case = json!({"host": host, "auth": "chatgpt", "contributors": removed});
    let silenced = resolution(case).effective;
    because(&silenced, "codex_apps", false, "gate.never-synthesizes", said(0, 0));

    let off = json!({"features": {"apps": false}});
    let case = json!({"host": off, "contributors": [{"id": "h", "hosted_apps": {}}]});
    let disabled = resolution(case);
    because(&disabled.runtime, "codex_apps", false, "hosted.disabled-removes", said(0, 0));
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
    let places: Vec<(&str, &str)> = places.iter().map(|p| (p.path.as_str(), p.rule)).collect();
    assert_eq!(
        places,
        [
            ("contributors[0].contributions[0]", "server.transport"),
            ("host.apps_mcp_product_sku", "host.wrong-type"),
            ("host.chatgpt_base_url", "endpoint.base-valid"),
            ("host.features.apps_mcp_path_override", "endpoint.override-path"),
            ("host.mcp_servers.cwd", "server.remote-stdio-cwd"),
            ("host.mcp_servers.foreign", "server.foreign-field"),
            ("host.mcp_servers.time", "server.durations"),
            ("host.mcp_servers.transport", "server.transport"),
            ("host.mcp_servers.type", "server.unknown-field"),
            ("host.mcp_servers.vars", "server.env-vars"),
        ]
    );
}
