//! `mcp list` and `mcp get`.

use serde_json::{Value, json};

use crate::support::{Home, output_of};

const CONFIG: &str = r#"
model = "o3"

[mcp_servers.docs]
url = "https://docs.example/mcp"
enabled = false

[mcp_servers.files]
command = "npx"
args = ["-y", "files", "--api-key", "SECRET-1", "--token=SECRET-2", "-e", "API_KEY=SECRET-3"]
env = { HOME_TOKEN = "SECRET-4" }

[mcp_servers.search]
url = "https://user:SECRET-5@search.example:8080/mcp?key=SECRET-6#SECRET-7"
bearer_token_env_var = "SEARCH_TOKEN"
startup_timeout_sec = 20

[mcp_servers.wiki]
url = "https://wiki.example/mcp"
http_headers = { Authorization = "Bearer SECRET-8" }
"#;

#[test]
fn list_is_a_table_without_secrets() {
    let home = Home::with(CONFIG);
    let expected = "\
NAME    STATUS    TRANSPORT  URL OR COMMAND                                              AUTH
docs    disabled  http       https://docs.example/mcp                                    -
files   enabled   stdio      npx -y files --api-key ***** --token=***** -e API_KEY=*****  -
search  enabled   http       https://*****@search.example:8080/mcp?*****                 bearer token of SEARCH_TOKEN, which is not set
wiki    enabled   http       https://wiki.example/mcp                                    Authorization header
";
    let list = home.ok(&["mcp", "list"]);
    let squeezed = |text: &str| {
        let words = |line: &str| {
            line.split("  ")
                .map(str::trim)
                .filter(|w| !w.is_empty())
                .collect::<Vec<_>>()
                .join(" | ")
        };
        text.lines().map(words).collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&list), squeezed(expected));
    let starts: Vec<_> =
        list.lines().map(|line| line.find("http").or(line.find("stdio"))).collect();
    assert_eq!(starts[1..], [Some(18), Some(18), Some(18), Some(18)], "columns line up\n{list}");
    let output = home.command(&["mcp", "list"]).env("SEARCH_TOKEN", "SECRET-9").output().unwrap();
    let list = output_of(&output).out;
    assert!(list.lines().any(|line| line.ends_with("  bearer token of SEARCH_TOKEN")), "{list}");
    assert!(!list.contains("SECRET"), "{list}");
}

#[test]
fn json_shows_everything_except_secrets() {
    let home = Home::with(CONFIG);
    let all: Value = serde_json::from_str(&home.ok(&["mcp", "list", "--json"])).unwrap();
    let expected = json!([
        {
            "name": "docs", "enabled": false, "source": "config", "auth": null,
            "transport": {"type": "streamable_http", "url": "https://docs.example/mcp"},
        },
        {
            "name": "files", "enabled": true, "source": "config", "auth": null,
            "transport": {
                "type": "stdio", "command": "npx", "env": {"HOME_TOKEN": "*****"},
                "args": ["-y", "files", "--api-key", "*****", "--token=*****", "-e", "API_KEY=*****"],
            },
        },
        {
            "name": "search", "enabled": true, "source": "config",
            "auth": "bearer token of SEARCH_TOKEN, which is not set", "startup_timeout_sec": 20.0,
            "transport": {
                "type": "streamable_http", "bearer_token_env_var": "SEARCH_TOKEN",
                "url": "https://*****@search.example:8080/mcp?*****",
            },
        },
        {
            "name": "wiki", "enabled": true, "source": "config", "auth": "Authorization header",
            "transport": {
                "type": "streamable_http", "url": "https://wiki.example/mcp",
                "http_headers": {"Authorization": "*****"},
            },
        },
    ]);
    assert_eq!(all, expected);
    for server in all.as_array().unwrap() {
        let name = server["name"].as_str().unwrap();
        let one: Value = serde_json::from_str(&home.ok(&["mcp", "get", name, "--json"])).unwrap();
        assert_eq!(one, *server);
        let text = home.ok(&["mcp", "get", name]);
        assert!(!text.contains("SECRET"), "{text}");
        assert!(text.starts_with(&format!("{name}\n")), "{text}");
    }
    let expected = "search\n  auth: bearer token of SEARCH_TOKEN, which is not set\n  enabled: true\n  \
                    source: config\n  startup_timeout_sec: 20.0\n  transport: streamable_http\n  \
                    bearer_token_env_var: SEARCH_TOKEN\n  \
                    url: https://*****@search.example:8080/mcp?*****\n";
    assert_eq!(home.ok(&["mcp", "get", "search"]), expected);
}

