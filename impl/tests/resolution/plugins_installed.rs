//! Plugins as Codex installs them.

use std::collections::BTreeMap;
use std::fs;

use mcp_overlay_host::{Loaded, Plugin, Profile, installed_plugins};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::url;

/// Installs a version of a plugin that has these servers.
fn install(cache: &TempDir, version: &str, servers: &Value) {
    let root = cache.path().join(version);
    fs::create_dir_all(root.join(".codex-plugin")).unwrap();
    fs::write(root.join(".codex-plugin/plugin.json"), r#"{"name":"other"}"#).unwrap();
    fs::write(root.join(".mcp.json"), json!({ "mcpServers": servers }).to_string()).unwrap();
}

fn installed(cache: &TempDir, states: &[(&str, bool)]) -> Loaded<Vec<Plugin>> {
    let states: BTreeMap<_, _> = states.iter().map(|(id, on)| ((*id).to_owned(), *on)).collect();
    installed_plugins(cache.path(), &states, Profile::default(), &|_| false)
}

fn names(plugin: &Plugin) -> Vec<&str> {
    plugin.servers.keys().map(|name| &**name).collect()
}

#[test]
fn named_plugins_come_in_order_of_their_ids() {
    let cache = tempfile::tempdir().unwrap();
    for plugin in ["m/beta", "m/alpha", "a/zeta", "m/unnamed"] {
        install(&cache, &format!("{plugin}/1.0.0"), &json!({ "both": url("x") }));
    }
    let states = [("zeta@a", true), ("beta@m", false), ("alpha@m", true), ("flat", true)];
    let loaded = installed(&cache, &states[..3]);
    let found: Vec<_> = loaded.value.iter().map(|plugin| (&*plugin.id, plugin.active)).collect();
    assert_eq!(found, [("alpha@m", true), ("beta@m", false), ("zeta@a", true)]);
    assert_eq!(names(&loaded.value[0]), ["both"]);
    assert!(loaded.value[1].servers.is_empty() && loaded.warnings.is_empty());
    // A plugin of another folder is not missing in this one.
    let states = BTreeMap::from([("flat".to_owned(), true)]);
    let loaded = installed_plugins(cache.path(), &states, Profile::default(), &|id| id == "flat");
    assert!(loaded.value.is_empty() && loaded.warnings.is_empty());
}

#[test]
fn the_highest_version_is_used_unless_there_is_local() {
    let cache = tempfile::tempdir().unwrap();
    let steps = [
        ("odd", "odd"),
        ("1.9.0", "1.9.0"),
        ("1.10.0-alpha.2", "1.10.0-alpha.2"),
        ("1.10.0-alpha.10", "1.10.0-alpha.10"),
        ("1.10.0-alpha.beta", "1.10.0-alpha.beta"),
        ("1.10.0-alpha.9", "1.10.0-alpha.beta"),
        ("1.10.0-rc.1", "1.10.0-rc.1"),
        ("1.10.0", "1.10.0"),
        ("1.2.0", "1.10.0"),
        ("zzz", "1.10.0"),
        ("99.0.0 beta", "1.10.0"),
        ("local", "local"),
        ("2.0.0", "local"),
    ];
    for (version, expected) in steps {
        let servers = json!({ version: url("x") });
        install(&cache, &format!("m/p/{version}"), &servers);
        let loaded = installed(&cache, &[("p@m", true)]);
        assert_eq!(names(&loaded.value[0]), [expected]);
    }
}

#[test]
fn an_unusable_plugin_is_left_out_with_a_warning() {
    let cache = tempfile::tempdir().unwrap();
    install(&cache, "m/good/1.0.0", &json!({ "good": url("x"), "bad": { "url": 1 } }));
    fs::create_dir_all(cache.path().join("m/empty/1.0.0")).unwrap();
    install(&cache, "m/json/1.0.0", &json!({}));
    fs::write(cache.path().join("m/json/1.0.0/.mcp.json"), "{").unwrap();
    install(&cache, "1.0.0/.codex-plugin", &json!({ "outside": url("x") }));
    let states =
        [("../x@m", true), ("empty@m", true), ("good@m", true), ("gone@m", true), ("json@m", true)];
    let loaded = installed(&cache, &states);
    let found: Vec<_> = loaded.value.iter().map(|plugin| (&*plugin.id, names(plugin))).collect();
    assert_eq!(found, [("good@m", vec!["good"]), ("json@m", vec![])]);
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "plugin `../x@m` is switched on and not installed",
        "m/empty/1.0.0/.codex-plugin/plugin.json: cannot be read: there is no such file",
        "m/gone: plugin `gone@m` is switched on and not installed",
        "mcpServers.bad.url: found an integer, expected a string; this server of the plugin",
        "m/json/1.0.0/.mcp.json: not valid JSON",
    ];
    assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.contains(expected), "{expected}: {warning}");
    }
}

