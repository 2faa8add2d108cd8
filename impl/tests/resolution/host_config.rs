//! The host config: rules `host.wrong-type`, `server.invalid-rejects-config` and
//! `rejection.smallest-path`, and the messages of rejections.

use std::fs;

use mcp_overlay_host::{Environment, HostConfig, Loaded};
use serde_json::json;

use crate::support::{host, rejected_at};

fn toml(text: &str) -> Result<Loaded<HostConfig>, String> {
    HostConfig::from_toml_str(text, "config.toml", &[], Environment::default())
        .map_err(|error| format!("{} | {error}", error.path()))
}

#[test]
fn a_wrong_type_rejects_the_host_at_its_key() {
    let cases = [
        (json!([]), "host"),
        (json!(null), "host"),
        (json!({ "chatgpt_base_url": 1 }), "host.chatgpt_base_url"),
        (json!({ "apps_mcp_product_sku": true }), "host.apps_mcp_product_sku"),
        (json!({ "features": [] }), "host.features"),
        (json!({ "features": { "apps": "yes" } }), "host.features.apps"),
        (json!({ "features": { "apps": {} } }), "host.features.apps"),
        (json!({ "features": { "connectors": 1 } }), "host.features.connectors"),
        (json!({ "features": { "connectors": {}, "apps": true } }), "host.features.connectors"),
        (json!({ "features": { "other": "yes", "plugins": 1 } }), "host.features.other"),
        (json!({ "features": { "a.b": [] } }), "host.features.a.b"),
        (json!({ "mcp_servers": [] }), "host.mcp_servers"),
        (json!({ "mcp_servers": { "a.b": 1 } }), "host.mcp_servers.a.b"),
        (json!({ "mcp_servers": { "x": null } }), "host.mcp_servers.x"),
    ];
    for (config, path) in cases {
        assert_eq!(rejected_at(&config), path);
    }
}

#[test]
fn a_null_is_an_absent_key() {
    let nulls = json!({
        "chatgpt_base_url": null, "apps_mcp_product_sku": null, "features": null,
        "mcp_servers": null,
    });
    assert_eq!(host(nulls), host(json!({})));
    assert!(host(json!({ "features": { "apps": null } })).features().apps);
}

/// Rules `features.connectors-alias` and `features.boolean`.
#[test]
fn connectors_is_an_alias_that_overrides_apps() {
    for (features, apps) in [
        (json!({ "connectors": false }), false),
        (json!({ "connectors": true }), true),
        (json!({ "apps": true, "connectors": false }), false),
        (json!({ "apps": false, "connectors": true }), true),
        (json!({ "apps": false, "connectors": null }), false),
        (json!({ "apps": null, "connectors": null }), true),
        (json!({ "other": false, "shell": { "a": 1 }, "none": null }), true),
    ] {
        let config = json!({ "features": features });
        assert_eq!(host(config).features().apps, apps, "{features}");
    }
}

#[test]
fn a_rejection_names_the_smallest_path() {
    let both =
        json!({ "mcp_servers": { "b": {}, "a": {}, "B": {} }, "features": { "apps": true } });
    assert_eq!(rejected_at(&both), "host.mcp_servers.B");
    let three =
        json!({ "mcp_servers": { "a": {} }, "features": { "apps": 1 }, "chatgpt_base_url": 1 });
    assert_eq!(rejected_at(&three), "host.chatgpt_base_url");
    let features = json!({ "features": { "apps_mcp_path_override": 1, "apps": 1 } });
    assert_eq!(rejected_at(&features), "host.features.apps");
}

#[test]
fn an_unknown_key_is_a_warning() {
    let text = "model = \"x\"\n[features]\nweb = true\n[plugins.p]\nenabled = true\n\
                [mcp_servers.\"a.b\"]\nurl = \"https://a.example\"\ncomand = [\n  1,\n]\n\
                name = \"n\"\noauth = { client_id = \"c\", x = 1 }\n";
    let loaded = toml(text).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "config.toml:3:7: features.web: not a feature of MCP servers, ignored here",
            "config.toml:8:10: mcp_servers.\"a.b\".comand: unknown key, ignored",
            "config.toml:11:8: mcp_servers.\"a.b\".name: ignored: the server's name is the key of its \
             table",
            "config.toml:12:32: mcp_servers.\"a.b\".oauth.x: unknown key, ignored",
            "config.toml:1:9: model: unknown key, ignored",
        ]
    );
}

