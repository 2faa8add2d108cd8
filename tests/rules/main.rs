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
mod host;
mod overlay;
mod profiles;
mod running;
mod server;

use std::borrow::Borrow;

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

/// The Apps server of a host that configures nothing.
fn apps_server() -> Value {
    apps_server_at("https://chatgpt.com/backend-api/wham/apps")
}

/// A plain Apps server at another URL.
fn apps_server_at(url: &str) -> Value {
    json!({"url": url, "startup_timeout_sec": 30})
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

/// A server entry is read as `canonical`, wherever it is written.
#[track_caller]
fn reads(entry: impl Borrow<Value>, canonical: impl Borrow<Value>) {
    let (entry, view) = (entry.borrow(), json!({"a": canonical.borrow()}));
    check(json!({"host": {"mcp_servers": {"a": entry}}}), json!({"configured": view}));
    check(
        json!({"plugins": [{"id": "p", "mcp_servers": {"a": entry}}]}),
        json!({"configured": view, "plugin_owners": {"a": "p"}}),
    );
    check(
        json!({"contributors": [contributor("x", json!([set("a", entry)]))]}),
        json!({"configured": {}, "runtime": view}),
    );
}

/// A server entry is invalid, wherever it is written.
#[track_caller]
fn invalid(entry: impl Borrow<Value>) {
    let entry = entry.borrow();
    rejected(json!({"host": {"mcp_servers": {"a": entry}}}), "host.mcp_servers.a");
    check(
        json!({"plugins": [{"id": "p", "mcp_servers": {"a": entry}}]}),
        json!({"configured": {}, "plugin_owners": {}}),
    );
    rejected(
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
