//! `mcp login` and `mcp logout`, up to what needs a browser.

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
fn what_has_no_login_is_refused() {
    let home = Home::with(CONFIG);
    let cases = [
        ("files", "OAuth login is only supported for streamable HTTP servers."),
        ("nothing", "No MCP server named 'nothing' found."),
        (
            "codex_apps",
            "'codex_apps' has no login of its own: it gets the host's own ChatGPT credentials; \
             sign in and out with `codex login` and `codex logout`",
        ),
    ];
    for (name, problem) in cases {
        for command in ["login", "logout"] {
            let said = home.run(&["mcp", command, name]);
            let expected = (1, "", &*format!("error: {problem}\n"));
            assert_eq!((said.status, &*said.out, &*said.err), expected);
        }
    }
}

#[test]
fn a_server_that_is_not_there_cannot_be_logged_in_to() {
    let home = Home::with(CONFIG);
    let said = home.run(&["mcp", "login", "docs", "--timeout", "5"]);
    assert_eq!((said.status, &*said.out), (1, ""), "{said:?}");
    assert!(said.err.starts_with("error: cannot log in to 'docs': "), "{said:?}");
    assert_eq!(home.text(), CONFIG);
}

#[test]
fn logout_forgets_the_tokens() {
    let home = Home::with(CONFIG);
    let none = home.ok(&["mcp", "logout", "docs"]);
    assert_eq!(none, "There are no OAuth tokens of MCP server 'docs'.\n");
    let tokens = r#"{"docs|x":{"server_name":"docs","server_url":"http://127.0.0.1:1/mcp",
        "client_id":"c","access_token":"SECRET","refresh_token":"SECRET","scopes":[]}}"#;
    std::fs::write(home.path().join(".credentials.json"), tokens).unwrap();
    let list = home.ok(&["mcp", "list"]);
    assert!(list.contains("http://127.0.0.1:1/mcp  OAuth\n"), "{list}");
    let gone = home.ok(&["mcp", "logout", "docs"]);
    assert_eq!(gone, "Forgot the OAuth tokens of MCP server 'docs'.\n");
    let left = std::fs::read_to_string(home.path().join(".credentials.json"));
    assert!(!left.unwrap_or_default().contains("SECRET"));
    assert!(!home.ok(&["mcp", "list"]).contains("OAuth"));
}

#[test]
fn an_unknown_store_is_refused() {
    let home = Home::with("mcp_oauth_credentials_store = \"safe\"\n");
    let said = home.run(&["mcp", "list"]);
    assert_eq!(said.status, 2);
    let problem =
        "config.toml: mcp_oauth_credentials_store is none of \"auto\", \"file\" and \"keyring\"\n";
    assert!(said.err.ends_with(problem), "{said:?}");
}
