//! `mcp add` and `mcp remove` on configurations of every style: all other bytes are unchanged.

use crate::support::Home;

/// A style, the text before, after `remove docs`, and after `add docs --url https://new.example`.
struct Case {
    style: &'static str,
    before: &'static str,
    removed: &'static str,
    replaced: &'static str,
}

const CASES: [Case; 14] = [
    Case {
        style: "a table, with comments around and formatting of its own",
        before: "# My settings\nmodel   =  'o3' # kept\n\n# Servers\n\n# the docs\n[mcp_servers.docs] # here\nurl=\"https://docs.example/mcp\"\n  enabled =   true\n\n# the search\n[mcp_servers.search]\ncommand = \"s\" # last\n",
        removed: "# My settings\nmodel   =  'o3' # kept\n\n# Servers\n\n# the search\n[mcp_servers.search]\ncommand = \"s\" # last\n",
        replaced: "# My settings\nmodel   =  'o3' # kept\n\n# Servers\n\n# the docs\n[mcp_servers.docs]\nurl = \"https://new.example\"\n\n# the search\n[mcp_servers.search]\ncommand = \"s\" # last\n",
    },
    Case {
        style: "the last table, without a newline at the end",
        before: "a = 1\n\n[mcp_servers.search]\ncommand = \"s\"\n\n[mcp_servers.docs]\nurl = \"https://docs.example/mcp\"",
        removed: "a = 1\n\n[mcp_servers.search]\ncommand = \"s\"\n",
        replaced: "a = 1\n\n[mcp_servers.search]\ncommand = \"s\"\n\n[mcp_servers.docs]\nurl = \"https://new.example\"\n",
    },
    Case {
        style: "the only table",
        before: "[mcp_servers.docs]\nurl = \"https://docs.example/mcp\"\n",
        removed: "",
        replaced: "[mcp_servers.docs]\nurl = \"https://new.example\"\n",
    },
    Case {
        style: "tables below it, one of them elsewhere",
        before: "[mcp_servers.docs]\ncommand = \"d\"\n[mcp_servers.docs.env]\nA = \"1\"\n\n[mcp_servers.search]\ncommand = \"s\"\n\n# about a tool\n[mcp_servers.docs.tools.x]\napproval_mode = \"auto\"\n\n[other]\nb = 2\n",
        removed: "[mcp_servers.search]\ncommand = \"s\"\n\n[other]\nb = 2\n",
        replaced: "[mcp_servers.docs]\nurl = \"https://new.example\"\n\n[mcp_servers.search]\ncommand = \"s\"\n\n[other]\nb = 2\n",
    },
    Case {
        style: "dotted keys at the top, not side by side",
        before: "mcp_servers.docs.url = \"https://docs.example/mcp\"\nmodel = \"o3\" # kept\n# off for now\nmcp_servers.docs.enabled = false\nmcp_servers.search.command = \"s\"\n\n[tui]\nx = 1\n",
        removed: "model = \"o3\" # kept\nmcp_servers.search.command = \"s\"\n\n[tui]\nx = 1\n",
        replaced: "mcp_servers.docs = { url = \"https://new.example\" }\nmodel = \"o3\" # kept\nmcp_servers.search.command = \"s\"\n\n[tui]\nx = 1\n",
    },
    Case {
        style: "an inline table below a header",
        before: "[mcp_servers]\n# the docs\n  docs = { url = \"https://docs.example/mcp\" } # gone\nsearch = { command = \"s\" }\n",
        removed: "[mcp_servers]\nsearch = { command = \"s\" }\n",
        replaced: "[mcp_servers]\n# the docs\n  docs = { url = \"https://new.example\" }\nsearch = { command = \"s\" }\n",
    },
    Case {
        style: "dotted keys below a header",
        before: "[mcp_servers]\ndocs.url = \"https://docs.example/mcp\"\ndocs.enabled = false\nsearch.command = \"s\"\n",
        removed: "[mcp_servers]\nsearch.command = \"s\"\n",
        replaced: "[mcp_servers]\ndocs = { url = \"https://new.example\" }\nsearch.command = \"s\"\n",
    },
    Case {
        style: "all servers in one inline table, the first",
        before: "mcp_servers = { docs = { url = \"https://docs.example/mcp\" }, search = { command = \"s\" } } # all\nb = 1\n",
        removed: "mcp_servers = { search = { command = \"s\" } } # all\nb = 1\n",
        replaced: "mcp_servers = { docs = { url = \"https://new.example\" }, search = { command = \"s\" } } # all\nb = 1\n",
    },
    Case {
        style: "all servers in one inline table, the last",
        before: "mcp_servers = { search = { command = \"s\" }, docs = { url = \"https://docs.example/mcp\" } }\n",
        removed: "mcp_servers = { search = { command = \"s\" } }\n",
        replaced: "mcp_servers = { search = { command = \"s\" }, docs = { url = \"https://new.example\" } }\n",
    },
    Case {
        style: "quoted keys",
        before: "[\"mcp_servers\".'docs']\n\"url\" = 'https://docs.example/mcp'\n\n[mcp_servers.\"d.ocs\"]\ncommand = \"x\"\n",
        removed: "[mcp_servers.\"d.ocs\"]\ncommand = \"x\"\n",
        replaced: "[mcp_servers.docs]\nurl = \"https://new.example\"\n\n[mcp_servers.\"d.ocs\"]\ncommand = \"x\"\n",
    },
    Case {
        style: "values over several lines that look like headers",
        before: "[mcp_servers.docs]\ncommand = \"\"\"\nd\"\"\"\nargs = [\n  # [mcp_servers.search]\n  \"[mcp_servers.docs]\",\n]\n\n[mcp_servers.search]\ncommand = '''\n[mcp_servers.docs]\n'''\n",
        removed: "[mcp_servers.search]\ncommand = '''\n[mcp_servers.docs]\n'''\n",
        replaced: "[mcp_servers.docs]\nurl = \"https://new.example\"\n\n[mcp_servers.search]\ncommand = '''\n[mcp_servers.docs]\n'''\n",
    },
    Case {
        style: "lines that end as on Windows",
        before: "a = 1\r\n\r\n[mcp_servers.docs]\r\nurl = \"https://docs.example/mcp\"\r\n\r\n[z]\r\nb = 2\r\n",
        removed: "a = 1\r\n\r\n[z]\r\nb = 2\r\n",
        replaced: "a = 1\r\n\r\n[mcp_servers.docs]\r\nurl = \"https://new.example\"\r\n\r\n[z]\r\nb = 2\r\n",
    },
    Case {
        style: "a server whose name only begins alike, and a key of the same name elsewhere",
        before: "docs = 1\n[mcp_servers.docs2]\ncommand = \"a\"\n[mcp_servers.docs]\ncommand = \"b\"\n[other.docs]\nc = 1\n",
        removed: "docs = 1\n[mcp_servers.docs2]\ncommand = \"a\"\n[other.docs]\nc = 1\n",
        replaced: "docs = 1\n[mcp_servers.docs2]\ncommand = \"a\"\n[mcp_servers.docs]\nurl = \"https://new.example\"\n[other.docs]\nc = 1\n",
    },
    Case {
        style: "an unattached comment",
        before: "[mcp_servers.docs]\ncommand = \"a\"\n# timeout = 1\n\n# the end\n",
        removed: "# timeout = 1\n\n# the end\n",
        replaced: "[mcp_servers.docs]\nurl = \"https://new.example\"\n# timeout = 1\n\n# the end\n",
    },
];

