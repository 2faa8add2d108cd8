//! What differs between the profiles that a host can resolve by.

use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::{
    Auth, ConfigError, Environment, HostConfig, McpRuntimeConfig, McpServerContribution, Plugin,
    Profile, ServerConfig, discover_plugins,
};
use serde_json::{Value, json};

use crate::support::{canonical, manager, remove, set};

/// The profiles from this one on.
fn from(first: Profile) -> impl Iterator<Item = Profile> {
    Profile::ALL.into_iter().skip_while(move |profile| *profile != first)
}

/// The profiles until this one.
fn until(first: Profile) -> impl Iterator<Item = Profile> {
    Profile::ALL.into_iter().take_while(move |profile| *profile != first)
}

fn read(profile: Profile, config: &Value) -> Result<HostConfig, ConfigError> {
    let environment = Environment::default().with_profile(profile);
    HostConfig::from_json(config, environment).map(|loaded| loaded.value)
}

fn host(profile: Profile, config: &Value) -> Arc<HostConfig> {
    Arc::new(read(profile, config).unwrap())
}

/// Where this host config is rejected, if it is.
fn rejected_at(profile: Profile, config: &Value) -> Option<String> {
    read(profile, config).err().map(|error| error.path().to_owned())
}

fn plugin(profile: Profile, id: &str, servers: &Value) -> Plugin {
    Plugin::from_json_servers(id, true, servers.as_object().unwrap(), profile).value
}

fn resolved(
    profile: Profile,
    config: &Value,
    plugins: &Arc<[Plugin]>,
    contributions: Vec<McpServerContribution>,
    hosted: bool,
) -> Arc<McpRuntimeConfig> {
    let manager = manager(vec![contributions], hosted);
    block_on(manager.runtime_config(&host(profile, config), plugins))
}

/// The views `runtime` and `effective` of a user who is signed in.
fn views(
    profile: Profile,
    config: &Value,
    plugins: &Arc<[Plugin]>,
    contributions: Vec<McpServerContribution>,
    hosted: bool,
) -> [Value; 2] {
    let resolved = resolved(profile, config, plugins, contributions, hosted);
    [canonical(resolved.runtime()), canonical(&resolved.effective(Some(Auth::ChatGpt)))]
}

/// The Apps server at this path of `https://corp.example`, as `effective` has it. All configs here
/// name the product, so its default does not matter.
fn apps(path: &str) -> Value {
    json!({
        "url": format!("https://corp.example/backend-api/{path}"), "startup_timeout_sec": 30.0,
        "http_headers": { "X-OpenAI-Product-Sku": "tpp" },
    })
}

fn with(mut server: Value, key: &str, value: Value) -> Value {
    server[key] = value;
    server
}

/// A host config with these servers and features, away from ChatGPT.
fn corp(servers: Value, features: Value) -> Value {
    json!({
        "chatgpt_base_url": "https://corp.example/backend-api", "apps_mcp_product_sku": "tpp",
        "mcp_servers": servers, "features": features,
    })
}

#[test]
fn a_profile_parses_from_its_name_only() {
    let names = [
        "codex-pr-27191",
        "codex-pr-27198",
        "codex-pr-27414",
        "codex-pr-27634",
        "codex-pr-27607",
        "codex-pr-27893",
        "codex-pr-29924",
        "codex-pr-31803",
        "codex-pr-31481",
    ];
    assert_eq!(Profile::ALL.map(Profile::name), names);
    for profile in Profile::ALL {
        assert_eq!(profile.name().parse(), Ok(profile));
        assert_eq!(host(profile, &json!({})).profile(), profile);
    }
    assert_eq!(Profile::default(), Profile::CodexPr27191);
    let unknown = "codex-pr-1".parse::<Profile>().unwrap_err().to_string();
    assert!(unknown.contains(&names.join(", ")), "{unknown}");
}

