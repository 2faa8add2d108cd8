//! What differs between the profiles that a host can resolve by.

use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::{Auth, Environment, HostConfig, McpServerContribution, Plugin, Profile};
use serde_json::{Value, json};

use crate::support::{canonical, manager, plugin, remove, set};

fn host(profile: Profile, config: &Value) -> Arc<HostConfig> {
    let environment = Environment::default().with_profile(profile);
    Arc::new(HostConfig::from_json(config, environment).unwrap().value)
}

/// The views `runtime` and `effective` of somebody who is signed in.
fn views(
    profile: Profile,
    config: &Value,
    plugins: &Arc<[Plugin]>,
    contributions: Vec<McpServerContribution>,
    hosted: bool,
) -> [Value; 2] {
    let manager = manager(vec![contributions], hosted);
    let resolved = block_on(manager.runtime_config(&host(profile, config), plugins));
    [canonical(resolved.runtime()), canonical(&resolved.effective(Some(Auth::ChatGpt)))]
}

fn apps(path: &str) -> Value {
    json!({ "url": format!("https://chatgpt.com/backend-api/{path}"), "startup_timeout_sec": 30.0 })
}

#[test]
fn a_profile_has_one_name() {
    assert_eq!(Profile::ALL.map(Profile::name), ["codex-pr-27191", "codex-pr-27414"]);
    for profile in Profile::ALL {
        assert_eq!(profile.name().parse(), Ok(profile));
    }
    assert_eq!(host(Profile::default(), &json!({})).profile(), Profile::CodexPr27191);
    let unknown = "codex-pr-27198".parse::<Profile>().unwrap_err().to_string();
    assert!(unknown.contains("expected codex-pr-27191 or codex-pr-27414"), "{unknown}");
}

/// Rules `legacy.first-in-runtime` and `hosted.at-ps-mcp`.
#[test]
fn the_apps_server_is_there_before_the_extensions() {
    let none = Arc::default();
    let config = json!({ "mcp_servers": { "codex_apps": { "command": "mine" } } });
    let mine = json!({ "command": "mine" });
    let later = Profile::CodexPr27414;
    for (profile, runtime) in [(Profile::CodexPr27191, mine), (later, apps("wham/apps"))] {
        let [seen, effective] = views(profile, &config, &none, vec![], false);
        assert_eq!(seen, json!({ "codex_apps": runtime }));
        assert_eq!(effective, json!({ "codex_apps": apps("wham/apps") }));
    }
    let [_, effective] = views(later, &config, &none, vec![], true);
    assert_eq!(effective, json!({ "codex_apps": apps("ps/mcp") }));
    let [runtime, _] = views(later, &config, &none, vec![remove("codex_apps")], false);
    assert_eq!(runtime, json!({}));
    let off = json!({ "features": { "apps": false },
                      "mcp_servers": { "codex_apps": { "command": "mine" } } });
    assert_eq!(views(later, &off, &none, vec![], false), [json!({}), json!({})]);
}

/// Rule `overlay.disabled-stays`.
#[test]
fn what_is_disabled_stays_disabled() {
    let off = json!({ "command": "srv", "enabled": false });
    let written = json!({ "mcp_servers": { "a": off, "codex_apps": off } });
    let plugins: Arc<[Plugin]> = Arc::new([plugin("p", true, json!({ "b": off }))]);
    let other = json!({ "command": "other", "required": true });
    let list =
        || vec![set("a", &other), remove("b"), set("b", &other), set("c", &other), remove("d")];
    let other_off = json!({ "command": "other", "required": true, "enabled": false });
    let mut apps_off = apps("ps/mcp");
    apps_off["enabled"] = false.into();
    let [runtime, effective] = views(Profile::CodexPr27414, &written, &plugins, list(), true);
    let expected = json!({ "a": other_off, "b": other_off, "c": other, "codex_apps": apps_off });
    assert_eq!([&runtime, &effective], [&expected, &expected]);
    let [runtime, _] = views(Profile::CodexPr27191, &written, &plugins, list(), true);
    assert_eq!(runtime["a"], other);

    let removed = vec![set("a", &other), remove("a")];
    let [runtime, _] = views(Profile::CodexPr27414, &written, &plugins, removed, true);
    assert!(runtime.get("a").is_none());
    let [_, effective] = views(Profile::CodexPr27414, &written, &plugins, vec![], false);
    assert_eq!(effective["codex_apps"]["enabled"], false);
}

/// Rule `features.override-ignored`.
#[test]
fn the_path_override_is_ignored() {
    for written in [json!(true), json!(5), json!({ "path": "//" }), json!({ "key": [] })] {
        let config = json!({ "features": { "apps_mcp_path_override": written } });
        let [_, effective] = views(Profile::CodexPr27414, &config, &Arc::default(), vec![], false);
        assert_eq!(effective, json!({ "codex_apps": apps("wham/apps") }));
    }
}
