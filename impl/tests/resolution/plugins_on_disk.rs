//! Plugins on disk: which are found, and which files are not read.

use std::fs;
use std::path::{Path, PathBuf};

use mcp_overlay_host::{Loaded, Plugin, PluginError, Profile, discover_plugins};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::url;

/// Writes a plugin and returns its folder.
fn write_plugin(dir: &Path, folder: &str, manifest: &Value) -> PathBuf {
    let root = dir.join(folder);
    fs::create_dir_all(root.join(".codex-plugin")).unwrap();
    fs::write(root.join(".codex-plugin/plugin.json"), manifest.to_string()).unwrap();
    root
}

fn discover(dir: &TempDir) -> Loaded<Vec<Plugin>> {
    discover_plugins(dir.path(), Profile::default(), &|_| true).unwrap()
}

/// The only plugin's servers, and the only warning's text, if any.
fn only(dir: &TempDir) -> (Vec<String>, Option<String>) {
    let loaded = discover(dir);
    let [plugin] = &*loaded.value else { panic!("{loaded:?}") };
    assert!(loaded.warnings.len() <= 1, "{:?}", loaded.warnings);
    let names = plugin.servers.keys().map(|name| name.to_string()).collect();
    (names, loaded.warnings.first().map(ToString::to_string))
}

