//! No two files and no two folders of a crate import each other, directly or through others.
//!
//! Each folder is checked on its own: its files and subfolders are the nodes, and what a subfolder
//! imports counts as the subfolder's. So a circle between files shows in the folder that holds
//! them, and a circle between folders in the folder above. A declaration `mod child;` counts as an
//! import, so a `mod.rs` declares and re-exports, and its children take nothing from it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates: the source folder, and the name by which the binary imports the library.
const CRATES: [(&str, &str); 3] =
    [("model/src", "mcp_overlay_model"), ("impl/src", "mcp_overlay_host"), ("src", "mcp_overlay")];

/// The accepted circles, each with its reason; `docs/architecture.md` names them too.
const DEFENDED: [(&str, &str); 0] = [];

/// The imports of each file: the files that it names by `use`, by `mod` or by a path in the code.
type Imports = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

#[test]
fn no_file_or_folder_imports_itself_through_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut found = Vec::new();
    for (folder, library) in CRATES {
        let sources = read_sources(&root.join(folder));
        assert!(sources.len() > 5, "{folder}: the source was read");
        for circle in circles(&imports(&sources, library)) {
            found.push(format!("{folder}/{circle}"));
        }
    }
    let defended: Vec<&str> = DEFENDED.iter().map(|(circle, _)| *circle).collect();
    let new: Vec<&String> = found.iter().filter(|at| !defended.contains(&at.as_str())).collect();
    assert!(
        new.is_empty(),
        "import circles: {new:#?}\nMove what several files need into a file of its own, and let each \
         file import it from there."
    );
    for circle in defended {
        assert!(found.iter().any(|at| at == circle), "{circle} is gone: remove it from the list");
        assert!(architecture.contains(circle), "docs/architecture.md does not defend {circle}");
    }
}

#[test]
fn a_circle_is_found_however_the_files_name_each_other() {
    let cases: [(&str, &[(&str, &str)]); 7] = [
        ("a.rs -> b.rs -> a.rs", &[("a.rs", "use crate::b::B;"), ("b.rs", "use super::a::A;")]),
        (
            "a.rs -> b.rs -> a.rs",
            &[
                ("a.rs", "use crate::{c::C, b::{self, B as D}};"),
                ("b.rs", "fn f() { super::a::g() }"),
                ("c.rs", ""),
            ],
        ),
        ("a.rs -> lib.rs -> a.rs", &[("lib.rs", "mod a;"), ("a.rs", "use crate::Facade;")]),
        (
            "d/: a.rs -> mod.rs -> a.rs",
            &[("d/mod.rs", "mod a; struct S;"), ("d/a.rs", "use super::S;")],
        ),
        (
            "a.rs -> d -> a.rs",
            &[("a.rs", "use crate::d::S;"), ("d/mod.rs", "mod x;"), ("d/x.rs", "use crate::a::A;")],
        ),
        (
            "d -> e -> d",
            &[
                ("d/mod.rs", ""),
                ("d/x.rs", "use crate::e::y::Y;"),
                ("d/z.rs", ""),
                ("e/mod.rs", ""),
                ("e/y.rs", "use crate::d::z::Z;"),
            ],
        ),
        (
            "a.rs -> b.rs -> c.rs -> a.rs",
            &[
                ("a.rs", "#[cfg(test)] mod tests { use super::super::b::B; }"),
                ("b.rs", "type C = crate::c::C;"),
                ("c.rs", "pub use crate::a::*;"),
            ],
        ),
    ];
    for (expected, files) in cases {
        assert_eq!(circles_of(files), [expected], "{files:?}");
    }
}

#[test]
fn comments_strings_visibility_and_own_modules_are_not_imports() {
    let a = r##"
        //! crate::b::B
        /* use crate::b::B; /* nested */ use crate::b::B; */
        const TEXT: &str = "use crate::b::B;";
        const RAW: &str = r#"" use crate::b::B;"#;
        const QUOTE: char = '"';
        pub(super) fn f<'a>(it: &'a str) -> &'a str { it }
        #[cfg(test)]
        mod tests { use super::*; use super::f; }
        const LAST: char = '\'';
    "##;
    assert!(circles_of(&[("a.rs", a), ("b.rs", "use crate::a::f;")]).is_empty());
}

