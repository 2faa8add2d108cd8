//! `lint`: findings in a terminal, as JSON and SARIF; repairs; hostile files; secrets.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::{Output, Sandbox, repository};

const TEN: &str = include_str!("ten-mistakes.toml");

fn lint(sandbox: &Sandbox, text: &[u8], more: &[&str]) -> Output {
    fs::write(sandbox.path("config.toml"), text).unwrap();
    let mut arguments = vec!["lint", "--config", "config.toml", "--requirements", "none.toml"];
    if !sandbox.path("none.toml").exists() {
        sandbox.file("none.toml", "");
    }
    arguments.extend(more);
    sandbox.run(&arguments)
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

#[test]
fn a_config_with_ten_mistakes_is_explained_line_by_line() {
    let output = lint(&Sandbox::new(), TEN.as_bytes(), &[]);
    insta::assert_snapshot!("lint_ten_mistakes", output.whole());
}

#[test]
fn a_text_that_is_not_toml_has_all_its_syntax_errors() {
    let text = "[mcp_servers.docs]\nurl = https://u:SECRET@docs.example/\nenabled = yes\n\n\
                [mcp_servers.b\ncommand = \"x\"\n";
    let output = lint(&Sandbox::new(), text.as_bytes(), &[]);
    insta::assert_snapshot!("lint_syntax", output.whole());
}

#[test]
fn a_clean_file_has_no_findings() {
    let clean = "model = \"o3\"\n[tui]\nanimations = false\n[mcp_servers.docs]\nurl = \"https://d.example\"\n";
    let sandbox = Sandbox::new();
    let output = lint(&sandbox, clean.as_bytes(), &["--strict"]);
    assert_eq!(output.whole(), "exit 0\n--- stdout\nconfig.toml: no findings\n--- stderr\n");
}

#[test]
fn warnings_fail_only_a_strict_run() {
    let text = b"[mcp_servers.docs]\nurl = \"https://d.example\"\nnotes = \"x\"\n";
    let sandbox = Sandbox::new();
    assert_eq!(lint(&sandbox, text, &[]).code, Some(0));
    assert_eq!(lint(&sandbox, text, &["--strict"]).code, Some(1));
    assert_eq!(lint(&sandbox, TEN.as_bytes(), &[]).code, Some(1));
    assert_eq!(sandbox.run(&["lint", "--config", "no-such.toml"]).code, Some(2));
    assert_eq!(sandbox.run(&["lint", "--fix", "--diff"]).code, Some(2));
}

/// As pre-commit calls it. The status is the worst of all, and the machine formats have all files.
#[test]
fn several_files_are_checked_in_one_run() {
    let sandbox = Sandbox::new();
    sandbox.file("good.toml", "[mcp_servers.a]\ncommand = \"x\"\n");
    sandbox.file("bad.toml", "[mcp_servers.a]\ncommand = \"x\"\nenabeld = true\n");
    sandbox.file("utf16.toml", "");
    fs::write(sandbox.path("utf16.toml"), b"a = 1\nb = \"\xff\"\n").unwrap();
    sandbox.file("none.toml", "");
    let run =
        |more: &[&str]| sandbox.run(&[&["lint", "--requirements", "none.toml"], more].concat());
    assert_eq!(run(&["good.toml", "good.toml"]).code, Some(0));
    let all = ["good.toml", "bad.toml", "utf16.toml"];
    let output = run(&[&all[..], &["--json", "--sarif", "lint.sarif"]].concat());
    assert_eq!(output.code, Some(1), "{}", output.whole());
    let found = json(&output);
    let files = found["files"].as_array().unwrap();
    assert_eq!(files.iter().map(|one| one["file"].as_str().unwrap()).collect::<Vec<_>>(), all);
    assert_eq!((&found["errors"], &found["warnings"]), (&2.into(), &0.into()));
    assert_eq!(files[2]["findings"][0]["line"], 2, "{found}");
    assert!(files[2]["findings"][0]["help"].as_str().unwrap().contains("as UTF-8"));
    let log: Value =
        serde_json::from_slice(&fs::read(sandbox.path("lint.sarif")).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 2);
    // The others are checked, too.
    let output = run(&["no-such.toml", "bad.toml"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("no-such.toml") && output.stdout.contains("enabeld"));
    let output = run(&["good.toml", "bad.toml", "--fix"]);
    assert_eq!(output.code, Some(0), "{}", output.whole());
    assert!(fs::read_to_string(sandbox.path("bad.toml")).unwrap().contains("enabled = true"));
}

#[test]
fn standard_input_is_checked() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let sandbox = Sandbox::new();
    sandbox.file("none.toml", "");
    for (more, text, code, said) in [
        (&[][..], "enabeld = 1\n[mcp_servers.a]\ncomand = \"x\"\n", 1, "<stdin>:3:1"),
        (&["--fix"], "", 2, "--fix needs a file"),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
            .args(["lint", "-", "--requirements", "none.toml"])
            .args(more)
            .current_dir(sandbox.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let whole = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{whole}");
        assert!(whole.contains(said), "{whole}");
    }
}

/// Without this, a broken file of requirements would look like one that allows every server.
#[test]
fn requirements_that_cannot_be_read_are_an_error() {
    let sandbox = Sandbox::new();
    for broken in ["[", "[mcp_servers.docs.identity]\ncommand = 3\n"] {
        sandbox.file("none.toml", broken);
        let output = lint(&sandbox, b"[mcp_servers.docs]\ncommand = \"x\"\n", &[]);
        assert_eq!(output.code, Some(2), "{}", output.whole());
        assert!(output.stderr.contains("none.toml: "), "{}", output.whole());
    }
}

/// The table is not renamed, because Codex would refuse the server in it.
#[test]
fn a_repair_that_cannot_be_made_is_not_announced() {
    let sandbox = Sandbox::new();
    let text = b"[mcp_server.docs]\ncommand = \"x\"\nenabled = \"no\"\n";
    let found = json(&lint(&sandbox, text, &["--json"]));
    assert_eq!(found["findings"][0]["fixable"], false, "{found}");
    let output = lint(&sandbox, text, &["--fix"]);
    assert!(!output.stdout.contains("--fix repairs"), "{}", output.whole());
    assert!(output.stderr.contains("mcp_server in line 1"), "{}", output.whole());
    assert!(output.stdout.contains("what is in it is checked then"), "{}", output.whole());
}

#[test]
fn repairs_keep_everything_else() {
    let sandbox = Sandbox::new();
    let difference = lint(&sandbox, TEN.as_bytes(), &["--diff"]);
    insta::assert_snapshot!("lint_diff", difference.whole());
    assert_eq!(fs::read(sandbox.path("config.toml")).unwrap(), TEN.as_bytes());
    let output = lint(&sandbox, TEN.as_bytes(), &["--fix"]);
    assert_eq!(output.code, Some(1), "{}", output.whole());
    let expected = TEN
        .replace("[mcp_server.search]", "[mcp_servers.search]")
        .replace("enabeld", "enabled")
        .replace("\n[mcp_servers.codex_apps]\nstartup_timeout_sec = 60\n", "")
        .replace("auth = \"chatgpt\"\n", "");
    assert_eq!(fs::read_to_string(sandbox.path("config.toml")).unwrap(), expected);
    let again = lint(&sandbox, expected.as_bytes(), &["--fix"]);
    assert!(!again.stderr.contains("repaired"), "{}", again.whole());
    assert_eq!(fs::read_to_string(sandbox.path("config.toml")).unwrap(), expected);
    let beside = fs::read_dir(sandbox.path("")).unwrap().count();
    assert_eq!(beside, 2, "nothing is left beside the file");
}

#[test]
fn json_has_stable_fields() {
    let text = "[mcp_servers.docs]\nurl = \"https://d.example\"\n\u{9}enabeld = false\n";
    let output = lint(&Sandbox::new(), text.as_bytes(), &["--json"]);
    insta::assert_snapshot!("lint_json", output.whole());
}

/// What SARIF 2.1.0 requires of each object that is written.
#[test]
fn sarif_has_the_required_fields() {
    let sandbox = Sandbox::new();
    lint(&sandbox, TEN.as_bytes(), &["--sarif", "lint.sarif"]);
    let log: Value =
        serde_json::from_slice(&fs::read(sandbox.path("lint.sarif")).unwrap()).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string());
    let rules = driver["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "ids are unique");
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 10);
    let lines: Vec<&str> = TEN.lines().collect();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "config.toml");
        let number =
            |field: &str| usize::try_from(location["region"][field].as_u64().unwrap()).unwrap();
        let (start, end) = (number("startLine"), number("endLine"));
        assert!(1 <= start && start <= end && end <= lines.len());
        assert!((1..=lines[start - 1].chars().count() + 1).contains(&number("startColumn")));
        assert!(end > start || number("endColumn") >= number("startColumn"));
    }
}

