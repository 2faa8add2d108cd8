//! `explain`: the table, the reasons, the absence of secrets, and invalid input.

use crate::{Output, Sandbox, repository};

const CONFIG: &str = r#"
chatgpt_base_url = "https://chatgpt.com"
model = "not ours"

[features]
apps_mcp_path_override = true

[mcp_servers.docs]
url = "https://user:SECRET-1@docs.example/hook/SECRET-2?token=SECRET-3"
http_headers = { Authorization = "SECRET-4" }
env_http_headers = { X-Key = "KEY_VARIABLE" }
bearer_token_env_var = "TOKEN_VARIABLE"

[mcp_servers.search]
command = "search"
args = ["--key=SECRET-5"]
env = { KEY = "SECRET-6" }
enabled = false

[mcp_servers.codex_apps]
command = "mine"
"#;

fn explain(sandbox: &Sandbox, config: &str, more: &[&str]) -> Output {
    let config = sandbox.file("config.toml", config);
    let mut arguments = vec!["explain", "--config", config.as_str()];
    arguments.extend(more);
    sandbox.run(&arguments)
}

#[test]
fn each_view_is_printed_with_reasons() {
    let sandbox = Sandbox::new();
    let output = explain(&sandbox, CONFIG, &["--auth", "chatgpt", "--views"]);
    insta::assert_snapshot!("explain_chatgpt", output.whole());
}

#[test]
fn an_absent_server_has_a_reason() {
    let sandbox = Sandbox::new();
    let output = explain(&sandbox, CONFIG, &["--auth", "api_key", "--views"]);
    let line = "codex_apps is absent from effective: gate.closed-removes, auth is api_key";
    assert!(output.stdout.contains(line), "{}", output.whole());
}

#[test]
fn a_host_without_extensions_uses_the_legacy_loader() {
    let sandbox = Sandbox::new();
    let none = sandbox.file("none.json", "[]");
    let output =
        explain(&sandbox, CONFIG, &["--auth", "chatgpt", "--views", "--contributors", &none]);
    insta::assert_snapshot!("explain_legacy", output.whole());
}

