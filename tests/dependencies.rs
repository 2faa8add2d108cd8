//! Model and implementation share no code, because a mistake in shared code would be hidden.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The workspace's packages with all their dependencies: normal, dev and build dependencies.
fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_string();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            (name(package), dependencies.iter().map(name).collect())
        })
        .collect()
}

/// The transitive dependencies of `start` within the workspace.
fn reachable<'a>(
    packages: &'a BTreeMap<String, BTreeSet<String>>,
    start: &str,
) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start.to_string()];
    while let Some(package) = open.pop() {
        for dependency in packages.get(&package).into_iter().flatten() {
            if packages.contains_key(dependency) && reached.insert(dependency.as_str()) {
                open.push(dependency.clone());
            }
        }
    }
    reached
}

#[test]
fn the_implementation_depends_on_neither_the_model_nor_the_checker() {
    let packages = packages();
    assert!(packages["mcp-overlay-host"].contains("toml"), "the packages were read");
    let known = reachable(&packages, "mcp-overlay-host");
    assert!(!known.contains("mcp-overlay-model"), "{known:?}");
    assert!(!known.contains("mcp-overlay"), "{known:?}");
}

#[test]
fn the_model_depends_on_no_other_crate_of_the_workspace() {
    let packages = packages();
    let known: Vec<&str> = packages["mcp-overlay-model"].iter().map(String::as_str).collect();
    assert_eq!(known, ["idna", "regex-lite", "serde", "serde_json"]);
}

#[test]
fn only_the_checker_depends_on_both() {
    // What counts the instructions of all of them is no part of them.
    let mut packages = packages();
    packages.remove("mcp-overlay-instructions");
    for package in packages.keys() {
        let known = reachable(&packages, package);
        let both = known.contains("mcp-overlay-model") && known.contains("mcp-overlay-host");
        assert!(!both || package == "mcp-overlay", "{package} knows both");
    }
    let known = reachable(&packages, "mcp-overlay");
    assert!(known.contains("mcp-overlay-model") && known.contains("mcp-overlay-host"));
}