#[test]
fn no_output_has_a_secret() {
    let sandbox = Sandbox::new();
    let broken = TEN.replace("[features]", "[features");
    let unquoted =
        TEN.replace("\"Bearer SECRET-3\"", "Bearer SECRET-3").replace("\"https", "https");
    for text in [TEN, &broken, &unquoted, &TEN.replace('\n', "\r\n")] {
        for more in [&[][..], &["--json"], &["--diff"], &["--sarif", "lint.sarif"]] {
            let output = lint(&sandbox, text.as_bytes(), more);
            assert!(!output.whole().contains("SECRET"), "{}", output.whole());
            let sarif = fs::read_to_string(sandbox.path("lint.sarif")).unwrap_or_default();
            assert!(!sarif.contains("SECRET"), "{sarif}");
        }
    }
}

/// A secret in a place that takes a word or a number is in no message either.
#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let sandbox = Sandbox::new();
    let server = "[mcp_servers.a]\nurl = \"https://a.example\"\n";
    for (top, line) in [
        ("", "startup_timeout_ms = \"SECRET-sk-123\""),
        ("", "auth = \"SECRET\""),
        ("", "auth = \"chatgpt SECRET\""),
        ("", "bearer_token_env_var = \"9fSECRET081884c7d\""),
        ("", "bearer_token_env_var = \"abSECRETc\""),
        ("", "http_headers = { \"X-Key: SECRET\" = \"x\" }"),
        ("", "httpHeaders = { name = \"SECRET\" }"),
        ("", "enviroment = { model = \"SECRET\" }"),
        ("", "name = 5 # KEY=SECRET"),
        ("", "args = [\n  \"postgres://user:SECRET@db/x?sslmode=disable\",,\n]"),
        ("", "args = [\n  [\"SECRET\",,],\n]"),
        ("chatgpt_base_url = \"SG.SECRET.x\"\n", ""),
        ("", "auth = \"SECRET-1\""),
        ("", "default_tools_approval_mode = \"SECRET-1\""),
        ("", "tools.t.approval_mode = \"SECRET-1\""),
        ("", "enabled = \"SECRET-1\""),
        ("chatgpt_base_url = \"SECRET1\"\n", ""),
        ("mcp_oauth_callback_port = \"SECRET-1\"\n", ""),
    ] {
        let text = format!("{top}{server}{line}\n");
        for more in [&[][..], &["--json"], &["--diff"]] {
            let output = lint(&sandbox, text.as_bytes(), more);
            assert!(!output.whole().contains("SECRET"), "{}", output.whole());
        }
    }
}

