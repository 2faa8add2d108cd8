//! Rules `configured.*`, `overlay.*`, `runtime.*`, `hosted.*`, `legacy.*`, `gate.*` and
//! `effective.*`, and the sharing between views.

use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::{Auth, Plugin, View};
use serde_json::json;

use crate::support::{canonical, host, manager, names, plugin, remove, set, url};

const AUTHS: [Option<Auth>; 6] = [
    None,
    Some(Auth::ApiKey),
    Some(Auth::ChatGpt),
    Some(Auth::ChatGptAuthTokens),
    Some(Auth::AgentIdentity),
    Some(Auth::PersonalAccessToken),
];

fn apps_of(view: &View) -> Option<String> {
    let server = view.get("codex_apps")?.to_canonical_json();
    Some(server["url"].as_str().unwrap().to_owned())
}

#[test]
fn config_wins_over_plugins_and_the_first_plugin_over_later_ones() {
    let host = host(json!({ "mcp_servers": { "a": url("config") } }));
    let plugins: Arc<[Plugin]> = vec![
        plugin("off", false, json!({ "a": url("off"), "b": url("off"), "c": url("off") })),
        plugin("p1", true, json!({ "a": url("p1"), "b": url("p1"), "bad": {} })),
        plugin("p2", true, json!({ "b": url("p2"), "d": url("p2") })),
        plugin("p2", true, json!({ "d": url("p2-again"), "e": url("p2-again") })),
    ]
    .into();
    let config = block_on(manager(vec![], false).runtime_config(&host, &plugins));
    let expected = json!({
        "a": url("config"), "b": url("p1"), "d": url("p2"), "e": url("p2-again"),
    });
    assert_eq!(canonical(config.configured()), expected);
    let owners: Vec<_> = config.plugin_owners().iter().map(|(n, id)| (&**n, &**id)).collect();
    assert_eq!(owners, [("b", "p1"), ("d", "p2"), ("e", "p2")]);
}

#[test]
fn an_inactive_plugin_adds_nothing_even_if_its_servers_were_read() {
    let mut off = plugin("off", true, json!({ "a": url("off") }));
    off.active = false;
    let plugins: Arc<[Plugin]> = vec![off, plugin("on", true, json!({ "a": url("on") }))].into();
    let config = block_on(manager(vec![], false).runtime_config(&host(json!({})), &plugins));
    assert_eq!(canonical(config.configured()), json!({ "a": url("on") }));
    assert_eq!(&*config.plugin_owners()["a"], "on");
}

#[test]
fn the_last_contribution_to_a_name_decides() {
    let host = host(json!({ "mcp_servers": {
        "a": { "url": "https://a.example", "enabled": false, "http_headers": { "K": "v" } },
        "b": url("b"), "c": url("c"), "z": url("z"),
    } }));
    let manager = manager(
        vec![
            vec![set("a", &url("a1")), remove("b"), remove("nobody"), set("n", &url("n1"))],
            vec![remove("a"), set("a", &url("a2")), set("b", &url("b2")), remove("n"), remove("c")],
        ],
        false,
    );
    let config = block_on(manager.runtime_config(&host, &Arc::default()));
    let expected = json!({ "a": url("a2"), "b": url("b2"), "z": url("z") });
    assert_eq!(canonical(config.runtime()), expected);
    assert_eq!(names(config.runtime()), ["a", "b", "z"]);
    assert_eq!(config.runtime().len(), 3);
    assert_eq!(names(config.configured()), ["a", "b", "c", "z"]);
    assert_eq!(config.configured().len(), 4);
}

#[test]
fn the_gate_opens_for_backend_auth_with_apps_on() {
    for apps in [true, false] {
        let host = host(json!({
            "features": { "apps": apps }, "mcp_servers": { "codex_apps": url("evil") },
        }));
        let extension = block_on(manager(vec![], true).runtime_config(&host, &Arc::default()));
        let fallback = block_on(manager(vec![], false).runtime_config(&host, &Arc::default()));
        assert!(!extension.legacy_loader_active() && fallback.legacy_loader_active());
        for auth in AUTHS {
            let backend = !matches!(auth, None | Some(Auth::ApiKey));
            let open = apps && backend;
            assert_eq!(fallback.gate_is_open(auth), open);
            let expected = open.then(|| host.apps_endpoint());
            assert_eq!(apps_of(&extension.effective(auth)), expected);
            assert_eq!(extension.effective(auth), fallback.effective(auth));
        }
        assert_eq!(apps_of(fallback.runtime()).unwrap(), "https://evil.example/mcp");
        assert_eq!(extension.runtime().contains("codex_apps"), apps);
    }
}

#[test]
fn any_contribution_to_the_reserved_name_disables_the_legacy_loader() {
    let host = host(json!({ "mcp_servers": { "codex_apps": url("config") } }));
    let effective = |contributions| {
        let manager = manager(vec![contributions], false);
        block_on(manager.effective_servers(&host, &Arc::default(), Some(Auth::ChatGpt)))
    };
    assert_eq!(apps_of(&effective(vec![remove("codex_apps")])), None);
    let set_apps = vec![set("codex_apps", &url("x"))];
    assert_eq!(apps_of(&effective(set_apps)).unwrap(), "https://x.example/mcp");
    let legacy = apps_of(&effective(vec![set("Codex_Apps", &url("x"))])).unwrap();
    assert_eq!(legacy, host.apps_endpoint());
}

