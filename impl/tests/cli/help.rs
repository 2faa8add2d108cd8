//! Help and wrong use.

use crate::support::Home;

#[test]
fn every_command_explains_itself() {
    let commands: [(&[&str], &[&str]); 10] = [
        (&[], &["app-server", "connect", "mcp", "Exit status: 0 done, 1 ", "CODEX_HOME"]),
        (&["app-server"], &["--orchestrator", "KEY=VALUE", "codex-pr-27198", "codex-pr-31803"]),
        (&["connect"], &["URL"]),
        (&["mcp"], &["list", "get", "add", "remove", "login", "logout", "codex_apps"]),
        (&["mcp", "list"], &["--json", "-c, --config <KEY=VALUE>", "not shown"]),
        (&["mcp", "get"], &["--json", "<NAME>"]),
        (&["mcp", "add"], &["--url", "--bearer-token-env-var", "--env", "-- npx", "Examples:"]),
        (&["mcp", "remove"], &["<NAME>", "Comments directly above"]),
        (&["mcp", "login"], &["--scopes", "--timeout", "browser"]),
        (&["mcp", "logout"], &["<NAME>", "tokens"]),
    ];
    let home = Home::new();
    for (command, expected) in commands {
        let help = home.ok(&[command, &["--help"]].concat());
        for word in expected {
            assert!(help.contains(word), "{command:?}: {word} in\n{help}");
        }
        assert!(!help.contains('\u{1b}'), "{command:?}: colours in a pipe");
    }
    assert_eq!(home.files(), [""; 0]);
}

#[test]
fn wrong_use_is_status_2() {
    let home = Home::new();
    let cases: [&[&str]; 7] = [
        &[],
        &["nothing"],
        &["mcp"],
        &["mcp", "get"],
        &["mcp", "list", "extra"],
        &["mcp", "list", "-c", "no-equals"],
        &["mcp", "login", "x", "--timeout", "0"],
    ];
    for args in cases {
        let said = home.run(args);
        assert_eq!((said.status, &*said.out), (2, ""), "{args:?}: {said:?}");
        assert!(!said.err.is_empty(), "{args:?}");
    }
    assert!(home.ok(&["--version"]).starts_with("mcp-overlay-host "));
}