#[test]
fn the_binary_may_use_its_library() {
    let files = [
        ("lib.rs", "pub mod a;"),
        ("a.rs", ""),
        ("main.rs", "mod cli;"),
        ("cli.rs", "use lib_name::a; use lib_name::A;"),
    ];
    assert!(circles_of(&files).is_empty());
    let files = [("main.rs", "mod cli; struct S;"), ("cli.rs", "use crate::S;"), ("lib.rs", "")];
    assert_eq!(circles_of(&files), ["cli.rs -> main.rs -> cli.rs"]);
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let sources = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned()));
    circles(&imports(&sources.collect(), "lib_name"))
}

/// The Rust files under a folder, by their path in it.
fn read_sources(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut sources = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.insert(path.strip_prefix(folder).unwrap().to_owned(), text);
            }
        }
    }
    sources
}

/// The module that a file is.
fn module_of(file: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if matches!(path.last().unwrap().as_str(), "mod" | "lib" | "main") {
        path.pop();
    }
    path
}

fn imports(sources: &BTreeMap<PathBuf, String>, library: &str) -> Imports {
    let (lib, main) = (PathBuf::from("lib.rs"), PathBuf::from("main.rs"));
    let tokens: BTreeMap<&PathBuf, Vec<String>> =
        sources.iter().map(|(file, text)| (file, tokens(text))).collect();
    let files: BTreeMap<Vec<String>, &PathBuf> =
        sources.keys().map(|file| (module_of(file), file)).collect();
    let of_binary: BTreeSet<String> =
        tokens.get(&main).into_iter().flat_map(|t| declared(t)).collect();
    let mut imports = Imports::new();
    for (file, tokens) in &tokens {
        let module = module_of(file);
        let is_binary =
            **file == main || module.first().is_some_and(|first| of_binary.contains(first));
        let mut named = BTreeSet::new();
        for path in paths(tokens, &module, library) {
            let in_library = path.in_library || !is_binary;
            let target = (0..=path.segments.len())
                .rev()
                .find_map(|length| match length {
                    0 => Some(if in_library { &lib } else { &main }),
                    _ => files.get(&path.segments[..length]).copied(),
                })
                .unwrap();
            if target != *file && sources.contains_key(target) {
                named.insert(target.clone());
            }
        }
        imports.insert((*file).clone(), named);
    }
    imports
}

/// The modules that a file declares at its top level.
fn declared(tokens: &[String]) -> Vec<String> {
    let windows = tokens.windows(3).filter(|three| three[0] == "mod" && three[2] == ";");
    windows.map(|three| three[1].clone()).collect()
}

/// A path from the crate's root.
struct FromRoot {
    segments: Vec<String>,
    /// Whether the binary names the library by its name.
    in_library: bool,
}

/// All paths of a file that can lead to another file of the crate.
fn paths(tokens: &[String], module: &[String], library: &str) -> Vec<FromRoot> {
    let mut found = Vec::new();
    let mut here = module.to_vec();
    let (mut depth, mut inline) = (0, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let next = |ahead: usize| tokens.get(at + ahead).map_or("", String::as_str);
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    here.pop();
                }
            }
            "mod" if next(2) == ";" => {
                let child = vec!["self".to_owned(), next(1).to_owned()];
                found.extend(from_root(&child, &here, library));
            }
            "mod" if next(2) == "{" => {
                inline.push(depth);
                here.push(next(1).to_owned());
                at += 1;
            }
            "use" => {
                let end = tokens[at..].iter().position(|token| token == ";").unwrap() + at;
                let mut leaves = Vec::new();
                let _ = use_tree(&tokens[at + 1..end], &[], &mut leaves);
                found.extend(leaves.iter().filter_map(|leaf| from_root(leaf, &here, library)));
                at = end;
            }
            first
                if next(1) == "::"
                    && (at == 0 || !matches!(tokens[at - 1].as_str(), "::" | "in")) =>
            {
                let mut path = vec![first.to_owned()];
                while next(1 + 2 * (path.len() - 1)) == "::" {
                    path.push(next(2 * path.len()).to_owned());
                }
                found.extend(from_root(&path, &here, library));
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Collects the paths of a `use` tree; returns how many tokens it has.
fn use_tree(tokens: &[String], prefix: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => {}
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at += use_tree(&tokens[at..], &path, leaves);
                    at += usize::from(tokens.get(at).is_some_and(|token| token == ","));
                }
                return at + 1;
            }
            "," | "}" => break,
            "as" => at += 1,
            // `a::{self}` is `a`; `self::a` begins with it.
            "self" if !path.is_empty() => {}
            segment => path.push(segment.to_owned()),
        }
        at += 1;
    }
    leaves.push(path);
    at
}