#[test]
fn plugins_and_contributors_are_explained() {
    let sandbox = Sandbox::new();
    sandbox.file("plugins/b/.codex-plugin/plugin.json", r#"{"name":"b@market"}"#);
    sandbox.file(
        "plugins/b/.mcp.json",
        r#"{"docs":{"url":"https://b.example"},"tickets":{"command":"t","cwd":"bin"},"bad":{}}"#,
    );
    sandbox.file("plugins/c/.codex-plugin/plugin.json", r#"{"name":"c@market"}"#);
    sandbox.file("plugins/c/.mcp.json", r#"{"mcpServers":{"quiet":{"command":"q"}}}"#);
    let config = format!("{CONFIG}\n[plugins.\"c@market\"]\nenabled = false\n");
    let contributors = sandbox.file(
        "contributors.json",
        r#"[{"id":"hosted-apps","hosted_apps":{}},
            {"id":"policy","contributions":[{"remove":{"name":"search"}},
                {"set":{"name":"tickets","server":{"url":"https://tickets.example"}}}]}]"#,
    );
    let more = ["--views", "--plugins", "plugins", "--contributors", &contributors];
    insta::assert_snapshot!("explain_plugins", explain(&sandbox, &config, &more).whole());
}

#[test]
fn the_profile_is_that_of_the_newest_release_or_of_the_one_asked_for() {
    let sandbox = Sandbox::new();
    for (more, profile) in [
        (&[][..], "codex-pr-31803"),
        (&["--codex", "0.139.0"], "codex-pr-27191"),
        (&["--profile", "codex-pr-27414"], "codex-pr-27414"),
    ] {
        let output = explain(&sandbox, CONFIG, &[more, &["--views"]].concat());
        let first = format!("profile: {profile}; auth: none;");
        assert!(output.stdout.starts_with(&first), "{}", output.whole());
    }
    let output = explain(&sandbox, CONFIG, &["--codex", "0.1.0"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("the oldest release that was looked at is 0.138.0"));
}

/// Releases from 0.155.0 on start names with a few more characters.
#[test]
fn the_release_decides_which_names_start() {
    let sandbox = Sandbox::new();
    let config = "[mcp_servers.\"a.b\"]\ncommand = \"x\"\n[mcp_servers.\"a b\"]\ncommand = \"x\"\n";
    for (more, started) in
        [(&["--codex", "0.145.0"][..], 0), (&["--codex", "0.155.0"], 1), (&[], 1)]
    {
        let output = explain(&sandbox, config, &[more, &["--json"]].concat());
        assert_eq!(output.stdout.matches("\"started\"").count(), started, "{}", output.whole());
        assert_eq!(
            output.stdout.matches("cannot-start").count(),
            2 - started,
            "{}",
            output.whole()
        );
    }
}

#[test]
fn the_config_is_that_of_codex_if_none_is_named() {
    let sandbox = Sandbox::new();
    sandbox.file("home/.codex/config.toml", "[mcp_servers.of-home]\ncommand = \"a\"\n");
    sandbox.file("codex/config.toml", "[mcp_servers.of-codex-home]\ncommand = \"a\"\n");
    let explained = |variables: &[(&str, &str)]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-overlay"));
        command.arg("explain").env_remove("CODEX_HOME").env_remove("HOME");
        variables.iter().for_each(|(name, folder)| {
            command.env(name, sandbox.path(folder));
        });
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(explained(&[("HOME", "home")]).contains("of-home"));
    assert!(explained(&[("HOME", "home"), ("CODEX_HOME", "codex")]).contains("of-codex-home"));
    assert!(explained(&[]).contains("use --config FILE"));
    assert!(explained(&[("HOME", "none")]).contains("none/.codex/config.toml"));
}

#[test]
fn no_secret_is_printed() {
    let sandbox = Sandbox::new();
    for more in [&["--auth", "chatgpt"][..], &["--auth", "chatgpt", "--json"]] {
        let output = explain(&sandbox, CONFIG, more);
        assert_eq!(output.code, Some(0));
        assert!(!output.whole().contains("SECRET"), "{}", output.whole());
        assert!(output.whole().contains("docs.example"), "the origin is no secret");
    }
}

#[test]
fn json_contains_the_views() {
    let sandbox = Sandbox::new();
    let output = explain(&sandbox, CONFIG, &["--auth", "api_key", "--json"]);
    assert!(output.stderr.contains("warning[no-effect]"), "warnings go to standard error");
    insta::assert_snapshot!("explain_json", output.stdout);
}

#[test]
fn an_invalid_config_is_an_error_with_its_place() {
    let sandbox = Sandbox::new();
    let configs = [
        "[mcp_servers.docs]\nurl = \"https://d.example\"\nargs = [\"SECRET\"]\n",
        "[mcp_servers.docs]\ncommand = \"d\"\nstartup_timeout_sec = -1.0\n",
        "[features]\napps = \"yes\"\n",
        "chatgpt_base_url = \"https://user:SECRET@chatgpt.com\"\n",
        "[mcp_servers.docs\n",
    ];
    let mut all = String::new();
    for config in configs {
        let output = explain(&sandbox, config, &[]);
        assert_eq!(output.code, Some(2), "{config}");
        assert!(!output.whole().contains("SECRET"), "{}", output.whole());
        all.push_str(&output.whole());
        all.push('\n');
    }
    insta::assert_snapshot!("explain_bad_config", all);
}

#[test]
fn other_invalid_input_is_an_error_with_its_place() {
    let sandbox = Sandbox::new();
    let broken = sandbox.file("broken.json", "[\n  {\"id\": \"x\"}\n]");
    let invalid = sandbox.file(
        "invalid.json",
        r#"[{"id":"x","contributions":[{"set":{"name":"a","server":{"args":[]}}}]}]"#,
    );
    let outputs = [
        explain(&sandbox, "", &["--contributors", &broken]),
        explain(&sandbox, "", &["--contributors", &invalid]),
        explain(&sandbox, "", &["--contributors", "missing.json"]),
        explain(&sandbox, "", &["--plugins", "missing"]),
        explain(&sandbox, "", &["--auth", "oauth"]),
        sandbox.run(&["explain", "--config", "missing.toml"]),
    ];
    assert!(outputs.iter().all(|output| output.code == Some(2)));
    let all: Vec<String> = outputs.iter().map(Output::whole).collect();
    insta::assert_snapshot!("explain_bad_input", all.join("\n"));
}

#[test]
fn a_misplaced_value_in_the_contributors_is_not_printed() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("c.json", r#"["SECRET-1\"SECRET-2\"SECRET-3"]"#);
    let output = explain(&sandbox, "", &["--contributors", &file]);
    assert_eq!(output.code, Some(2));
    assert!(!output.whole().contains("SECRET"), "{}", output.whole());
    assert!(output.stderr.contains("c.json"), "{}", output.whole());
}

#[test]
fn the_example_in_the_readme_matches_the_output() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let sandbox = Sandbox::new();
    let command = "$ cargo run --release -- explain";
    let block = readme.split("```console\n").find(|block| block.starts_with(command)).unwrap();
    let (line, rest) = block.split_once('\n').unwrap();
    let expected = rest.split("```").next().unwrap();
    let arguments: Vec<String> = line
        .split(' ')
        .skip_while(|word| *word != "explain")
        .map(|word| match word.strip_prefix("examples/") {
            Some(file) => repository().join("examples").join(file).display().to_string(),
            None => word.to_string(),
        })
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let folder = format!("{}/", repository().display());
    assert_eq!(sandbox.run(&arguments).stdout.replace(&folder, ""), expected);
}

#[test]
fn installed_plugins_beside_the_config_are_seen() {
    let sandbox = Sandbox::new();
    let plugin = "plugins/cache/market/team/1.0.0";
    sandbox.file(&format!("{plugin}/.codex-plugin/plugin.json"), r#"{"name":"team"}"#);
    sandbox.file(&format!("{plugin}/.mcp.json"), r#"{"wiki":{"command":"a"}}"#);
    for (enabled, is_there) in [(true, true), (false, false)] {
        let config = format!("[plugins.\"team@market\"]\nenabled = {enabled}\n");
        let output = explain(&sandbox, &config, &[]);
        let off = output.stdout.contains("the plugin is switched off (config.toml:2)");
        assert_eq!(off, !is_there, "{}", output.whole());
        assert!(output.stdout.contains("plugin team@market"), "{}", output.whole());
    }
}

/// A home with a plugin whose servers meet every reason.
fn home(sandbox: &Sandbox) {
    let plugin = "plugins/cache/market/team/1.0.0";
    sandbox.file(&format!("{plugin}/.codex-plugin/plugin.json"), r#"{"name":"team"}"#);
    sandbox.file(
        &format!("{plugin}/.mcp.json"),
        "{\"mcpServers\": {\n\"jira\": {\"command\": \"j\"},\n\"wiki\": {\"command\": \"w\"},\n\
         \"linear\": {\"url\": \"https://l.example\"},\n\"mail\": {\"command\": \"m\"}}}",
    );
    sandbox.file(
        &format!("{plugin}/.app.json"),
        "{\"apps\": {\n\"linear\": {\"id\": \"connector\"}}}",
    );
    sandbox.file(
        "requirements.toml",
        "[mcp_servers.jira]\nidentity = { command = \"other\" }\n[mcp_servers.search]\n\
         identity = { command = \"npx\" }\n",
    );
    sandbox.file(
        "thread-plugins.json",
        r#"[{"id":"thread","contributions":[{"selected_plugin":
            {"name":"mail","plugin_id":"own","selection_order":0,"server":{"command":"n"}}}]}]"#,
    );
}

const HOME: &str = "[plugins.\"team@market\"]\nenabled = true\n\n\
    [plugins.\"team@market\".mcp_servers.wiki]\nenabled = false\n\n\
    [mcp_servers.jira]\ncommand = \"my-jira\"\n\n\
    [mcp_servers.search]\ncommand = \"npx\"\nenabled = false\n";

#[test]
fn each_server_is_started_or_not_for_a_reason_with_its_line() {
    let sandbox = Sandbox::new();
    home(&sandbox);
    let more = ["--auth", "chatgpt", "--requirements", "requirements.toml"];
    let more = [&more[..], &["--contributors", "thread-plugins.json"]].concat();
    insta::assert_snapshot!("explain_plain", explain(&sandbox, HOME, &more).whole());
}

#[test]
fn a_name_has_a_story() {
    let sandbox = Sandbox::new();
    home(&sandbox);
    let mut all = String::new();
    for name in ["jira", "linear", "mail", "wiki", "search", "codex_apps", "serch"] {
        let more = ["--auth", "chatgpt", "--requirements", "requirements.toml", "--why", name];
        let more = [&more[..], &["--contributors", "thread-plugins.json"]].concat();
        let output = explain(&sandbox, HOME, &more);
        all.push_str(&output.stdout);
        all.push_str(output.stderr.lines().find(|line| line.starts_with("error")).unwrap_or(""));
    }
    insta::assert_snapshot!("explain_why", all);
}

#[test]
fn a_release_that_is_newer_than_all_is_said_to_be() {
    let sandbox = Sandbox::new();
    let newer = explain(&sandbox, "", &["--codex", "9.9.9"]).stderr;
    assert!(newer.contains("9.9.9 is newer than any release") && newer.contains("codex-pr-31803"));
    assert_eq!(explain(&sandbox, "", &["--codex", "v0.139.0"]).stderr, "");
}
