//! The model and the production implementation resolve the cases of `proofs/table.txt` as the Coq
//! definitions do, and `docs/proofs.md` lists what is proved. Needs no Coq: `proofs/check` compiles
//! the proofs and computes the table.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use common::SUBJECTS;
use mcp_overlay::subject::Subject;
use mcp_overlay_model::{Answer, CODEX_APPS, Case, Profile, ServerView, Views};
use serde_json::{Map, Value, json};

const TABLE: &str = include_str!("../proofs/table.txt");
const PAGE: &str = include_str!("../docs/proofs.md");

/// The profiles of the table. Each also stands for the later ones before the next of them.
const KINDS: [&str; 3] = ["27191", "27198", "27414"];
const CHOICES: [&str; 6] = ["+a", "~a", "-a", "*a", "+d", "-d"];

/// A line of the table.
struct Row {
    line: &'static str,
    kind: &'static str,
    configured: &'static str,
    contributors: Vec<&'static str>,
    /// `runtime`, `effective` without backend auth and with it: Apps off, then Apps on.
    resolved: [[&'static str; 3]; 2],
}

impl Row {
    fn parse(line: &'static str) -> Row {
        let parts = || {
            let (inputs, rest) = line.split_once(" [")?;
            let (kind, configured) = inputs.split_once(' ')?;
            let (contributors, views) = rest.split_once("] ")?;
            let (off, on) = views.split_once(" | ")?;
            let three = |views: &'static str| views.split(' ').collect::<Vec<_>>().try_into().ok();
            Some(Row {
                line,
                kind,
                configured,
                contributors: contributors.split_whitespace().collect(),
                resolved: [three(off)?, three(on)?],
            })
        };
        parts().unwrap_or_else(|| panic!("no row of the table: {line}"))
    }

    /// The case, without its profile and its auth. A contributor for each contribution, or one for
    /// those that stand together.
    fn case(&self, apps: bool, together: bool) -> Case {
        let mut servers = Map::new();
        for (name, letter) in NAMES.into_iter().zip(self.configured.chars()) {
            if letter != '.' {
                servers.insert(name.into(), server('u', letter == 'u'));
            }
        }
        let mut contributors: Vec<Value> = Vec::new();
        for (letter, choice) in ['x', 'y', 'z'].into_iter().zip(&self.contributors) {
            let Some(contribution) = contribution(choice, letter) else {
                contributors.push(json!({"id": "hosted-apps", "hosted_apps": {}}));
                continue;
            };
            let before = contributors.last_mut().and_then(|last| last.get_mut("contributions"));
            match before.and_then(Value::as_array_mut).filter(|_| together) {
                Some(list) => list.push(contribution),
                None => contributors.push(json!({"id": letter, "contributions": [contribution]})),
            }
        }
        let host = json!({"features": {"apps": apps}, "mcp_servers": servers});
        serde_json::from_value(json!({"host": host, "contributors": contributors})).unwrap()
    }
}

const NAMES: [&str; 2] = [CODEX_APPS, "docs"];

/// The server of a letter of the table, with a field that only the user's has.
fn server(letter: char, enabled: bool) -> Value {
    let mut server = json!({"command": letter});
    if letter == 'u' {
        server["required"] = true.into();
    }
    if !enabled {
        server["enabled"] = false.into();
    }
    server
}

/// The contribution of a choice; nothing for the hosted-apps contributor.
fn contribution(choice: &str, letter: char) -> Option<Value> {
    let name = if choice.ends_with('a') { CODEX_APPS } else { "docs" };
    let set = |enabled| json!({"set": {"name": name, "server": server(letter, enabled)}});
    match &choice[..1] {
        "+" => Some(set(true)),
        "~" => Some(set(false)),
        "-" => Some(json!({"remove": {"name": name}})),
        _ => None,
    }
}

/// A view as the table writes it. A server with a wrong field is `?`.
fn written(view: &ServerView) -> String {
    let letter = |name: &&str| view.get(*name).map_or('.', |server| letter(server));
    let known = NAMES.iter().map(letter);
    // The table has no other names.
    let others = view.keys().filter(|name| !NAMES.contains(&name.as_str())).map(|_| '?');
    known.chain(others).collect()
}

fn letter(found: &Value) -> char {
    let enabled = found.get("enabled") != Some(&Value::Bool(false));
    let text = |field| found.get(field).and_then(Value::as_str);
    let letter = match (text("url"), text("command").and_then(|command| command.chars().next())) {
        (Some("https://chatgpt.com/backend-api/wham/apps"), None) => 'l',
        (Some("https://chatgpt.com/backend-api/ps/mcp"), None) => 'p',
        (None, Some(letter)) if SERVERS.get(&(letter, enabled)) == Some(found) => letter,
        _ => '?',
    };
    if enabled { letter } else { letter.to_ascii_uppercase() }
}

/// Every server of a letter, made once: the table is compared a million times.
static SERVERS: LazyLock<BTreeMap<(char, bool), Value>> = LazyLock::new(|| {
    let both = |letter| [true, false].map(|enabled| ((letter, enabled), server(letter, enabled)));
    ['u', 'x', 'y', 'z'].into_iter().flat_map(both).collect()
});

fn rows() -> Vec<Row> {
    TABLE.lines().filter(|line| !line.starts_with('#')).map(Row::parse).collect()
}

/// The profiles that a row is about.
fn profiles(kind: &str) -> Vec<Profile> {
    let mut latest = "";
    let kind_of = |profile: &Profile| {
        let number = profile.name().strip_prefix("codex-pr-");
        if let Some(kind) = KINDS.into_iter().find(|kind| number == Some(kind)) {
            latest = kind;
        }
        latest == kind
    };
    Profile::ALL.into_iter().filter(kind_of).collect()
}

fn resolve(subject: &dyn Subject, case: &Case) -> Views {
    match subject.resolve(case) {
        Answer::Resolved { views, .. } => views,
        other => panic!("{}: {other:?}", subject.name()),
    }
}

/// What a subject answers otherwise than the row says.
fn disagreements(subject: &dyn Subject, row: &Row) -> Vec<String> {
    let mut found = Vec::new();
    for together in [false, true] {
        for (apps, [runtime, signed_out, signed_in]) in [false, true].into_iter().zip(row.resolved)
        {
            let case = row.case(apps, together);
            for profile in profiles(row.kind) {
                for (auth, effective) in [("api_key", signed_out), ("chatgpt", signed_in)] {
                    let auth = Some(auth.to_string().try_into().unwrap());
                    let views = resolve(subject, &Case { profile, auth, ..case.clone() });
                    let said = [&views.configured, &views.runtime, &views.effective].map(written);
                    if said != [row.configured, runtime, effective] {
                        found.push(format!(
                            "{}\n  {} in {}, apps {apps}, {auth:?}, together {together}: {said:?}",
                            row.line,
                            subject.name(),
                            profile.name()
                        ));
                    }
                }
            }
        }
    }
    found
}

#[track_caller]
fn resolves_the_table(subject: &dyn Subject) {
    let rows = rows();
    let mut found = rows.iter().flat_map(|row| disagreements(subject, row));
    let first: Vec<String> = found.by_ref().take(5).collect();
    let more = found.count();
    assert!(first.is_empty(), "{}\nand {more} more", first.join("\n"));
}

#[test]
fn the_model_resolves_the_table_as_coq_does() {
    resolves_the_table(SUBJECTS[0]);
}

#[test]
fn the_production_implementation_resolves_the_table_as_coq_does() {
    resolves_the_table(SUBJECTS[1]);
}

#[test]
fn the_table_has_every_case_of_its_scope_once() {
    let mut lists = vec![String::new()];
    let mut whole = BTreeSet::new();
    for length in 0..=3 {
        for kind in KINDS {
            let bases = [".", "u", "U"].map(|apps| [".", "u", "U"].map(|docs| (apps, docs)));
            for (apps, docs) in bases.into_iter().flatten() {
                whole.extend(lists.iter().map(|list| format!("{kind} {apps}{docs} [{list}]")));
            }
        }
        let longer = |list: &String| {
            let space = if length == 0 { "" } else { " " };
            CHOICES.map(|choice| format!("{list}{space}{choice}"))
        };
        lists = lists.iter().flat_map(longer).collect();
    }
    let rows = rows();
    let input =
        |row: &Row| format!("{} {} [{}]", row.kind, row.configured, row.contributors.join(" "));
    assert_eq!(rows.len(), whole.len());
    assert_eq!(rows.iter().map(input).collect::<BTreeSet<_>>(), whole);
}

#[test]
fn every_profile_is_of_one_kind() {
    let of_kinds: Vec<Profile> = KINDS.into_iter().flat_map(profiles).collect();
    assert_eq!(of_kinds, Profile::ALL);
}

/// The Coq files with their text, by name.
fn coq_files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let coq = paths.filter(|path| path.extension().is_some_and(|extension| extension == "v"));
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> =
        coq.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect();
    files.sort();
    files
}

/// The first word after `start` of each line that begins with it.
fn words_after<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let rest = |line: &'a str| line.strip_prefix(start)?.split([' ', '`']).next();
    text.lines().filter_map(rest).collect()
}

#[test]
fn the_page_lists_the_theorems_of_each_file() {
    let mut listed = 0;
    for (file, text) in coq_files() {
        let proved = words_after(&text, "Theorem ");
        let heading = format!("\n### [{file}](../proofs/{file})\n");
        let section = PAGE.split_once(&heading).map_or("", |(_, rest)| rest);
        let section = section.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
        assert_eq!(words_after(section, "| `"), proved, "docs/proofs.md, the section of {file}");
        listed += proved.len();
    }
    assert!(listed > 0);
    let (_, theorems) = PAGE.split_once("\n## Theorems\n").unwrap();
    let rows = words_after(theorems, "| `").len();
    assert_eq!(rows, listed, "docs/proofs.md lists theorems under no file");
}