/// A path as the crate's root sees it; `None` if it leads out of the crate.
fn from_root(path: &[String], here: &[String], library: &str) -> Option<FromRoot> {
    let (first, rest) = path.split_first()?;
    let mut in_library = false;
    let mut segments = match first.as_str() {
        "crate" => Vec::new(),
        "self" => here.to_vec(),
        "super" => here.split_last()?.1.to_vec(),
        name if name == library => {
            in_library = true;
            Vec::new()
        }
        _ => return None,
    };
    for segment in rest {
        if segment == "super" {
            segments.pop();
        } else {
            segments.push(segment.clone());
        }
    }
    Some(FromRoot { segments, in_library })
}

/// The tokens of a source text without comments and literals: words, `::`, and single characters.
fn tokens(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts =
        |at: usize, what: &str| what.chars().enumerate().all(|(i, c)| text.get(at + i) == Some(&c));
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let c = text[at];
        if starts(at, "//") {
            at += text[at..].iter().take_while(|c| **c != '\n').count();
        } else if starts(at, "/*") {
            let mut depth = 0;
            loop {
                depth += i32::from(starts(at, "/*")) - i32::from(starts(at, "*/"));
                at += if starts(at, "/*") || starts(at, "*/") { 2 } else { 1 };
                if depth == 0 {
                    break;
                }
            }
        } else if c == '"' {
            at += 1;
            while text[at] != '"' {
                at += if text[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if c == '\'' {
            // A character, or else the tick of a lifetime.
            if text.get(at + 1) == Some(&'\\') {
                at += 3;
                at += text[at..].iter().take_while(|c| **c != '\'').count() + 1;
            } else {
                at += if text.get(at + 2) == Some(&'\'') { 3 } else { 1 };
            }
        } else if is_word(c) {
            let word: String = text[at..].iter().take_while(|c| is_word(**c)).collect();
            at += word.chars().count();
            let hashes = text[at..].iter().take_while(|c| **c == '#').count();
            if matches!(word.as_str(), "r" | "br" | "cr") && text.get(at + hashes) == Some(&'"') {
                let end = format!("\"{}", "#".repeat(hashes));
                at += hashes + 1;
                while !starts(at, &end) {
                    at += 1;
                }
                at += end.len();
            } else {
                tokens.push(word);
            }
        } else if starts(at, "::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            at += 1;
        }
    }
    tokens
}

/// A circle for every group of entries of one folder that reach each other: `FOLDER/: a -> b -> a`.
fn circles(imports: &Imports) -> Vec<String> {
    let folders: BTreeSet<&Path> =
        imports.keys().flat_map(|file| file.ancestors().skip(1)).collect();
    folders.into_iter().flat_map(|folder| circles_in(folder, imports)).collect()
}

fn circles_in(folder: &Path, imports: &Imports) -> Vec<String> {
    let entry = |file: &Path| {
        let first = file.strip_prefix(folder).ok()?.iter().next()?;
        Some(first.to_str().unwrap().to_owned())
    };
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, named) in imports {
        let Some(from) = entry(file) else { continue };
        let to = named.iter().filter_map(|file| entry(file)).filter(|to| *to != from);
        graph.entry(from.clone()).or_default().extend(to);
    }
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for start in graph.keys() {
        if let Some(circle) = shortest_circle(&graph, start)
            && !seen.contains(start)
        {
            let back =
                |other: &&String| reaches(&graph, start, other) && reaches(&graph, other, start);
            seen.extend(graph.keys().filter(back).cloned());
            let at = if folder.iter().next().is_some() {
                format!("{}/: ", folder.display())
            } else {
                String::new()
            };
            circles.push(format!("{at}{}", circle.join(" -> ")));
        }
    }
    circles
}

fn reaches(graph: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for next in graph.get(at).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    false
}

/// The shortest way from an entry back to itself.
fn shortest_circle(graph: &BTreeMap<String, BTreeSet<String>>, start: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in &graph[way.last()?] {
                let mut longer_way = way.clone();
                longer_way.push(next.clone());
                if next == start {
                    return Some(longer_way);
                }
                if seen.insert(next.clone()) {
                    longer.push(longer_way);
                }
            }
        }
        ways = longer;
    }
    None
}