#[test]
fn disabled_servers_stay_in_effective() {
    let host = host(json!({ "mcp_servers": { "off": { "command": "x", "enabled": false } } }));
    let manager = manager(vec![], true);
    for auth in AUTHS {
        let view = block_on(manager.effective_servers(&host, &Arc::default(), auth));
        assert!(!view.get("off").unwrap().enabled);
    }
}

#[test]
fn views_share_servers() {
    let host = host(json!({ "mcp_servers": { "a": url("a"), "codex_apps": url("b") } }));
    let plugins: Arc<[Plugin]> = vec![plugin("p", true, json!({ "c": url("c") }))].into();
    let config = block_on(manager(vec![vec![remove("x")]], false).runtime_config(&host, &plugins));
    let from_host = &host.mcp_servers()["a"];
    let from_plugin = &plugins[0].servers["c"];
    let (open, closed) = (config.effective(Some(Auth::ChatGpt)), config.effective(None));
    for view in [config.configured(), config.runtime(), &open, &closed] {
        assert!(Arc::ptr_eq(view.get("a").unwrap(), from_host));
        assert!(Arc::ptr_eq(view.get("c").unwrap(), from_plugin));
    }
}

#[test]
fn an_unchanged_view_is_shared() {
    let host = host(json!({ "mcp_servers": { "a": url("a") } }));
    let config = block_on(manager(vec![vec![]], true).runtime_config(&host, &Arc::default()));
    assert!(config.effective(Some(Auth::ChatGpt)).ptr_eq(config.runtime()));
    let config = block_on(manager(vec![vec![]], false).runtime_config(&host, &Arc::default()));
    assert!(config.runtime().ptr_eq(config.configured()));
    assert!(config.effective(None).ptr_eq(config.runtime()));
    assert!(!config.effective(Some(Auth::ChatGpt)).ptr_eq(config.runtime()));
}

#[test]
fn len_and_debug_cover_all_servers_of_a_view() {
    let host = host(json!({ "mcp_servers": { "a": url("a"), "c": url("c") } }));
    let plugins: Arc<[Plugin]> =
        vec![plugin("p", true, json!({ "b": url("b"), "c": url("p"), "d": url("d") }))].into();
    let config = block_on(manager(vec![vec![remove("d")]], false).runtime_config(&host, &plugins));
    assert_eq!((config.configured().len(), config.runtime().len()), (4, 3));
    let owned: Vec<&str> = config.plugin_owners().keys().map(|name| &**name).collect();
    assert_eq!(owned, ["b", "d"], "c is the host config's own");
    assert!(config.configured() != config.runtime());
    let shown = format!("{:?}", config.runtime());
    for (name, there) in [("a", true), ("b", true), ("c", true), ("d", false)] {
        assert_eq!(shown.contains(&format!("{name:?}: ServerConfig {{")), there, "{shown}");
    }
}

#[test]
fn the_same_arcs_resolve_to_the_same_views() {
    let (host, other) = (host(json!({})), host(json!({})));
    let manager = manager(vec![], true);
    let plugins: Arc<[Plugin]> = vec![plugin("p", true, json!({ "c": url("c") }))].into();
    let same: Arc<[Plugin]> = vec![plugin("p", true, json!({ "c": url("c") }))].into();
    let read = |host, plugins| block_on(manager.runtime_config(host, plugins));

    let first = read(&host, &plugins);
    assert!(Arc::ptr_eq(&first, &read(&host, &plugins)));
    assert!(manager.configured_servers(&host, &plugins).ptr_eq(first.configured()));
    let effective = manager.effective_servers(&host, &plugins, None);
    assert!(block_on(effective).ptr_eq(&first.effective(None)));

    // The `Arc`s are compared, not what they hold.
    let second = read(&other, &plugins);
    assert!(!Arc::ptr_eq(&first, &second) && first.runtime() == second.runtime());
    assert!(!Arc::ptr_eq(&second, &read(&other, &same)));
}

#[test]
fn a_view_iterates_in_byte_order() {
    let host = host(
        json!({ "mcp_servers": { "B": url("x"), "b": url("x"), "é": url("x"), "": url("x") } }),
    );
    let contributions =
        vec![set("a", &url("y")), remove("b"), set("~", &url("y")), remove("0"), remove("z")];
    let config =
        block_on(manager(vec![contributions], false).runtime_config(&host, &Arc::default()));
    assert_eq!(names(config.runtime()), ["", "B", "a", "~", "é"]);
    assert_eq!(config.runtime().len(), 5);
    assert!(!config.runtime().is_empty());
    let everything = vec![remove(""), remove("B"), remove("b"), remove("é"), remove("none")];
    let config = block_on(manager(vec![everything], false).runtime_config(&host, &Arc::default()));
    assert!(config.runtime().is_empty());
    let counted: usize = config.runtime().len();
    assert_eq!(counted, 0);
}
