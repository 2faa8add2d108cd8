//! What counts beside the user's servers: a plugin's apps, the user's policies for a plugin's servers,
//! and an administrator's requirements.

use std::fs;

use serde_json::{Value, json};

use crate::support::{CommandOutput, Home, output_of};

/// A home with the plugin `p@m`, which has these servers and these apps.
fn home(config: &str, servers: &Value, apps: &Value) -> Home {
    let home = Home::with(&format!("{config}\n[plugins.\"p@m\"]\nenabled = true\n"));
    let root = home.path().join("plugins/cache/m/p/1.0.0");
    fs::create_dir_all(root.join(".codex-plugin")).unwrap();
    let manifest = json!({ "name": "p", "mcpServers": servers });
    fs::write(root.join(".codex-plugin/plugin.json"), manifest.to_string()).unwrap();
    fs::write(root.join(".app.json"), json!({ "apps": apps }).to_string()).unwrap();
    home
}

/// Each server of `mcp list` with its status, and what was said on standard error.
fn list(home: &Home, requirements: &str, profile: &str) -> (Vec<String>, String) {
    let CommandOutput { status, out, err } = listed(home, requirements, profile);
    assert_eq!(status, 0, "{err}");
    let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    (out.lines().skip(1).map(words).collect(), err)
}

fn listed(home: &Home, requirements: &str, profile: &str) -> CommandOutput {
    let file = home.path().join("requirements.toml");
    fs::write(&file, requirements).unwrap();
    let mut command = home.command(&["mcp", "list", "--profile", profile]);
    output_of(&command.env("MCP_OVERLAY_REQUIREMENTS", file).output().unwrap())
}

const NEWEST: &str = "codex-pr-31481";
const SEED: &str = "codex-pr-27191";

#[test]
fn an_app_of_a_plugin_hides_its_server_from_who_is_signed_in() {
    let servers = json!({ "docs": { "command": "srv" }, "files": { "command": "srv" } });
    let home = home("features.apps = false", &servers, &json!({ "docs": { "id": "c" } }));
    let both = ["docs enabled", "files enabled"];
    assert_eq!(list(&home, "", NEWEST), (both.map(str::to_owned).to_vec(), String::new()));
    let auth = json!({ "tokens": { "id_token": "e30.e30.c2ln", "access_token": "t",
        "refresh_token": "r", "account_id": "a" } });
    fs::write(home.path().join("auth.json"), auth.to_string()).unwrap();
    assert_eq!(list(&home, "", NEWEST).0, ["files enabled"]);
    assert_eq!(list(&home, "", SEED).0, both);
}

#[test]
fn a_policy_of_the_user_counts_for_the_server_of_a_plugin() {
    let servers = json!({
        "off": { "command": "srv" },
        "on": { "command": "srv", "enabled": false },
        "odd": { "command": "srv" },
        "other": { "command": "srv" },
    });
    let config = r#"
features.apps = false
[plugins."p@m".mcp_servers]
off = { enabled = false }
on = { default_tools_approval_mode = "prompt", extra = 1 }
absent = { enabled = false }
"#;
    let home = home(config, &servers, &json!({}));
    let (servers, err) = list(&home, "", NEWEST);
    assert_eq!(servers, ["odd enabled", "off disabled", "on enabled", "other enabled"]);
    assert!(err.contains("`extra`"), "{err}");
    let shipped = ["odd enabled", "off enabled", "on disabled", "other enabled"];
    assert_eq!(list(&home, "", SEED).0, shipped);
    let get = home.command(&["mcp", "get", "on", "--json"]).output().unwrap();
    assert!(output_of(&get).out.contains("\"prompt\""));
    // Codex refuses the file because of this policy.
    fs::write(home.config(), format!("{config}odd = {{ enabled = \"no\" }}\n")).unwrap();
    let CommandOutput { status, err, .. } = listed(&home, "", NEWEST);
    assert_eq!(status, 2, "{err}");
    for expected in ["mcp_servers.odd.enabled: found a string", "config.toml:7"] {
        assert!(err.contains(expected), "{expected}: {err}");
    }
}

const OWN: &str = r#"
features.apps = false
[mcp_servers.docs]
command = "npx"
args = ["mcp", "x1"]
[mcp_servers.more]
command = "npx"
args = ["mcp", "x1", "y"]
[mcp_servers.web]
url = "https://web.example/mcp"
"#;