/// Rules `legacy.first-in-runtime`, `legacy.synthesizes-in-effective` and `hosted.at-ps-mcp`.
#[test]
fn the_legacy_loader_comes_before_contributions() {
    let none = Arc::default();
    let mine = json!({ "command": "mine" });
    let config = corp(json!({ "codex_apps": mine }), json!({}));
    let off = corp(json!({ "codex_apps": mine }), json!({ "apps": false }));
    for profile in Profile::ALL {
        let [runtime, effective] = views(profile, &config, &none, vec![], false);
        assert_eq!(effective, json!({ "codex_apps": apps("wham/apps") }), "{profile}");
        let [removed, _] = views(profile, &config, &none, vec![remove("codex_apps")], false);
        assert_eq!(removed, json!({}), "{profile}");
        let [_, hosted] = views(profile, &config, &none, vec![], true);
        let [without, _] = views(profile, &off, &none, vec![], false);
        if profile == Profile::CodexPr27191 {
            assert_eq!(runtime, json!({ "codex_apps": mine }));
            assert_eq!(hosted, json!({ "codex_apps": apps("wham/apps") }));
            assert_eq!(without, json!({ "codex_apps": mine }));
        } else {
            assert_eq!(runtime["codex_apps"]["url"], apps("wham/apps")["url"], "{profile}");
            assert_eq!(hosted, json!({ "codex_apps": apps("ps/mcp") }), "{profile}");
            assert_eq!(without, json!({}), "{profile}");
        }
    }
}

/// Rules `gate.passes-runtime` and `gate.never-synthesizes`.
#[test]
fn a_contributed_apps_server_passes_the_gate() {
    let mine = json!({ "command": "mine" });
    let config = corp(json!({}), json!({}));
    for profile in Profile::ALL {
        let contributions = vec![set("codex_apps", &mine)];
        let resolved = resolved(profile, &config, &Arc::default(), contributions, false);
        assert!(!resolved.legacy_loader_active());
        let open = resolved.effective(Some(Auth::AgentIdentity));
        assert_eq!(canonical(&open), json!({ "codex_apps": mine }));
        assert!(open.ptr_eq(resolved.runtime()));
        for auth in [None, Some(Auth::ApiKey)] {
            assert!(resolved.effective(auth).is_empty());
        }
    }
}

/// Rules `overlay.set-replaces-whole`, `overlay.set-replaces-but-disabled` and
/// `overlay.disabled-stays`.
#[test]
fn a_contribution_does_not_enable_a_disabled_server() {
    let off = json!({ "command": "srv", "enabled": false });
    let written = corp(json!({ "a": off, "codex_apps": off }), json!({}));
    let other = json!({ "command": "other", "required": true });
    let contributions =
        || vec![set("a", &other), remove("b"), set("b", &other), set("c", &other), remove("d")];
    let other_off = with(other.clone(), "enabled", false.into());
    let apps_off = with(apps("ps/mcp"), "enabled", false.into());
    for profile in from(Profile::CodexPr27414) {
        let plugins: Arc<[Plugin]> = Arc::new([plugin(profile, "p", &json!({ "b": off }))]);
        let [_, effective] = views(profile, &written, &plugins, contributions(), true);
        let expected =
            json!({ "a": other_off, "b": other_off, "c": other, "codex_apps": apps_off });
        assert_eq!(effective, expected, "{profile}");
        let removed = vec![set("a", &other), remove("a")];
        let [runtime, _] = views(profile, &written, &plugins, removed, true);
        assert!(runtime.get("a").is_none(), "{profile}");
        let [_, effective] = views(profile, &written, &plugins, vec![], false);
        assert_eq!(effective["codex_apps"]["enabled"], false, "{profile}");
    }
    for profile in until(Profile::CodexPr27414) {
        let [runtime, effective] = views(profile, &written, &Arc::default(), contributions(), true);
        assert_eq!(runtime["a"], other, "{profile}");
        assert_eq!(effective["codex_apps"].get("enabled"), None, "{profile}");
    }
}

/// Rule `features.override-ignored`.
#[test]
fn the_path_override_is_checked_and_has_no_effect() {
    let config = |written: &Value| corp(json!({}), json!({ "apps_mcp_path_override": written }));
    let effective = |profile, written| {
        let [_, effective] = views(profile, &config(written), &Arc::default(), vec![], false);
        effective
    };
    let valid = [
        json!(true),
        json!({ "path": "//" }),
        json!({ "path": "", "enabled": true }),
        json!({ "path": "/own", "enabled": null }),
    ];
    let invalid = [json!(5), json!("/x"), json!([]), json!({ "path": 5 }), json!({ "key": null })];
    for profile in from(Profile::CodexPr27198) {
        for written in &valid {
            assert_eq!(effective(profile, written), json!({ "codex_apps": apps("wham/apps") }));
        }
        for written in &invalid {
            let expected = Some("host.features.apps_mcp_path_override".to_owned());
            assert_eq!(rejected_at(profile, &config(written)), expected, "{profile}: {written}");
        }
    }
    let seed = Profile::CodexPr27191;
    assert_eq!(effective(seed, &valid[3]), json!({ "codex_apps": apps("own") }));
    assert!(rejected_at(seed, &config(&valid[1])).is_some());
}