/// The forms in which arguments hold secrets.
#[test]
fn arguments_that_look_like_secrets_are_masked() {
    let cases = [
        ("--header Authorization:SECRET", "--header *****"),
        ("-H SECRET", "-H *****"),
        ("--password SECRET --verbose", "--password ***** --verbose"),
        ("--token -SECRET x", "--token ***** x"),
        ("serve sk-SECRET", "serve *****"),
        ("--token --verbose x", "--token --verbose x"),
        ("--db=postgres://u:SECRET@h/db", "--db=postgres://*****@h/db"),
        ("postgres://u:SECRET@h:5432/db?sslkey=SECRET", "postgres://*****@h:5432/db?*****"),
        ("DB=postgres://u:SECRET@h/db", "DB=postgres://*****@h/db"),
        ("TOKEN=https://SECRET", "TOKEN=*****"),
        ("see:https://h/p?x=SECRET", "see:https://h/p?*****"),
        ("X-Api-Key:SECRET", "X-Api-Key:*****"),
        ("--port 80 /srv/files", "--port 80 /srv/files"),
    ];
    for (args, shown) in cases {
        let args: Vec<_> = args.split(' ').collect();
        let config = format!("[mcp_servers.a]\ncommand = \"run\"\nargs = {args:?}\n");
        let home = Home::with(&config);
        for command in [&["mcp", "list"][..], &["mcp", "list", "--json"], &["mcp", "get", "a"]] {
            let out = home.ok(command);
            assert!(!out.contains("SECRET"), "{out}");
        }
        let list = home.ok(&["mcp", "list"]);
        let row = list.lines().last().unwrap().trim_end_matches('-').trim_end();
        assert!(row.ends_with(&format!("  run {shown}")), "{shown}: {list}");
    }
}

#[test]
fn control_characters_in_names_are_escaped() {
    let home = Home::with("[mcp_servers.\"a\\u001b[31m\\n\"]\ncommand = \"\\u0007x\"\n");
    let list = home.ok(&["mcp", "list"]);
    assert!(
        list.ends_with("\na\\u{1b}[31m\\n  enabled  stdio      \\u{7}x            -\n")
            || list.contains("a\\u{1b}[31m\\n"),
        "{list:?}"
    );
    assert_eq!(list.lines().count(), 2, "{list:?}");
    assert!(!list.contains(['\u{1b}', '\u{7}']), "{list:?}");
}

#[test]
fn an_empty_list_says_so() {
    let home = Home::new();
    let hint = "No MCP servers. Add one with `mcp-overlay-host mcp add`.\n";
    assert_eq!(home.ok(&["mcp", "list"]), hint);
    assert_eq!(home.ok(&["mcp", "list", "--json"]), "[]\n");
    let result = home.run(&["mcp", "get", "docs"]);
    assert_eq!((result.status, &*result.err), (1, "error: No MCP server named 'docs' found.\n"));
}

#[test]
fn overrides_take_precedence_over_the_file() {
    let home = Home::with(CONFIG);
    let list = home.ok(&[
        "mcp",
        "list",
        "-c",
        "mcp_servers.docs.enabled=true",
        "-c",
        "mcp_servers.new.command=run",
    ]);
    assert!(list.contains("\ndocs    enabled  http "), "{list}");
    assert!(list.contains("\nnew     enabled  stdio "), "{list}");
    assert_eq!(home.text(), CONFIG);
}