#[test]
fn remove_changes_nothing_else() {
    for case in &CASES {
        let home = Home::with(case.before);
        let out = home.ok(&["mcp", "remove", "docs"]);
        let place = home.config();
        assert_eq!(out, format!("Removed MCP server 'docs' from {}.\n", place.display()));
        assert_eq!(home.text(), case.removed, "{}", case.style);
    }
}

#[test]
fn add_changes_nothing_else() {
    for case in &CASES {
        let home = Home::with(case.before);
        let out = home.ok(&["mcp", "add", "docs", "--url", "https://new.example"]);
        let place = home.config();
        assert_eq!(out, format!("Replaced MCP server 'docs' in {}.\n", place.display()));
        assert_eq!(home.text(), case.replaced, "{}", case.style);
    }
}

#[test]
fn a_new_server_comes_last() {
    let table = "[mcp_servers.docs]\nurl = \"https://new.example\"\n";
    let cases = [
        ("", table.to_owned()),
        ("a = 1", format!("a = 1\n\n{table}")),
        ("a = 1\n", format!("a = 1\n\n{table}")),
        ("a = 1\n\n", format!("a = 1\n\n{table}")),
        ("a = 1\n# end\n", format!("a = 1\n# end\n\n{table}")),
        ("a = 1\r\n", format!("a = 1\r\n\r\n{}", table.replace('\n', "\r\n"))),
        ("[mcp_servers]\n", format!("[mcp_servers]\n\n{table}")),
        ("mcp_servers.x.command = \"x\"\n", format!("mcp_servers.x.command = \"x\"\n\n{table}")),
        (
            "[mcp_servers]\nx = { command = \"x\" }\n[z]\n",
            format!("[mcp_servers]\nx = {{ command = \"x\" }}\n[z]\n\n{table}"),
        ),
        (
            "mcp_servers = {}\n",
            "mcp_servers = { docs = { url = \"https://new.example\" } }\n".to_owned(),
        ),
        (
            "mcp_servers = { x = { command = \"x\" } } # all\n",
            "mcp_servers = { x = { command = \"x\" }, docs = { url = \"https://new.example\" } } \
             # all\n"
                .to_owned(),
        ),
    ];
    for (before, after) in cases {
        let home = Home::with(before);
        let out = home.ok(&["mcp", "add", "docs", "--url", "https://new.example"]);
        let place = home.config();
        assert_eq!(out, format!("Added MCP server 'docs' in {}.\n", place.display()), "{before:?}");
        assert_eq!(home.text(), after, "{before:?}");
    }
}