#[test]
fn the_env_key_of_a_case_is_not_a_setting() {
    let config = json!({ "env": { "CODEX_CONNECTORS_TOKEN": "x" } });
    let loaded = HostConfig::from_json(&config, Environment::default()).unwrap();
    assert!(loaded.warnings.is_empty());
    assert!(!loaded.value.environment().is_set("CODEX_CONNECTORS_TOKEN"));
}

#[test]
fn an_error_in_toml_names_place_key_and_expectation() {
    let cases = [
        (
            "[mcp_servers.docs]\ncommand = \"x\"\nargs = \"-m\"\n",
            "host.mcp_servers.docs | config.toml:3:8: mcp_servers.docs.args: found a string, \
             expected an array of strings",
        ),
        (
            "[mcp_servers.docs]\ncommand = \"x\"\nargs = [\"a\",\n  3]",
            "host.mcp_servers.docs | config.toml:4:3: mcp_servers.docs.args[1]: found an integer, \
             expected a string",
        ),
        (
            "[mcp_servers.docs]\nurl = \"https://a.example\"\nbearer_token = \"secret\"",
            "host.mcp_servers.docs | config.toml:3:16: mcp_servers.docs.bearer_token: a secret \
             belongs in the environment: put the token into an environment variable and name that \
             variable in `bearer_token_env_var`",
        ),
        (
            "[mcp_servers.docs]\ncommand = \"x\"\nhttp_headers = { A = \"secret\" }",
            "host.mcp_servers.docs | config.toml:3:16: mcp_servers.docs.http_headers: not \
             supported for a stdio server (it has `command`); remove it",
        ),
        (
            "[mcp_servers.docs]\nurl = \"x\"\nhttp_headers = { A = 1 }",
            "host.mcp_servers.docs | config.toml:3:22: mcp_servers.docs.http_headers.A: found an \
             integer, expected a string",
        ),
        (
            "[mcp_servers.docs]\nurl = \"x\"\nstartup_timeout_sec = 1979-05-27",
            "host.mcp_servers.docs | config.toml:3:23: mcp_servers.docs.startup_timeout_sec: found \
             a date or time, expected seconds: a finite number that is not negative and less \
             than 2^64",
        ),
        (
            "mcp_servers.docs = { url = \"x\", tool_timeout_sec = nan }",
            "host.mcp_servers.docs | config.toml:1:52: mcp_servers.docs.tool_timeout_sec: found \
             NaN, expected seconds: a finite number that is not negative and less than 2^64",
        ),
        (
            "x = 1\n[mcp_servers.docs]\nenabled = true",
            "host.mcp_servers.docs | config.toml:2:1: mcp_servers.docs: found neither `command` \
             nor `url`, expected exactly one: `command` for a stdio server, `url` for a streamable \
             HTTP one",
        ),
        (
            "features = { apps = 1 }",
            "host.features.apps | config.toml:1:21: features.apps: found an integer, expected true \
             or false",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(toml(text).unwrap_err(), expected);
    }
    // The parts of the message are available too.
    let text = "features = { apps = 1 }";
    let read = HostConfig::from_toml_str(text, "config.toml", &[], Environment::default());
    let error = read.unwrap_err();
    assert_eq!(error.key(), "features.apps");
    assert_eq!(error.message(), "found an integer, expected true or false");
}

#[test]
fn a_syntax_error_names_the_place_and_not_the_text() {
    let error = toml("a = 1\ntoken = \"secret\n").unwrap_err();
    assert!(error.starts_with("host | config.toml:2:"), "{error}");
    assert!(error.contains("not valid TOML") && !error.contains("secret"), "{error}");
    assert!(toml("a = 1\na = 2").unwrap_err().starts_with("host | config.toml:2:1: "));
}

#[test]
fn positions_count_characters_in_lines_of_any_ending() {
    let error = toml("\u{feff}# é\r\nfeatures = { \"é\" = 1, apps = 1 }\r\n").unwrap_err();
    assert!(error.contains("config.toml:2:30: features.apps"), "{error}");
}

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    let arrays = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let tables = format!("x = {}1{}", "{a = ".repeat(100_000), "}".repeat(100_000));
    let dotted = format!("{}a = 1", "a.".repeat(100_000));
    let header = format!("[{}a]\n", "a.".repeat(100_000));
    let steps = "a.".repeat(70);
    let mixed = format!("{}1{}", format!("{steps}a = {{ ").repeat(70), "}".repeat(70));
    for text in [arrays, tables, dotted, header, mixed] {
        let error = toml(&text).unwrap_err();
        assert!(error.starts_with("host | config.toml:1:"), "{error}");
    }
    for depth in [1, 60] {
        let arrays = format!("x = {}{}", "[".repeat(depth), "]".repeat(depth));
        let dotted = format!("{}a = 1", "a.".repeat(depth));
        let header = format!("[{}a]\n{dotted}", "a.".repeat(depth));
        for text in [arrays, dotted, header] {
            toml(&text).unwrap();
        }
    }
}

