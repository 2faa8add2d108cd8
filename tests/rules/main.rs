//! One test a rule of `docs/semantics.md`: what a wrong implementation would do, and the case that
//! shows it. Each is asked of the model and of the production implementation.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/example.rs"]
mod example;

mod apps;
mod apps_server;
mod configured;
mod endpoint;
mod features;
mod fields;
mod gate;
mod host;
mod overlay;
mod profiles;
mod requirements;
mod routing;
mod running;
mod selected;
mod server;

use std::borrow::Borrow;

use mcp_overlay::rules::profiles;
use mcp_overlay_model::{Profile, Rule};
use serde_json::{Value, json};

/// Every kind of auth.
const AUTHS: [Option<&str>; 6] = [
    None,
    Some("api_key"),
    Some("chatgpt"),
    Some("chatgpt_auth_tokens"),
    Some("agent_identity"),
    Some("personal_access_token"),
];

/// The case resolves to what `expect` names; views are compared as a whole.
#[track_caller]
fn check(case: Value, expect: Value) {
    example::check(&case, &expect);
}

/// The case is rejected at `path`.
#[track_caller]
fn rejected(case: Value, path: &str) {
    example::check(&case, &json!({"rejected": path}));
}

/// The case, asked in another profile than the first.
fn in_profile(profile: Profile, case: impl Borrow<Value>) -> Value {
    with(case.borrow(), "profile", json!(profile.name()))
}

/// The case resolves to what `expect` names in every profile in which the rule holds.
#[track_caller]
fn check_with(rule: Rule, case: impl Borrow<Value>, expect: impl Borrow<Value>) {
    for profile in profiles(rule) {
        example::check(&in_profile(profile, case.borrow()), expect.borrow());
    }
}

/// The case is rejected at `path` in every profile in which the rule holds.
#[track_caller]
fn rejected_with(rule: Rule, case: impl Borrow<Value>, path: &str) {
    check_with(rule, case, json!({"rejected": path}));
}

/// The Apps server of a host that configures nothing.
fn apps_server() -> Value {
    apps_server_at("https://chatgpt.com/backend-api/wham/apps")
}

/// A plain Apps server at another URL.
fn apps_server_at(url: &str) -> Value {
    json!({"url": url, "startup_timeout_sec": 30})
}

/// The Apps server at a URL as `runtime` has it in a profile, without a product SKU.
fn apps_server_in(profile: Profile, url: &str) -> Value {
    let mut server = apps_server_at(url);
    if profile.has(Rule::AppsServerSkuDefault) {
        server["http_headers"] = json!({"X-OpenAI-Product-Sku": "codex"});
    }
    if profile.has(Rule::AppsServerAuth) {
        server["auth"] = json!("chatgpt");
    }
    server
}

/// A contributor that says `contributions`.
fn contributor(id: &str, contributions: impl Borrow<Value>) -> Value {
    json!({"id": id, "contributions": contributions.borrow()})
}

/// The contribution that sets `name` to `server`.
fn set(name: &str, server: impl Borrow<Value>) -> Value {
    json!({"set": {"name": name, "server": server.borrow()}})
}

/// The contribution that removes `name`.
fn remove(name: &str) -> Value {
    json!({"remove": {"name": name}})
}

/// The hosted-apps contributor.
fn hosted() -> Value {
    json!({"id": "hosted-apps", "hosted_apps": {}})
}

/// A server entry is read as `canonical`, wherever it is written, in every profile.
#[track_caller]
fn reads(entry: impl Borrow<Value>, canonical: impl Borrow<Value>) {
    reads_with(EVERYWHERE, entry, canonical);
}

/// A rule that holds in every profile.
const EVERYWHERE: Rule = Rule::ServerTransport;

/// A server entry is read as `canonical`, wherever it is written, in every profile with the rule.
#[track_caller]
fn reads_with(rule: Rule, entry: impl Borrow<Value>, canonical: impl Borrow<Value>) {
    let (entry, view) = (entry.borrow(), json!({"a": canonical.borrow()}));
    check_with(rule, json!({"host": {"mcp_servers": {"a": entry}}}), json!({"configured": view}));
    check_of_plugin(rule, entry, json!({"configured": view, "plugin_owners": {"a": "p"}}));
    check_with(
        rule,
        json!({
            "host": {"features": {"apps": false}},
            "contributors": [contributor("x", json!([set("a", entry)]))],
        }),
        json!({"configured": {}, "runtime": view}),
    );
}

/// The entry in a plugin gives what `expect` names, where a plugin's entry is read like any other.
#[track_caller]
fn check_of_plugin(rule: Rule, entry: &Value, expect: Value) {
    let is_shaped = entry.get("oauth").is_some();
    for profile in profiles(rule) {
        if !(is_shaped && profile.has(Rule::PluginEntryShape)) {
            let case = json!({"plugins": [{"id": "p", "mcp_servers": {"a": entry}}]});
            example::check(&in_profile(profile, case), &expect);
        }
    }
}

/// A server entry is invalid, wherever it is written, in every profile.
#[track_caller]
fn invalid(entry: impl Borrow<Value>) {
    invalid_with(EVERYWHERE, entry);
}

/// A server entry is invalid, wherever it is written, in every profile with the rule.
#[track_caller]
fn invalid_with(rule: Rule, entry: impl Borrow<Value>) {
    let entry = entry.borrow();
    let host = json!({"host": {"mcp_servers": {"a": entry}}});
    rejected_with(rule, host, "host.mcp_servers.a");
    check_of_plugin(rule, entry, json!({"configured": {}, "plugin_owners": {}}));
    rejected_with(
        rule,
        json!({"contributors": [contributor("x", json!([set("a", entry)]))]}),
        "contributors[0].contributions[0]",
    );
}

/// `entry` with one more field.
fn with(entry: &Value, field: &str, value: impl Borrow<Value>) -> Value {
    let mut entry = entry.clone();
    entry[field] = value.borrow().clone();
    entry
}