#[test]
fn all_settings_are_written() {
    let home = Home::new();
    home.ok(&[
        "mcp", "add", "files", "--env", "B=x=y", "--env", "A=1", "--env", "A=\"2\"", "--", "npx",
        "-y", "it's", "--url",
    ]);
    home.ok(&[
        "mcp",
        "add",
        "docs",
        "--bearer-token-env-var",
        "DOCS",
        "--url",
        "https://d.example/a?b=c",
    ]);
    home.ok(&["mcp", "add", "bare", "--", "run"]);
    let expected = "[mcp_servers.files]\ncommand = \"npx\"\nargs = [\"-y\", \"it's\", \"--url\"]\n\
                    env = { A = '\"2\"', B = \"x=y\" }\n\n[mcp_servers.docs]\n\
                    url = \"https://d.example/a?b=c\"\nbearer_token_env_var = \"DOCS\"\n\n\
                    [mcp_servers.bare]\ncommand = \"run\"\n";
    assert_eq!(home.text(), expected);
}

#[test]
fn a_rejected_add_changes_nothing() {
    let secret = "s3cr.et";
    let pair = format!("{secret}=x");
    let cases: [(&[&str], &str); 15] = [
        (&["x y", "--url", "https://a.example"], "'x y' is not a valid server name; use letters"),
        (&["a.b", "--url", "https://a.example"], "'a.b' is not a valid server name; use letters"),
        (&["", "--url", "https://a.example"], "'' is not a valid server name; use letters"),
        (&["\u{1b}[0m", "--url", "https://a.example"], "'\\u{1b}[0m' is not a valid server name"),
        (
            &["codex_apps", "--url", "https://a.example"],
            "'codex_apps' is reserved for the Apps server, which gets your ChatGPT credentials",
        ),
        (&["a", "--url", "ftp://a.example"], "the URL is not an http or https URL"),
        (&["a", "--url", "a.example"], "the URL is not an http or https URL"),
        (
            &["a", "--url", "https://u:p@a.example"],
            "the URL is not an http or https URL with a host and without a user",
        ),
        (
            &["a", "--url", "https://a.example", "--bearer-token-env-var", secret],
            "--bearer-token-env-var takes the name of an environment variable",
        ),
        (&["a", "--env", secret, "--", "x"], "--env takes KEY=VALUE"),
        (&["a", "--env", &pair, "--", "x"], "--env takes the name of an environment variable"),
        (&["a", "--bearer-token-env-var", "T", "--", "x"], "cannot be used with"),
        (&["a", "--", " "], "the command after `--` is empty"),
        (&["a", "--url", "https://a.example", "--", "x"], "cannot be used with"),
        (&["a"], "required arguments were not provided"),
    ];
    for (args, problem) in cases {
        let home = Home::with("# mine\n");
        let result = home.run(&[&["mcp", "add"], args].concat());
        assert_eq!((result.status, &*result.out), (2, ""), "{result:?}");
        assert!(result.err.starts_with("error: ") && result.err.contains(problem), "{result:?}");
        assert!(!result.err.contains(secret), "{result:?}");
        assert_eq!(home.text(), "# mine\n");
    }
}

#[test]
fn removing_an_unknown_server_fails() {
    for config in ["", "[mcp_servers.other]\ncommand = \"x\"\n", "docs = 1\n"] {
        let home = Home::with(config);
        let result = home.run(&["mcp", "remove", "docs"]);
        let place = home.config();
        let problem = format!("error: No MCP server named 'docs' found in {}.\n", place.display());
        assert_eq!((result.status, result.out, result.err), (1, String::new(), problem));
        assert_eq!(home.text(), config);
    }
    let home = Home::new();
    assert_eq!(home.run(&["mcp", "remove", "docs"]).status, 1);
    assert_eq!(home.files(), [""; 0]);
}

#[test]
fn a_configured_apps_server_can_be_removed() {
    let home = Home::with("[mcp_servers.codex_apps]\nurl = \"https://a.example\"\n");
    home.ok(&["mcp", "remove", "codex_apps"]);
    assert_eq!(home.text(), "");
}