/// Brackets count together with the dots before them, and only while they are open.
#[test]
fn only_open_brackets_and_their_dots_count_as_nesting() {
    let steps = "a.".repeat(7);
    let nested = |depth: usize| {
        let (open, close) = (format!("{steps}a = {{ ").repeat(depth), "}".repeat(depth));
        format!("x = {{ {open}b = 1 {close} }}")
    };
    toml(&nested(7)).unwrap();
    assert!(toml(&nested(8)).unwrap_err().contains("nested too deeply"));

    // The deepest nesting that is read, and one level more.
    let arrays = |depth: usize| format!("x = {}{}", "[".repeat(depth), "]".repeat(depth));
    toml(&arrays(64)).unwrap();
    assert!(toml(&arrays(65)).unwrap_err().contains("nested too deeply"));

    // Siblings do not nest.
    let (lists, floats) = (vec!["[1]"; 100].join(", "), vec!["1.5"; 100].join(", "));
    toml(&format!("x = [{lists}]\ny = [{floats}]\n")).unwrap();
    let lines: String = (0..100).map(|i| format!("a.b{i} = 1.5\n")).collect();
    toml(&lines).unwrap();
}

#[test]
fn the_number_of_warnings_is_bounded() {
    let text: String = (0..5_000).map(|i| format!("key{i} = 1\n")).collect();
    let warnings = toml(&text).unwrap().warnings;
    assert_eq!(warnings.len(), 1_001);
    assert_eq!(warnings[1_000].to_string(), "config.toml: further warnings are left out");
}

#[test]
fn toml_and_json_read_the_same() {
    let text = r#"
        chatgpt_base_url = "https://corp.example.com"
        apps_mcp_product_sku = "tpp"
        [features]
        apps_mcp_path_override = { path = "x" }
        [mcp_servers.a]
        command = "x"
        args = ["y"]
        env = { K = "v" }
        env_vars = ["A", { name = "B", source = "remote" }]
        startup_timeout_ms = 1_500
        [mcp_servers.a.tools.t]
        approval_mode = "prompt"
    "#;
    let json = json!({
        "chatgpt_base_url": "https://corp.example.com",
        "apps_mcp_product_sku": "tpp",
        "features": { "apps_mcp_path_override": { "path": "x" } },
        "mcp_servers": { "a": {
            "command": "x", "args": ["y"], "env": { "K": "v" },
            "env_vars": ["A", { "name": "B", "source": "remote" }], "startup_timeout_ms": 1500,
            "tools": { "t": { "approval_mode": "prompt" } },
        } },
    });
    assert_eq!(toml(text).unwrap().value, *host(json));
}

#[test]
fn config_toml_is_loaded_within_its_bounds() {
    let home = tempfile::tempdir().unwrap();
    let load = || HostConfig::load(home.path(), &[], Environment::default());
    assert_eq!(load().unwrap().value, *host(json!({})));

    let file = home.path().join("config.toml");
    fs::write(&file, "features.apps = false").unwrap();
    assert!(!load().unwrap().value.features().apps);

    fs::write(&file, "features.apps = 0").unwrap();
    let expected =
        format!("{}:1:17: features.apps: found an integer, expected true or false", file.display());
    assert_eq!(load().unwrap_err().to_string(), expected);

    let refused = |words: &str| {
        let error = load().unwrap_err();
        assert_eq!(error.path(), "host");
        assert!(error.to_string().contains(words), "{error}");
    };
    fs::write(&file, [b'#', 0xff]).unwrap();
    refused("cannot be read: it is not UTF-8");
    fs::write(&file, vec![b'#'; 4 * 1024 * 1024]).unwrap();
    load().unwrap();
    fs::write(&file, vec![b'#'; 4 * 1024 * 1024 + 1]).unwrap();
    refused("larger than 4194304 bytes");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    refused("not a regular file");
}