#[test]
fn plugins_come_in_byte_order_of_their_folders() {
    let dir = tempfile::tempdir().unwrap();
    write_plugin(dir.path(), "b", &json!({ "name": "z@m" }));
    write_plugin(dir.path(), "a", &json!({}));
    write_plugin(dir.path(), "B", &json!({ "name": 3 }));
    write_plugin(dir.path(), "C", &json!({ "name": "" }));
    fs::create_dir(dir.path().join("no-plugin")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    fs::create_dir(dir.path().join("odd")).unwrap();
    fs::write(dir.path().join("odd/.codex-plugin"), "").unwrap();
    let loaded = discover_plugins(dir.path(), Profile::default(), &|id| id != "z@m").unwrap();
    let found: Vec<_> = loaded.value.iter().map(|plugin| (&*plugin.id, plugin.active)).collect();
    assert_eq!(found, [("B", true), ("C", true), ("a", true), ("z@m", false)]);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn servers_are_read_from_either_file_in_either_form() {
    for servers in [json!({ "a": url("a") }), json!({ "mcpServers": { "a": url("a") } })] {
        let dir = tempfile::tempdir().unwrap();
        let root = write_plugin(dir.path(), "p", &json!({}));
        fs::write(root.join(".mcp.json"), servers.to_string()).unwrap();
        assert_eq!(only(&dir), (vec!["a".into()], None));

        for named in ["./conf/servers.json", "conf/servers.json"] {
            let dir = tempfile::tempdir().unwrap();
            let root = write_plugin(dir.path(), "p", &json!({ "mcpServers": named }));
            fs::create_dir(root.join("conf")).unwrap();
            fs::write(root.join("conf/servers.json"), servers.to_string()).unwrap();
            fs::write(root.join(".mcp.json"), json!({ "other": url("x") }).to_string()).unwrap();
            assert_eq!(only(&dir), (vec!["a".into()], None));
        }
    }
}

#[test]
fn fields_of_other_hosts_are_adapted() {
    let dir = tempfile::tempdir().unwrap();
    let root = write_plugin(dir.path(), "p", &json!({}));
    let servers = json!({
        "run": { "type": "stdio", "command": "x", "cwd": "./work" },
        "abs": { "command": "x", "cwd": "/abs" },
        "web": { "type": "http", "url": "x", "oauth": { "clientId": "c", "callbackPort": 1 } },
    });
    fs::write(root.join(".mcp.json"), servers.to_string()).unwrap();
    let loaded = discover(&dir);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let server = |name: &str| loaded.value[0].servers[name].to_canonical_json();
    let work = root.canonicalize().unwrap().join("./work");
    assert_eq!(server("run"), json!({ "command": "x", "cwd": work.to_str() }));
    assert_eq!(server("abs"), json!({ "command": "x", "cwd": "/abs" }));
    assert_eq!(server("web"), json!({ "url": "x", "oauth": { "client_id": "c" } }));
}

#[test]
fn invalid_servers_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let root = write_plugin(dir.path(), "p", &json!({}));
    let servers = "{\"mcpServers\": {\n  \"a\": {\"url\": \"a\"},\n  \"b\": {\"command\": 1}\n}}";
    fs::write(root.join(".mcp.json"), servers).unwrap();
    let (names, warning) = only(&dir);
    assert_eq!(names, ["a"]);
    let expected = format!(
        "{}:3:8: mcpServers.b.command: found an integer, expected a string; this server of the plugin \
         is ignored",
        root.join(".mcp.json").display()
    );
    assert_eq!(warning.unwrap(), expected);
}

#[test]
fn a_path_out_of_the_plugin_is_not_read() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("servers.json");
    fs::write(&secret, json!({ "evil": url("evil") }).to_string()).unwrap();
    let inside = |path: &str| {
        let dir = tempfile::tempdir().unwrap();
        let root = write_plugin(dir.path(), "p", &json!({ "mcpServers": path }));
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("servers.json"), json!({ "a": url("a") }).to_string()).unwrap();
        fs::write(dir.path().join("servers.json"), json!({ "evil": url("x") }).to_string())
            .unwrap();
        only(&dir)
    };
    let absolute = secret.to_str().unwrap();
    for path in
        [absolute, "../servers.json", "sub/../servers.json", "sub/../../servers.json", "", "a\0b"]
    {
        let (names, warning) = inside(path);
        assert_eq!(names, Vec::<String>::new(), "{path:?}");
        assert!(warning.unwrap().contains("expected a path inside the plugin's folder"));
    }
    let (names, warning) = inside("missing.json");
    assert!(names.is_empty() && warning.unwrap().contains("there is no such file"));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_out_of_the_plugin_is_not_read() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("servers.json");
    fs::write(&target, json!({ "evil": url("evil") }).to_string()).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let root = write_plugin(dir.path(), "p", &json!({ "mcpServers": "link/servers.json" }));
    symlink(outside.path(), root.join("link")).unwrap();
    let (names, warning) = only(&dir);
    assert!(names.is_empty() && warning.unwrap().contains("symbolic link"));

    // A default file that is a link out of the plugin gets a warning too.
    let dir = tempfile::tempdir().unwrap();
    let root = write_plugin(dir.path(), "p", &json!({}));
    symlink(&target, root.join(".mcp.json")).unwrap();
    let (names, warning) = only(&dir);
    assert!(names.is_empty() && warning.unwrap().contains("symbolic link"));

    // A folder whose name only begins with the plugin's folder is outside it.
    let dir = tempfile::tempdir().unwrap();
    let root = write_plugin(dir.path(), "p", &json!({ "mcpServers": "link.json" }));
    fs::create_dir(dir.path().join("p2")).unwrap();
    fs::write(dir.path().join("p2/x.json"), json!({ "evil": url("x") }).to_string()).unwrap();
    symlink(dir.path().join("p2/x.json"), root.join("link.json")).unwrap();
    assert!(only(&dir).0.is_empty());

    // A link within the plugin is fine, and so is a plugin that is linked as a whole.
    let dir = tempfile::tempdir().unwrap();
    let real = tempfile::tempdir().unwrap();
    let root = write_plugin(real.path(), "p", &json!({ "mcpServers": "link.json" }));
    fs::write(root.join("real.json"), json!({ "a": url("a") }).to_string()).unwrap();
    symlink("real.json", root.join("link.json")).unwrap();
    symlink(&root, dir.path().join("linked")).unwrap();
    assert_eq!(only(&dir), (vec!["a".into()], None));

    // The manifest itself.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("p/.codex-plugin")).unwrap();
    symlink(&target, dir.path().join("p/.codex-plugin/plugin.json")).unwrap();
    let loaded = discover(&dir);
    assert!(loaded.value.is_empty() && loaded.warnings[0].message.contains("symbolic link"));
}