#[test]
fn only_settings_of_servers_cause_warnings() {
    let home = Home::with("unheard = 1\n[mcp_servers.docs]\ncommand = \"x\"\ncomand = \"y\"\n");
    let result = home.run(&["mcp", "list"]);
    assert_eq!(result.status, 0);
    assert!(result.err.contains("did you mean `command`?"), "{result:?}");
    assert!(!result.err.contains("unheard"), "{result:?}");
}

/// By the legacy loader: a local host has no Apps extension.
#[test]
fn the_apps_server_is_listed_if_the_gate_is_open() {
    let chatgpt = json!({"tokens": {"access_token": "SECRET", "id_token": "e30.e30.x"}});
    let agent = json!({"agent_identity": "SECRET"});
    let pat = json!({"personal_access_token": "SECRET"});
    let key = json!({"OPENAI_API_KEY": "SECRET"});
    let apps = "chatgpt_base_url = \"https://chat.example/api\"\n[features]\napps = true\n";
    let cases = [
        (apps, Some(&chatgpt), Some("ChatGPT credentials")),
        (apps, Some(&pat), Some("ChatGPT credentials")),
        (apps, Some(&agent), Some("no credentials to send")),
        (apps, Some(&key), None),
        (apps, None, None),
        ("features.apps = false\n", Some(&chatgpt), None),
    ];
    for (config, auth, expected) in cases {
        let home = Home::with(config);
        if let Some(auth) = auth {
            let file = home.path().join("auth.json");
            std::fs::write(&file, auth.to_string()).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let result = home.run(&["mcp", "list", "--json", "--profile", "codex-pr-27191"]);
        assert_eq!(result.status, 0, "{result:?}");
        assert!(!result.out.contains("SECRET") && !result.err.contains("SECRET"), "{result:?}");
        let list: Value = serde_json::from_str(&result.out).unwrap();
        let apps = list.as_array().unwrap().first();
        assert_eq!(apps.map(|apps| apps["auth"].as_str().unwrap()), expected, "{auth:?}");
        let Some(apps) = apps else { continue };
        assert_eq!([&apps["name"], &apps["source"]], ["codex_apps", "host"]);
    }
}

/// From `codex-pr-29924` on, it gets the host's credentials at ChatGPT's origin only.
#[test]
fn tokens_stored_for_the_apps_server_are_not_shown_as_its_authorization() {
    let home = Home::with(
        "chatgpt_base_url = \"https://chat.example/api\"\nfeatures.apps = true\n\
         mcp_oauth_credentials_store = \"file\"\n",
    );
    let chatgpt = json!({"tokens": {"access_token": "SECRET", "id_token": "e30.e30.x"}});
    std::fs::write(home.path().join("auth.json"), chatgpt.to_string()).unwrap();
    let list = || -> Value {
        let list = home.run(&["mcp", "list", "--json", "--profile", "codex-pr-29924"]);
        serde_json::from_str(&list.out).unwrap()
    };
    let url = list()[0]["transport"]["url"].clone();
    let tokens = json!({"x": {
        "server_name": "codex_apps", "server_url": url, "client_id": "c",
        "access_token": "SECRET", "refresh_token": "SECRET", "scopes": [],
    }});
    std::fs::write(home.path().join(".credentials.json"), tokens.to_string()).unwrap();
    let apps = &list()[0];
    assert_eq!([&apps["name"], &apps["auth"]], [&json!("codex_apps"), &Value::Null]);
}

#[test]
fn an_invalid_sign_in_causes_a_warning_and_closes_the_gate() {
    let home = Home::with("features.apps = true\n[mcp_servers.docs]\ncommand = \"x\"\n");
    std::fs::write(home.path().join("auth.json"), "{").unwrap();
    let result = home.run(&["mcp", "list"]);
    assert_eq!(result.status, 0);
    assert!(result.err.contains("auth.json: not valid JSON, line 1 column 1; "), "{result:?}");
    assert!(!result.out.contains("codex_apps"), "{result:?}");
}