/// Rules `configured.owners-exact` and `owners.of-runtime`.
#[test]
fn owners_are_those_of_configured_and_later_of_runtime() {
    let srv = json!({ "command": "srv" });
    let servers = json!({ "a": srv, "b": srv, "c": srv, "codex_apps": srv });
    let contributions = || vec![remove("a"), set("c", &srv)];
    let config = corp(json!({}), json!({}));
    for profile in Profile::ALL {
        let plugins: Arc<[Plugin]> = Arc::new([plugin(profile, "p", &servers)]);
        let resolved = resolved(profile, &config, &plugins, contributions(), false);
        let owned: Vec<&str> = resolved.plugin_owners().keys().map(|name| &**name).collect();
        let later = from(Profile::CodexPr27634).any(|other| other == profile);
        let expected: &[_] = if later { &["b"] } else { &["a", "b", "c", "codex_apps"] };
        assert_eq!(owned, expected, "{profile}");
        assert!(resolved.plugin_owners().values().all(|id| &**id == "p"));
    }
}

/// Rule `server.remote-stdio-unchecked`.
#[test]
fn a_remote_working_folder_is_not_checked_later() {
    let config = |cwd: &Value| {
        let server = json!({ "command": "srv", "environment_id": "gpu-box", "cwd": cwd });
        json!({ "mcp_servers": { "a": server } })
    };
    for cwd in [json!(null), json!("rel"), json!("C:\\x")] {
        for profile in from(Profile::CodexPr29924) {
            assert_eq!(rejected_at(profile, &config(&cwd)), None, "{profile}");
        }
        for profile in until(Profile::CodexPr29924) {
            let at = rejected_at(profile, &config(&cwd));
            assert_eq!(at.as_deref(), Some("host.mcp_servers.a"), "{profile}");
        }
    }
}

/// Rules `server.approval-modes` and `server.approval-writes`, of a server and of a tool.
#[test]
fn writes_becomes_an_approval_mode() {
    let server = json!({ "command": "srv", "default_tools_approval_mode": "writes" });
    let tool = json!({ "command": "srv", "tools": { "t": { "approval_mode": "writes" } } });
    for written in [server, tool] {
        for profile in from(Profile::CodexPr31803) {
            let read = ServerConfig::from_json(&written, profile).unwrap().value;
            assert_eq!(read.to_canonical_json(), written);
            let wrong = json!({ "command": "srv", "default_tools_approval_mode": "reads" });
            let error = ServerConfig::from_json(&wrong, profile).unwrap_err();
            assert!(error.message().contains("\"writes\" or"), "{error}");
        }
        for profile in until(Profile::CodexPr31803) {
            let error = ServerConfig::from_json(&written, profile).unwrap_err();
            assert!(error.message().ends_with("\"prompt\" or \"approve\""), "{error}");
        }
    }
}

/// Rules `apps-server.sku-default`, `apps-server.no-sku-no-header` and `apps-server.sku-header`.
#[test]
fn the_product_sku_gets_a_default() {
    let sku = |profile, config: &Value, hosted| {
        let [_, effective] = views(profile, config, &Arc::default(), vec![], hosted);
        effective["codex_apps"].get("http_headers").cloned()
    };
    let header = |sku: &str| Some(json!({ "X-OpenAI-Product-Sku": sku }));
    for hosted in [true, false] {
        for unset in [json!({}), json!({ "apps_mcp_product_sku": null })] {
            for profile in from(Profile::CodexPr31803) {
                assert_eq!(sku(profile, &unset, hosted), header("codex"), "{profile}");
            }
            for profile in until(Profile::CodexPr31803) {
                assert_eq!(sku(profile, &unset, hosted), None, "{profile}");
            }
        }
        for profile in Profile::ALL {
            for own in ["tpp", ""] {
                let config = json!({ "apps_mcp_product_sku": own });
                assert_eq!(sku(profile, &config, hosted), header(own), "{profile}");
            }
        }
    }
}

/// A host reads its plugins by its own profile.
#[test]
fn plugins_on_disk_are_read_by_the_profile() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("p/.codex-plugin");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest =
        json!({ "mcpServers": { "a": { "url": "https://chatgpt.com/a", "auth": "x" } } });
    std::fs::write(folder.join("plugin.json"), manifest.to_string()).unwrap();
    let count = |profile| {
        let plugins = discover_plugins(dir.path(), profile, &|_| true).unwrap().value;
        plugins[0].servers.len()
    };
    assert_eq!(count(Profile::CodexPr27414), 1, "`auth` is an unknown field");
    assert_eq!(count(Profile::CodexPr29924), 0, "`auth` has a wrong value");
}
