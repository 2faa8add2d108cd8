//! What `lint --fix` writes.

use mcp_overlay_host::lint::{FixError, Surroundings, lint};
use mcp_overlay_host::{Environment, Profile};

#[track_caller]
fn repaired(text: &str) -> String {
    lint(text, &Surroundings::default()).fixed().unwrap().text
}

#[test]
fn a_key_is_renamed_in_its_place() {
    let text = "# mine\n[mcp_servers.a] # a\ncommand = \"x\"  # c\n  # off\n  enabeld=false # e\n\n\
                [mcp_servers.b]\nurl = 'https://b.example' \nenv.x = 1\n";
    assert_eq!(repaired(text), text.replace("enabeld", "enabled"));
    for (written, meant) in [
        ("cmd = \"docs-server\"", "command"),
        ("serverUrl = \"https://a.example\"", "url"),
        ("command = \"x\"\nworking_directory = \"/srv\"", "cwd"),
    ] {
        let text = format!("[mcp_servers.a]\n{written}\n");
        let (name, _) = written.rsplit('\n').next().and_then(|line| line.split_once(' ')).unwrap();
        assert_eq!(repaired(&text), text.replace(name, meant));
    }
    let inline = "mcp_servers = { a = { comand = \"x\", args = [ \"y\",\n ] } } # all\n";
    assert_eq!(repaired(inline), inline.replace("comand", "command"));
    let dotted = "mcp_servers.a.comand = \"x\"\nmcp_servers.a.args = [] # b\n";
    assert_eq!(repaired(dotted), dotted.replace("comand", "command"));
}

#[test]
fn a_misspelled_table_is_renamed_in_every_header() {
    let text = "[mcp_server.b]\ncommand = \"x\"\n\n[mcp_server.a]\ncommand = \"y\" # y\n\n[tui]\n";
    assert_eq!(repaired(text), text.replace("mcp_server", "mcp_servers"));
}

#[test]
fn line_ends_and_the_byte_order_mark_stay() {
    let text = "\u{feff}[mcp_servers.a]\r\ncommand = \"x\"\r\nenabeld = true\r\n";
    assert_eq!(repaired(text), text.replace("enabeld", "enabled"));
    let mixed = "[mcp_servers.a]\r\ncommand = \"x\"\nenabeld = true\r\n";
    let report = lint(mixed, &Surroundings::default());
    assert_eq!(report.fixed(), Err(FixError::Reformats));
}

#[test]
fn a_comment_is_never_lost() {
    let text = "[mcp_servers.a]\n# keep me\nname = \"x\"\ncommand = \"x\"\n";
    let kept = "[mcp_servers.a]\n# keep me\ncommand = \"x\"\n";
    assert_eq!(repaired(text), kept);
    let last = "[mcp_servers.a]\ncommand = \"x\"\nname = \"x\" # keep me\n";
    assert_eq!(repaired(last), last);
}

#[test]
fn a_misspelled_table_joins_the_right_one() {
    let text = "[mcp_servers.a]\ncommand = \"x\" # a\n\n# b\n[mcp_server.b]\ncommand = \"y\"\n\n[tui]\n\n\
                [mcp_servers.c]\ncommand = \"z\"\n\n[mcp_server.d]\ncommand = \"w\"\n\n\
                [mcp_server.d.env]\nX = \"1\"\n";
    assert_eq!(repaired(text), text.replace("mcp_server.", "mcp_servers."));
    let clash = "[mcp_servers.a]\ncommand = \"x\"\n[mcp_server.a]\ncommand = \"y\"\n";
    assert_eq!(repaired(clash), clash);
}

/// Without its table the Apps server is on, so that only a table with timeouts alone may go.
#[test]
fn the_table_of_apps_is_removed_only_if_that_changes_nothing_else() {
    let with = |setting| format!("[mcp_servers.codex_apps]\n{setting}\n");
    for setting in ["enabled = false", "tools.x.approval_mode = \"approve\"", "required = true"] {
        assert_eq!(repaired(&with(setting)), with(setting));
    }
    assert_eq!(repaired(&with("startup_timeout_sec = 60\ntool_timeout_sec = 60")), "");
}

/// A repair that gives a number another unit, or that makes Codex refuse a file that it takes, is none.
#[test]
fn a_key_whose_value_may_mean_something_else_is_left() {
    for (written, left) in [
        ("startup_timeout = 30", true),
        ("tool_timeout = 120", true),
        ("toolTimeoutMs = 500", true),
        ("tool_timeout_secs = 5", false),
        ("environment = \"A=1\"", true),
        ("environment = { A = \"1\" }", false),
        ("enabeld = \"no\"", true),
        ("startup_timout_sec = 30", false),
        ("startup_timeout_secs = \"30\"", true),
        ("environment = { PORT = 8080 }", true),
        ("headers = { A = \"1\" }", true),
        ("uri = \"https://a.example\"", true),
    ] {
        let text = format!("[mcp_servers.a]\ncommand = \"x\"\n{written}\n");
        assert_eq!(repaired(&text) == text, left, "{written}");
    }
}

/// What Codex refuses before a repair does not pay for what it would refuse after another one; and it is asked as
/// the release that the file is for, the newest if none is named.
#[test]
fn a_repair_makes_no_new_refusal() {
    let one =
        "[mcp_servers.a]\ncmd = \"x\"\n[mcp_servers.b]\ncommand = \"x\"\nheaders = { A = \"1\" }\n";
    assert_eq!(repaired(one), one.replace("cmd", "command"));
    let environment = Environment::default().with_profile(Profile::CodexPr31803);
    let given = Surroundings { environment, ..Surroundings::default() };
    let newest = |text: &str| lint(text, &given).fixed().unwrap().text;
    let auth = "[mcp_servers.a]\nurl = \"https://a.example\"\nAuth = \"bogus\"\n";
    assert_eq!(newest(auth), auth);
    let mode = "[mcp_servers.a]\ncommand = \"x\"\ndefaultToolsApprovalMode = \"writes\"\n";
    assert!(newest(mode).contains("\ndefault_tools_approval_mode"), "{}", newest(mode));
}