/// The names of a cell of the page.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_page_names_definitions_that_are_there() {
    let coq: String = coq_files().into_iter().map(|(_, text)| text).collect();
    let (section, _) = PAGE.split_once("\n## Theorems\n").unwrap();
    let cells = |line: &'static str| {
        line.strip_prefix("| `")?;
        line.trim_matches(['|', ' ']).split_once(" | ")
    };
    let rows: Vec<(&str, &str)> = section.lines().filter_map(cells).collect();
    assert!(!rows.is_empty());
    for (definitions, functions) in rows {
        for definition in quoted(definitions) {
            assert!(words_after(&coq, "Definition ").contains(&definition), "{definition}");
        }
        for function in quoted(functions).filter_map(|path| path.split_once("::")) {
            let file = format!("{}/model/src/{}.rs", env!("CARGO_MANIFEST_DIR"), function.0);
            let there = fs::read_to_string(file).unwrap().contains(&format!("fn {}(", function.1));
            assert!(there, "{function:?}");
        }
    }
}

/// `proofs/check` asks Coq, which is not everywhere.
#[test]
fn nothing_is_assumed() {
    let words = ["Admitted", "admit", "Axiom", "Conjecture", "Hypothesis", "Parameter", "Abort"];
    for (file, text) in coq_files() {
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
            assert!(!words.contains(&word.trim_end_matches('s')), "{file}: {word}");
        }
    }
}

#[test]
fn the_script_compiles_every_file() {
    let script = include_str!("../proofs/check");
    let list = script.lines().find_map(|line| line.strip_prefix("files=(")?.strip_suffix(')'));
    let mut compiled: Vec<String> =
        list.unwrap().split(' ').map(|file| format!("{file}.v")).collect();
    compiled.sort();
    let files: Vec<String> = coq_files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(compiled, files);
}
