//! `mcp list` and the linter about configs that Codex takes or refuses.

use std::str::FromStr as _;

use mcp_overlay_host::lint::{Surroundings, lint};
use mcp_overlay_host::{Environment, Profile};
use toml_edit::DocumentMut;

use crate::support::Home;

const CONFIGS: &str = include_str!("lint-configs.toml");

/// Rules about the texts of a server, which are the ones that can be false alarms.
const OF_TEXTS: [&str; 10] = [
    "args-secret",
    "command-line",
    "env-secret",
    "escaped-path",
    "header-secret",
    "not-a-variable",
    "not-expanded",
    "placeholder",
    "sse-url",
    "url-secret",
];

#[test]
fn configs_of_real_servers_have_no_false_alarms_and_their_secrets_are_found() {
    let configs = DocumentMut::from_str(include_str!("readme-configs.toml")).unwrap();
    assert!(configs.iter().count() > 40);
    for (name, config) in configs.iter() {
        let text = config["text"].as_str().unwrap();
        let expected: Vec<&str> =
            config["finds"].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap()).collect();
        let report = lint(text, &Surroundings::default());
        let found = report.findings().iter().map(|finding| finding.rule.id());
        let found: Vec<&str> = found.filter(|rule| OF_TEXTS.contains(rule)).collect();
        assert_eq!(found, expected, "{name}");
        let shown = report.in_terminal("config.toml").to_string();
        for secret in ["0123456789", "w0rds", "a81c93f0", "0f1e2d3c", "dzByZH"] {
            assert!(!shown.contains(secret), "{name}: {shown}");
        }
    }
}

fn configs() -> Vec<(String, String, bool)> {
    let table = DocumentMut::from_str(CONFIGS).unwrap();
    let named = |part: &'static str| {
        let configs = table[part].as_table().unwrap().iter();
        configs.map(move |(name, text)| {
            (name.to_owned(), text.as_str().unwrap().to_owned(), part == "refused")
        })
    };
    named("taken").chain(named("refused")).collect()
}

/// The table says what the newest release does.
fn newest() -> Surroundings {
    let environment = Environment::default().with_profile(Profile::CodexPr31803);
    Surroundings { environment, ..Surroundings::default() }
}

#[test]
fn the_linter_finds_what_codex_refuses_and_nothing_else() {
    let configs = configs();
    assert!(configs.len() > 70, "{}", configs.len());
    for (name, text, refused) in configs {
        let report = lint(&text, &newest());
        let refusing = report.findings().iter().filter(|finding| finding.rule.refuses_the_file());
        let refusing: Vec<_> = refusing.collect();
        assert_eq!(!refusing.is_empty(), refused, "{name}: {refusing:?}");
        assert!(refusing.iter().all(|finding| !finding.meaning.is_empty()), "{name}");
    }
}

/// A few of each kind of refusal: the whole table takes a process for each config.
#[test]
fn the_host_lists_no_servers_of_a_config_that_codex_refuses() {
    let some = ["stdio", "name-with-slash", "json", "profile", "approval-policy-untrusted"];
    let chosen = configs().into_iter().filter(|(name, ..)| some.contains(&name.as_str()));
    let chosen: Vec<_> = chosen.collect();
    assert_eq!(chosen.len(), some.len());
    for (name, text, refused) in chosen {
        let home = Home::with(&text);
        let output = home.run(&["mcp", "list"]);
        assert_eq!(output.status, if refused { 2 } else { 0 }, "{name}: {output:?}");
    }
}