#[test]
fn a_working_folder_is_inside_the_plugin() {
    for cwd in ["..", "../x", "a/../../x", "a/.."] {
        let dir = tempfile::tempdir().unwrap();
        let root = write_plugin(dir.path(), "p", &json!({}));
        let servers = json!({ "a": url("a"), "out": { "command": "x", "cwd": cwd } });
        fs::write(root.join(".mcp.json"), servers.to_string()).unwrap();
        let (names, warning) = only(&dir);
        assert_eq!(names, ["a"], "{cwd}");
        let expected = "out.cwd: found a path with `..`, expected a path inside the plugin's \
                        folder; this server of the plugin is ignored";
        assert!(warning.unwrap().ends_with(expected));
    }
}

#[test]
fn a_remote_working_folder_is_not_adapted() {
    let dir = tempfile::tempdir().unwrap();
    let root = write_plugin(dir.path(), "p", &json!({}));
    let server = |cwd: &str, id: &str| json!({ "command": "x", "cwd": cwd, "environment_id": id });
    let servers = json!({
        "absolute": server("/a/../b", "remote"),
        "relative": server("work", "remote"),
        "local": server("work", "local"),
    });
    fs::write(root.join(".mcp.json"), servers.to_string()).unwrap();
    let (names, warning) = only(&dir);
    assert_eq!(names, ["absolute", "local"]);
    assert!(warning.unwrap().contains("relative.cwd: found a relative path"));
    let local = discover(&dir).value[0].servers["local"].to_canonical_json();
    assert_eq!(local["cwd"].as_str(), root.canonicalize().unwrap().join("work").to_str());
}

#[test]
fn an_unreadable_file_is_a_warning() {
    let write = |manifest: &str, servers: &[u8]| {
        let dir = tempfile::tempdir().unwrap();
        let root = write_plugin(dir.path(), "p", &json!({}));
        fs::write(root.join(".codex-plugin/plugin.json"), manifest).unwrap();
        fs::write(root.join(".mcp.json"), servers).unwrap();
        let loaded = discover(&dir);
        assert!(loaded.value.iter().all(|plugin| plugin.servers.is_empty()));
        assert_eq!(loaded.warnings.len(), 1);
        (loaded.value.len(), loaded.warnings[0].to_string())
    };
    let (count, warning) = write("{\n  \"name\": }", b"{}");
    assert_eq!(count, 0);
    assert!(warning.contains("plugin.json: not valid JSON: line 2, column 11"), "{warning}");
    let (count, warning) = write("[]", b"{}");
    assert!(count == 0 && warning.contains("expected a JSON object"), "{warning}");

    let (count, warning) = write("{\"mcpServers\": 7}", b"{}");
    assert!(count == 1 && warning.contains("mcpServers: expected the path of a file"), "{warning}");
    let (count, warning) = write("{}", b"{\"a\": \"secret");
    assert!(count == 1 && warning.contains(".mcp.json: not valid JSON: line 1"), "{warning}");
    assert!(!warning.contains("secret"));
    let (_, warning) = write("{}", b"[]");
    assert!(warning.contains("expected a JSON object"), "{warning}");
    let (_, warning) = write("{}", &[0xff]);
    assert!(warning.contains("not UTF-8"), "{warning}");
    let (_, warning) = write("{}", &vec![b' '; 1024 * 1024 + 1]);
    assert!(warning.contains("larger than 1048576 bytes"), "{warning}");
    let deep = "[".repeat(200_000);
    assert!(write("{}", deep.as_bytes()).1.contains("not valid JSON"));
}

#[test]
fn the_servers_of_an_inactive_plugin_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = write_plugin(dir.path(), "p", &json!({ "mcpServers": "../x" }));
    fs::write(root.join(".mcp.json"), "broken").unwrap();
    let loaded = discover_plugins(dir.path(), Profile::default(), &|_| false).unwrap();
    assert!(loaded.warnings.is_empty() && loaded.value[0].servers.is_empty());
}

#[test]
fn a_missing_plugin_folder_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        discover_plugins(&dir.path().join("none"), Profile::default(), &|_| true).unwrap_err();
    assert!(matches!(error, PluginError::Unreadable { .. }));
    assert!(error.to_string().contains("none: cannot be listed: "), "{error}");
}