/// Nor is a number that may open something.
#[test]
fn a_long_number_is_not_shown() {
    for line in
        ["env = { PIN = 31415926 }", "http_headers = { X-Pin = 31415926 }", "auth = 31415926"]
    {
        let text = format!("[mcp_servers.a]\nurl = \"https://a.example\"\n{line}\n");
        let output = lint(&Sandbox::new(), text.as_bytes(), &[]);
        assert!(!output.whole().contains("31415926"), "{}", output.whole());
    }
}

#[test]
fn a_repeated_table_is_one_finding_that_says_what_to_do() {
    let text = "[mcp_servers.a]\ncommand = \"x\"\n[mcp_servers.a]\ncommand = \"y\"\nargs = []\n\
                \x20 [mcp_servers.b]\n  command = \"x\"\n  command = \"y\"\n";
    let found = json(&lint(&Sandbox::new(), text.as_bytes(), &["--json"]));
    let findings = found["findings"].as_array().unwrap();
    let lines: Vec<u64> = findings.iter().map(|found| found["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [3, 8], "{found}");
    assert!(findings.iter().all(|found| found["help"].as_str().unwrap().contains("keep one")));
}

#[test]
fn hostile_files_are_findings() {
    let deep_arrays = format!("a = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let deep_tables = format!("[{}x]\n", "a.".repeat(100_000));
    let many = "[mcp_servers.a]\ncommand = \"x\"\n".to_owned()
        + &(0..5_000).map(|n| format!("enabeld{n} = 1\n")).collect::<String>();
    let long_line =
        format!("mcp_servers.a = {{ command = \"{}\", enabeld = 1 }}", "x".repeat(1 << 20));
    let sandbox = Sandbox::new();
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("binary", (0..=255).collect(), "UTF-8"),
        ("nul", b"\0\0\0\x1b[31m\0".to_vec(), "syntax"),
        ("10 MB", b"#\n".repeat(5 << 20), "larger"),
        ("arrays", deep_arrays.into_bytes(), "nested too deeply"),
        ("tables", deep_tables.into_bytes(), "nested too deeply"),
        ("many", many.into_bytes(), "further findings are left out"),
        ("long line", long_line.into_bytes(), "enabeld"),
        ("no newline", b"[mcp_servers.a]\ncommand = ".to_vec(), "syntax"),
        ("number", b"[mcp_servers.a]\ncommand = 99999999999999999999".to_vec(), "64 bits"),
        ("quote", b"a = \"\"\"\nurl = \"x".to_vec(), "syntax"),
    ];
    for (name, text, expected) in cases {
        let output = lint(&sandbox, &text, &[]);
        assert_eq!(output.code, Some(1), "{name}: {}", output.stderr);
        assert!(output.stdout.contains(expected), "{name}: {}", output.whole());
        assert!(!output.stdout.contains('\u{1b}'), "{name}");
        assert!(output.stdout.len() < 2 << 20, "{name}: {}", output.stdout.len());
    }
    let empty = lint(&sandbox, b"", &[]);
    assert_eq!(empty.stdout, "config.toml: no findings\n");
}

#[test]
fn columns_and_carets_count_characters() {
    let text = "\u{feff}features = { \"名前🦀\" = true,\taps = true }\r\n";
    let output = lint(&Sandbox::new(), text.as_bytes(), &[]);
    insta::assert_snapshot!("lint_columns", output.whole());
}

/// Cuts, doubles and replaces pieces of the config with ten mistakes.
#[test]
fn no_change_of_a_file_makes_the_linter_panic_or_lose_its_place() {
    use mcp_overlay_host::lint::{Surroundings, lint};
    let mut dice = fastrand::Rng::with_seed(13);
    let pieces = [
        "\"", "'", "[", "]", "{", "}", "=", ".", "#", "\r\n", "\n", "\u{feff}", "名", "\t", "\\",
        "\"\"\"",
    ];
    for _ in 0..2_000 {
        let mut text: Vec<char> = TEN.chars().collect();
        for _ in 0..dice.usize(1..6) {
            let at = dice.usize(0..text.len());
            let end = (at + dice.usize(0..12)).min(text.len());
            let piece = dice.choice(pieces).unwrap_or("");
            text.splice(at..end, piece.chars());
        }
        let text: String = text.into_iter().collect();
        let report = lint(&text, &Surroundings::default());
        for finding in report.findings() {
            if let Some((start, end)) = report.place(finding) {
                assert!(start <= end && start.line <= text.lines().count() + 1, "{text}");
            }
        }
        let shown = report.in_terminal("config.toml").to_string();
        assert!(!shown.is_empty());
        if let Ok(fixed) = report.fixed() {
            let after = lint(&fixed.text, &Surroundings::default());
            assert!(after.findings().len() <= report.findings().len() + fixed.repaired, "{text}");
        }
        let _ = report.text_without_secrets();
    }
}

#[test]
fn plugins_and_requirements_count() {
    let sandbox = Sandbox::new();
    let plugin = "plugins/cache/market/team/1.0.0";
    sandbox.file(&format!("{plugin}/.codex-plugin/plugin.json"), r#"{"name":"team"}"#);
    sandbox.file(&format!("{plugin}/.mcp.json"), r#"{"docs":{"command":"a"}}"#);
    sandbox.file(
        "none.toml",
        "[mcp_servers.docs.identity]\ncommand = \"other\"\n[mcp_servers.ok.identity]\ncommand = \"a\"\n\
         [mcp_servers.pattern.identity]\nurl = { match = \"prefix\", value = \"https://\" }\n",
    );
    let text = "[plugins.\"team@market\"]\nenabled = true\n[mcp_servers]\ndocs.command = \"a\"\n\
                ok.command = \"a\"\npattern.url = \"http://p.example\"\noff = { command = \"a\", enabled = false }\n\
                unlisted.command = \"a\"\n";
    let found = json(&lint(&sandbox, text.as_bytes(), &["--json"]));
    let found: Vec<(&str, &str)> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap(), finding["key"].as_str().unwrap()))
        .collect();
    let expected = [
        ("hides-plugin", "mcp_servers.docs"),
        ("requirement-disables", "mcp_servers.docs"),
        ("requirement-disables", "mcp_servers.unlisted"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_page_lists_every_rule_with_an_example_that_has_it() {
    let page = fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    let listed = Sandbox::new().run(&["lint", "--list"]);
    assert_eq!(listed.code, Some(0));
    // Those whose example needs files beside the config have a test of their own.
    let elsewhere = ["hides-plugin", "requirement-disables"];
    let mut sections: Vec<&str> = page.split("\n### ").collect();
    sections.remove(0);
    let rules = mcp_overlay_host::lint::Rule::ALL;
    assert_eq!(sections.len(), rules.len());
    for (rule, section) in rules.into_iter().zip(sections) {
        let heading = format!("`{}`: {}", rule.id(), rule.severity().word());
        assert!(section.starts_with(&heading), "{heading}");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in [rule.sentence(), rule.repair()] {
            assert!(words(section).contains(text), "{rule}: {text}");
            assert!(words(&listed.stdout).contains(text), "{rule}: {text}");
        }
        assert_eq!(section.contains("`--fix`"), rule.is_fixable(), "{rule}");
        let (_, example) = section.split_once("```toml\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let found = json(&lint(&Sandbox::new(), example.as_bytes(), &["--json"]));
        let has = |finding: &Value| finding["rule"] == rule.id();
        let is_found = found["findings"].as_array().unwrap().iter().any(has);
        assert_eq!(is_found, !elsewhere.contains(&rule.id()), "{rule}: {found}");
    }
}

/// The tables whose keys the linter has no list of: what the page says is not looked at.
#[test]
fn the_page_lists_the_tables_that_are_not_looked_into() {
    use mcp_overlay_host::lint::{Rule, Surroundings, lint};
    let page = fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, list) = page.split_once("has no list of the keys of ").unwrap();
    let (list, _) = list.split_once(". ").unwrap();
    let listed: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
    let data = include_str!("../../impl/src/lint/codex-values.toml");
    let data = toml::de::DeTable::parse(data).unwrap().into_inner();
    let kinds = data["kinds"].get_ref().as_table().unwrap();
    let tables = ["table", "struct"].map(|kind| kinds[kind].get_ref().as_array().unwrap());
    let tables = tables.into_iter().flat_map(|paths| paths.iter());
    let tables = tables.map(|path| path.get_ref().as_str().unwrap());
    for table in tables.filter(|path| !path.contains(['.', '*'])).chain(listed.iter().copied()) {
        // Some tables have names of the user in them.
        let text = format!("[{table}]\nunheard-of = 1\n[{table}.x]\nunheard-of = 1\n");
        let report = lint(&text, &Surroundings::default());
        let is_known = report
            .findings()
            .iter()
            .any(|finding| matches!(finding.rule, Rule::UnknownKey | Rule::NoEffect));
        assert_eq!(is_known, !listed.contains(table), "{table}: {:?}", report.findings());
    }
}

/// Each row of the page's table is a line and the help for it, and the table has every help.
#[test]
fn the_page_lists_every_help_about_syntax() {
    use mcp_overlay_host::lint::{SYNTAX_HELP, Surroundings, lint};
    let page = fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    let (_, table) = page.split_once("| in the file | help |\n").unwrap();
    let rows = table.lines().skip(1).map_while(|row| row.strip_prefix("| `"));
    let mut listed = Vec::new();
    for row in rows {
        let (line, help) =
            row.split_once("` | ").or_else(|| row.split_once("`, twice | ")).unwrap();
        let help = help.strip_suffix(" |").unwrap();
        let text = format!("{line}\n").repeat(if row.contains("`, twice") { 2 } else { 1 });
        let report = lint(&text, &Surroundings::default());
        let [finding] = report.findings() else { panic!("{line}: {:?}", report.findings()) };
        assert_eq!(finding.help, help, "{line}");
        listed.push(help.to_owned());
    }
    assert_eq!(listed, SYNTAX_HELP);
}

#[test]
fn the_release_decides() {
    let text = "[features]\napps_mcp_path_override = true\n[mcp_servers.a]\n\
                url = \"https://a.example\"\nauth = \"chatgpt\"\n";
    let sandbox = Sandbox::new();
    let rules = |release: &str| {
        let found = json(&lint(&sandbox, text.as_bytes(), &["--json", "--codex", release]));
        let rule = |finding: &Value| finding["rule"].as_str().unwrap().to_owned();
        found["findings"].as_array().unwrap().iter().map(rule).collect::<Vec<_>>()
    };
    assert_eq!(rules("0.138.0"), ["unknown-key"]);
    assert_eq!(rules("0.145.0"), ["no-effect", "auth-origin"]);
}

#[test]
fn the_example_of_the_documents_is_real() {
    let text = "[mcp_servers.docs]\nurl = \"https://docs.example/mcp\"\nenabeld = false\n";
    let output = lint(&Sandbox::new(), text.as_bytes(), &[]);
    let (example, _) = output.stdout.split_once("\n\n").unwrap();
    for page in ["README.md", "docs/lint.md"] {
        let page = fs::read_to_string(repository().join(page)).unwrap();
        assert!(page.contains(example), "{example}");
    }
}

#[test]
fn a_disabled_server_that_restarts_is_a_matter_of_the_release() {
    let sandbox = Sandbox::new();
    let text = b"[mcp_servers.codex_apps]\nurl = \"https://a.example\"\nenabled = false\n";
    for (more, expected) in [
        (&[][..], Some("older releases start `codex_apps`")),
        (&["--codex", "v0.139.0"], Some("this release starts `codex_apps`")),
        (&["--codex", "0.145.0"], None),
    ] {
        let output = lint(&sandbox, text, more).stdout;
        assert_eq!(output.contains("disabled-restarts"), expected.is_some(), "{output}");
        assert!(output.contains(expected.unwrap_or_default()), "{output}");
    }
    assert_eq!(sandbox.run(&["lint", "config.toml"]).code, Some(0));
}
