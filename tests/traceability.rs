//! Every rule of `docs/semantics.md` is quoted exactly in the model and above a test, and no source
//! or page mentions a rule that does not exist.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mcp_overlay::rules;
use mcp_overlay_model::{Level, Rule};

/// The sections of rule ids.
const SECTIONS: [&str; 28] = [
    "resolution",
    "configured",
    "owners",
    "route",
    "auth",
    "plugin",
    "contribution",
    "overlay",
    "runtime",
    "selected",
    "thread",
    "requirements",
    "hosted",
    "legacy",
    "gate",
    "effective",
    "endpoint",
    "apps-server",
    "features",
    "value",
    "server",
    "host",
    "rejection",
    "start",
    "status",
    "credentials",
    "delivery",
    "lifecycle",
];

/// The Rust files below a folder of the repository, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs" || e == "md") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no source in {folder}");
    found
}

/// Collapses white space, so that line breaks do not matter.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The blocks of comment lines in a source, markers stripped and folded, each with the line of
/// code that follows it.
fn comments(source: &str) -> Vec<(String, String)> {
    let mut comments = Vec::new();
    let mut block = String::new();
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("//") {
            block.push_str(comment.trim_start_matches(['/', '!']));
            block.push('\n');
        } else if !block.is_empty() {
            comments.push((folded(&block), line.to_string()));
            block.clear();
        }
    }
    if !block.is_empty() {
        comments.push((folded(&block), String::new()));
    }
    comments
}

/// Whether a comment says "Rule `id`: text", and after the text nothing that changes it.
fn quotes(comment: &str, id: &str, text: &str) -> bool {
    let quote = format!("Rule `{id}`: {}", folded(text));
    comment.match_indices(&quote).any(|(at, _)| {
        let rest = comment.get(at + quote.len()..).unwrap_or_default();
        rest.is_empty() || rest.starts_with(' ')
    })
}

/// The rules that no comment quotes, among those whose next line `counts`.
fn unquoted(folder: &str, counts: fn(&str) -> bool) -> Vec<Rule> {
    let comments: Vec<(String, String)> =
        sources(folder).iter().flat_map(|(_, source)| comments(source)).collect();
    let is_quoted = |rule: &Rule| {
        let quotes = |comment: &str| quotes(comment, rule.id(), rules::sentence(*rule));
        comments.iter().any(|(comment, next)| counts(next) && quotes(comment))
    };
    Rule::ALL.iter().copied().filter(|rule| !is_quoted(rule)).collect()
}

/// The texts in backticks or string quotes on a line that look like a rule's id: a section, a dot,
/// and lower-case words joined by dashes.
///
/// In the sections that are keys of a config too, a last part without a dash, such as `host.env`,
/// is a path as well as it might be an id, so only one with a dash counts.
fn ids_on(line: &str) -> Vec<&str> {
    let looks_like_an_id = |text: &&str| {
        let Some((section, rest)) = text.split_once('.') else { return false };
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        let keys = ["host", "features", "auth", "plugin", "thread", "requirements"];
        let is_path = keys.contains(&section) && !rest.contains('-');
        SECTIONS.contains(&section) && rest != "rs" && !is_path && rest.chars().all(plain)
    };
    line.split(['`', '"']).filter(looks_like_an_id).collect()
}

#[test]
fn every_rule_has_one_heading_and_a_sentence() {
    let headings: Vec<&str> = rules::SEMANTICS
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect();
    let unique: BTreeSet<&str> = headings.iter().copied().collect();
    assert_eq!(headings.len(), unique.len(), "a rule has two headings");
    assert_eq!(unique, Rule::ALL.iter().map(|rule| rule.id()).collect());
    assert!(unique.len() > 70, "{unique:?}");
    for rule in Rule::ALL {
        let text = rules::sentence(*rule);
        let words = match rule.level() {
            Level::Must => ["MUST", "SHOULD"],
            Level::Should => ["SHOULD", "MUST"],
        };
        let has_level = text.contains(words[0]) && !text.contains(words[1]);
        assert!(has_level && text.ends_with('.'), "`{rule}`: {text}");
        let (section, _) = rule.id().split_once('.').unwrap();
        assert!(SECTIONS.contains(&section), "`{rule}` is of a section that no test knows");
    }
}

#[test]
fn the_model_quotes_every_rule() {
    assert_eq!(unquoted("model/src", |_| true), []);
}

#[test]
fn a_test_quotes_every_rule() {
    assert_eq!(unquoted("tests", |next| next == "#[test]"), []);
}

#[test]
fn every_mentioned_rule_id_exists() {
    let mut known = 0;
    for folder in
        ["model/src", "model/tests", "src", "impl/src", "impl/tests", "tests", "benches", "docs"]
    {
        for (path, source) in sources(folder) {
            for (index, line) in source.lines().enumerate() {
                for id in ids_on(line) {
                    let place = format!("{}:{}", path.display(), index + 1);
                    assert!(id.parse::<Rule>().is_ok(), "{place}: no such rule: {id}");
                    known += 1;
                }
            }
        }
    }
    assert!(known > 100, "only {known} ids were found: was anything read?");
}

#[test]
fn a_quote_must_be_exact_and_complete() {
    let source =
        "    /// Rule `x.y`: It MUST\n    /// hold.\n    /// More words.\n    #[test]\nfn f() {}\n";
    let [(comment, next)] = &comments(source)[..] else { panic!("one comment") };
    assert_eq!(next, "#[test]");
    assert!(quotes(comment, "x.y", "It MUST hold."));
    assert!(quotes(comment, "x.y", "It MUST  hold. More\nwords."));
    assert!(!quotes(comment, "x.y", "It MUST hold"));
    assert!(!quotes(comment, "x.y", "It must hold."));
    assert!(!quotes(comment, "x.z", "It MUST hold."));
}

#[test]
fn rule_ids_are_distinguished_from_paths() {
    // Assembled here, so that the search above does not find them.
    let made_up = ["gate", "opens-never"].join(".");
    let line = format!("see `{made_up}`, \"host.chatgpt_base_url\", `host.env` and `gate.rs`");
    assert_eq!(ids_on(&line), [made_up.as_str()]);
    assert_eq!(ids_on("`gate.open`"), ["gate.open"]);
    let quoted = format!("rule: \"{made_up}\"");
    assert_eq!(ids_on(&quoted), [made_up.as_str()]);
}
