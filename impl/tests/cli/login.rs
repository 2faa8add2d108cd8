//! `mcp login` and `mcp logout`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use crate::provider::{Provider, browse};
use crate::support::Home;

const CONFIG: &str = r#"
mcp_oauth_credentials_store = "file"
[mcp_servers.files]
command = "x"
[mcp_servers.docs]
url = "http://127.0.0.1:1/mcp"
[mcp_servers.codex_apps]
url = "http://127.0.0.1:1/mcp"
"#;

#[test]
fn servers_without_oauth_cannot_be_logged_in_to() {
    let home = Home::with(CONFIG);
    let cases = [
        ("files", "OAuth login is only supported for streamable HTTP servers."),
        ("nothing", "No MCP server named 'nothing' found."),
        (
            "codex_apps",
            "'codex_apps' has no login of its own: it uses the host's ChatGPT credentials; \
             sign in and out with `codex login` and `codex logout`",
        ),
    ];
    for (name, problem) in cases {
        for command in ["login", "logout"] {
            let result = home.run(&["mcp", command, name]);
            let expected = (1, "", &*format!("error: {problem}\n"));
            assert_eq!((result.status, &*result.out, &*result.err), expected);
        }
    }
}

#[test]
fn an_unknown_server_cannot_be_logged_in_to() {
    let home = Home::with(CONFIG);
    let result = home.run(&["mcp", "login", "docs", "--timeout", "5"]);
    assert_eq!((result.status, &*result.out), (1, ""), "{result:?}");
    assert!(result.err.starts_with("error: cannot log in to 'docs': "), "{result:?}");
    assert_eq!(home.text(), CONFIG);
}

#[test]
fn logout_forgets_the_tokens() {
    let home = Home::with(CONFIG);
    let none = home.ok(&["mcp", "logout", "docs"]);
    assert_eq!(none, "There are no OAuth tokens for MCP server 'docs'.\n");
    let tokens = r#"{"docs|x":{"server_name":"docs","server_url":"http://127.0.0.1:1/mcp",
        "client_id":"c","access_token":"SECRET","refresh_token":"SECRET","scopes":[]}}"#;
    std::fs::write(home.path().join(".credentials.json"), tokens).unwrap();
    let list = home.ok(&["mcp", "list"]);
    assert!(list.contains("http://127.0.0.1:1/mcp  OAuth\n"), "{list}");
    let gone = home.ok(&["mcp", "logout", "docs"]);
    assert_eq!(gone, "Removed the OAuth tokens of MCP server 'docs'.\n");
    let left = std::fs::read_to_string(home.path().join(".credentials.json"));
    assert!(!left.unwrap_or_default().contains("SECRET"));
    assert!(!home.ok(&["mcp", "list"]).contains("OAuth"));
}

#[test]
fn an_unknown_store_is_refused_as_codex_refuses_it() {
    let home = Home::with("mcp_oauth_credentials_store = \"safe\"\n");
    let result = home.run(&["mcp", "list"]);
    assert_eq!(result.status, 2);
    for expected in ["config.toml:1:31", "expected \"auto\", \"file\" or \"keyring\""] {
        assert!(result.err.contains(expected), "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_prints_the_url_waits_and_stores_the_tokens() {
    let provider = Provider::start().await;
    let store = "mcp_oauth_credentials_store = \"file\"";
    let home = Home::with(&format!("{store}\n[mcp_servers.docs]\nurl = \"{}\"\n", provider.url()));
    let mut command = home.command(&["mcp", "login", "docs", "--scopes", "read, write"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut url = String::new();
    while !url.starts_with("  http") {
        url.clear();
        assert_ne!(lines.read_line(&mut url).unwrap(), 0, "no address");
    }
    assert!(!home.path().join(".credentials.json").exists(), "the callback has not arrived yet");
    assert_eq!(browse(url.trim().to_owned()).await.0, 200);
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("Waiting up to 300 seconds for the callback"), "{rest}");
    assert!(rest.ends_with("\nLogged in to MCP server 'docs'.\n"), "{rest}");
    assert!(!rest.contains("secret"), "{rest}");
    assert_eq!(provider.last("/authorize")["scope"], "read write");
    assert!(home.ok(&["mcp", "list"]).ends_with("/mcp  OAuth\n"));
    home.ok(&["mcp", "logout", "docs"]);
    assert!(home.ok(&["mcp", "list"]).ends_with("/mcp  -\n"));
}