#[test]
fn servers_can_be_in_the_manifest() {
    let cache = tempfile::tempdir().unwrap();
    install(&cache, "m/p/1.0.0", &json!({ "file": url("x") }));
    let manifest = json!({ "mcpServers": { "inline": url("x") } }).to_string();
    fs::write(cache.path().join("m/p/1.0.0/.codex-plugin/plugin.json"), manifest).unwrap();
    assert_eq!(names(&installed(&cache, &[("p@m", true)]).value[0]), ["inline"]);
}

/// The apps of the only plugin, with these files.
fn apps_of(manifest: &Value, files: &[(&str, &str)], profile: Profile) -> (Vec<String>, String) {
    let cache = tempfile::tempdir().unwrap();
    install(&cache, "m/p/1.0.0", &json!({ "docs": url("x") }));
    let root = cache.path().join("m/p/1.0.0");
    fs::write(root.join(".codex-plugin/plugin.json"), manifest.to_string()).unwrap();
    for (name, text) in files {
        fs::write(root.join(name), text).unwrap();
    }
    let states = BTreeMap::from([("p@m".to_owned(), true)]);
    let loaded = installed_plugins(cache.path(), &states, profile, &|_| false);
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(names(&loaded.value[0]), ["docs"]);
    (loaded.value[0].apps.iter().cloned().collect(), warnings.join("\n"))
}

#[test]
fn apps_are_in_app_json_or_in_the_file_that_the_manifest_names() {
    let newest = Profile::CodexPr31803;
    let file = r#"{"apps":{"docs":{"id":"connector_1"},"blank":{"id":" "}}}"#;
    let none = json!({});
    let named = json!({ "apps": "./other.json" });
    assert_eq!(
        apps_of(&none, &[(".app.json", file)], newest),
        (vec!["docs".into()], String::new())
    );
    assert_eq!(apps_of(&named, &[("other.json", file)], newest).0, ["docs"]);
    assert_eq!(apps_of(&none, &[], newest), (Vec::new(), String::new()));
    // No profile before it asks for apps.
    assert_eq!(apps_of(&none, &[(".app.json", "{")], Profile::default()), (vec![], String::new()));
    for (manifest, text, expected) in [
        (&none, "{", "not valid JSON: line 1, column 1; this plugin has no apps"),
        (&none, r#"{"apps":[]}"#, "apps: expected an object of apps; this plugin has no apps"),
        (&none, r#"{"apps":{"a":{"id":"c"},"b":{}}}"#, "expected the `id` of a connector"),
        (&named, file, "other.json: cannot be read: there is no such file; this plugin has no"),
        (&json!({ "apps": "../x" }), file, "expected a path inside the plugin's folder"),
    ] {
        let (apps, warnings) = apps_of(manifest, &[(".app.json", text)], newest);
        assert!(apps.is_empty() && warnings.contains(expected), "{expected}: {apps:?} {warnings}");
    }
}
