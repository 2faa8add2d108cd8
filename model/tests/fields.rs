//! The model knows the fields of the table "Fields" of `docs/semantics.md`, and no others.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::fs;
use std::path::Path;

use mcp_overlay_model::Profile;
use mcp_overlay_model::field::{belongs_to_one_transport, field as known};

/// The rows of the table: a field and which transport it is of.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let (_, table) = page.split_once("| field | type | of |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, field, _, of, _] = *cells else { unreachable!("not three cells: {row}") };
        (field.split('`').nth(1).unwrap(), of)
    })
    .collect()
}

#[test]
fn the_fields_are_those_of_the_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/semantics.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = rows(&page);
    assert_eq!(rows.len(), 26, "{rows:?}");
    let newest = Profile::CodexPr31481.rules();
    for (field, of) in rows {
        assert!(["stdio", "HTTP", "both", "neither"].contains(&of), "{field}: {of}");
        assert!(known(field, newest).is_some(), "{field}");
        assert_eq!(belongs_to_one_transport(field, newest), of != "both", "{field}");
    }
    for unknown in ["", "Command", "colour"] {
        assert!(known(unknown, newest).is_none(), "{unknown:?}");
        assert!(!belongs_to_one_transport(unknown, newest), "{unknown:?}");
    }
}

#[test]
fn a_field_is_known_from_its_profile_on() {
    let has_auth = |profile: &Profile| known("auth", profile.rules()).is_some();
    let first = Profile::ALL.into_iter().position(|profile| profile == Profile::CodexPr29924);
    assert_eq!(Profile::ALL.iter().position(has_auth), first);
    assert!(Profile::ALL.iter().skip(first.unwrap()).all(has_auth));
}