#[test]
fn requirements_disable_what_they_do_not_allow() {
    let home = home(OWN, &json!({ "a": { "command": "srv" } }), &json!({}));
    let matchers =
        r#"[{ match = "exact", value = "mcp" }, { match = "regex", expression = "x\\d" }]"#;
    let identity = format!("{{ command = {{ executable = \"npx\", args = {matchers} }} }}");
    let demanded = format!(
        "model = 1\n[mcp_servers]\ndocs.identity = {identity}\nmore.identity = {identity}\n\
         web.identity.url = {{ match = \"prefix\", value = \"https://web.example/\" }}\n\
         [plugins.\"p@m\"]\n"
    );
    let (servers, err) = list(&home, &demanded, NEWEST);
    assert_eq!(servers, ["a disabled", "docs enabled", "more disabled", "web enabled"]);
    let file = home.path().join("requirements.toml").display().to_string();
    let message = "mcp_servers.more: the requirements do not allow this server, so it is disabled";
    assert_eq!(err, format!("warning: {file}: {message}\n"));
    let all = ["a enabled", "docs enabled", "more enabled", "web enabled"];
    assert_eq!(list(&home, &demanded, SEED), (all.map(str::to_owned).to_vec(), String::new()));
    assert_eq!(list(&home, "", NEWEST).0, all);
    assert_eq!(list(&home, "mcp_servers = {}", NEWEST).0, all.map(|s| s.replace("en", "dis")));
}

#[test]
fn invalid_requirements_are_refused_with_line_and_expectation() {
    let home = Home::with(OWN);
    let cases = [
        ("\nmcp_servers.a = 1", ":2:17: mcp_servers.a: found an integer, expected a table"),
        ("mcp_servers = 1", ":1:15: mcp_servers: found an integer, expected a table"),
        (
            "[mcp_servers.a]\nidentity = { command = 3 }",
            ":2:24: mcp_servers.a.identity.command: found an integer, expected a string, or a table",
        ),
        (
            "[plugins.\"p@m\".mcp_servers]\na.identity.url = { match = \"regex\", expression = \"(\" }",
            ":2:50: plugins.\"p@m\".mcp_servers.a.identity.url.expression: found a string that is none",
        ),
        (
            "mcp_servers.a.identity.url = { match = \"glob\", value = \"*\" }",
            "found another kind, expected a matcher: {match = \"exact\", value = …}",
        ),
        (
            "mcp_servers.a = {}",
            "mcp_servers.a: found none, expected an `identity` with a `command`",
        ),
        ("features.apps = 1", ":1:17: features.apps: found an integer, expected true or false"),
        ("=", "requirements.toml:1:1: not valid TOML"),
    ];
    for (text, expected) in cases {
        let output = listed(&home, text, NEWEST);
        assert_eq!(output.status, 2, "{text}: {output:?}");
        assert!(output.err.contains(expected), "{expected}: {}", output.err);
        assert!(output.err.contains("requirements.toml:"), "{}", output.err);
        assert_eq!(listed(&home, text, SEED).status, 0);
    }
    // Matchers came later than requirements.
    let text = "mcp_servers.a.identity.url = { match = \"exact\", value = \"x\" }";
    let output = listed(&home, text, "codex-pr-29924");
    assert!(output.err.contains("identity.url: found a table, expected a string"), "{output:?}");
}

#[test]
fn a_plugin_that_gets_the_chatgpt_credentials_is_named() {
    let servers = json!({
        "a": { "url": "https://chatgpt.com/x", "auth": "chatgpt" },
        "b": { "url": "https://chatgpt.com:8443/x", "auth": "chatgpt" },
        "c": { "url": "https://chatgpt.com/x" },
        "d": { "url": "https://chatgpt.com/x", "auth": "chatgpt", "enabled": false },
    });
    let home = home("features.apps = false", &servers, &json!({}));
    let (_, err) = list(&home, "", NEWEST);
    assert!(
        err.starts_with("warning: plugins.\"p@m\".mcp_servers.a: the plugin has `auth"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(list(&home, "", SEED).1.lines().filter(|l| l.contains("credentials")).count(), 0);
}
