//! The table "Fields" of the specification, row by row.

use std::collections::BTreeSet;

use mcp_overlay::rules::{SEMANTICS, profiles};
use mcp_overlay_model::Rule;
use serde_json::{Value, json};

use crate::{EVERYWHERE, invalid_with, reads_with, with};

/// A row: the field, its type and its transport, as the page has them.
fn rows() -> Vec<[String; 3]> {
    let table = SEMANTICS.split("\n## Fields\n").nth(1).expect("the section Fields");
    let table = table.split("\n## ").next().unwrap_or_default();
    let lines = table.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            [cells[0], cells[1], cells[2]].map(str::to_string)
        })
        .collect()
}

/// The field's name and, in brackets, its default.
fn name_and_default(cell: &str) -> (&str, Option<&str>) {
    let (name, rest) = cell.trim_start_matches('`').split_once('`').expect("`name` [default]");
    let default = rest.trim().strip_prefix('[').and_then(|rest| rest.rsplit_once(']'));
    (name, default.map(|(default, _)| default))
}

/// A rule that holds in the profiles in which a row's field is known.
fn rule_of(cell: &str) -> Rule {
    let Some((_, from)) = cell.split_once(", from `") else { return EVERYWHERE };
    let (from, _) = from.split_once("` on").expect("from `profile` on");
    let first = profiles(Rule::ServerAuth).next().expect("a profile");
    assert_eq!((from, name_and_default(cell).0), (first.name(), "auth"));
    Rule::ServerAuth
}

/// Values of the type that a cell describes: each differs from every default but the last, which
/// is the emptiest value of that type.
fn values_of(kind: &str) -> Vec<Value> {
    match kind {
        "string" | "string, ignored" => vec![json!("/x"), json!("")],
        "list of strings" => vec![json!(["b", "a"]), json!([])],
        "table of strings" => vec![json!({"K": "v"}), json!({})],
        "list of a name or `{name, source?}`" => vec![json!(["N", {"name": "N"}]), json!([])],
        "table `{client_id?}`" => vec![json!({"client_id": "c"}), json!({})],
        "table of `{approval_mode?}`; an empty one stays" => {
            vec![json!({"t": {"approval_mode": "auto"}}), json!({})]
        }
        "boolean" => vec![json!(true), json!(false)],
        "approval mode (`server.approval-modes`, `server.approval-writes`)" => {
            vec![json!("auto"), json!("prompt"), json!("approve")]
        }
        "`oauth` or `chatgpt`" => vec![json!("chatgpt"), json!("oauth")],
        "seconds" => vec![json!(1.5), json!(0)],
        "milliseconds, becomes `startup_timeout_sec`" => vec![json!(1500), json!(0)],
        other => panic!("the table has a type that this test does not know: {other}"),
    }
}

/// The smallest server that a field of transport `of` fits into.
fn server_for(of: &str) -> Value {
    match of {
        "stdio" | "both" => json!({"command": "srv", "cwd": "/srv"}),
        "HTTP" => json!({"url": "https://a.example"}),
        other => panic!("a transport that this test does not know: {other}"),
    }
}

/// The canonical form keeps a field exactly when its value is not the default.
#[test]
fn a_field_is_written_when_it_differs_from_its_default() {
    let defaults = [
        (None, None),
        (Some("[]"), Some(json!([]))),
        (Some("{}"), Some(json!({}))),
        (Some("\"local\""), Some(json!("local"))),
        (Some("\"oauth\""), Some(json!("oauth"))),
        (Some("true"), Some(json!(true))),
        (Some("false"), Some(json!(false))),
    ];
    let mut kept = 0;
    for [cell, kind, of] in rows() {
        let (field, default) = name_and_default(&cell);
        if ["neither"].contains(&of.as_str()) || ["name", "startup_timeout_ms"].contains(&field) {
            continue;
        }
        let (_, default) = defaults.iter().find(|(word, _)| *word == default).expect("a default");
        let server = server_for(&of);
        for value in values_of(&kind).into_iter().chain(default.clone()) {
            let is_default = *default == Some(value.clone());
            let entry = with(&server, field, value);
            if is_default {
                reads_with(rule_of(&cell), entry, &server);
            } else {
                reads_with(rule_of(&cell), &entry, &entry);
                kept += 1;
            }
        }
    }
    assert!(kept > 30, "only {kept} values were kept: was the table read?");
}

/// Each type refuses all other JSON types.
#[test]
fn every_field_refuses_values_of_other_types() {
    let others = [json!("x"), json!(5), json!(true), json!(["x"]), json!([5]), json!({"x": 5})];
    let mut refused = 0;
    for [cell, kind, of] in rows() {
        let (field, _) = name_and_default(&cell);
        let same_type = |value: &Value| match kind.as_str() {
            "string" | "string, ignored" => value.is_string(),
            "list of strings" | "list of a name or `{name, source?}`" => *value == json!(["x"]),
            "boolean" => value.is_boolean(),
            "seconds" | "milliseconds, becomes `startup_timeout_sec`" => value.is_number(),
            // Unknown keys in it are ignored.
            "table `{client_id?}`" => value.is_object(),
            _ => false,
        };
        // A foreign field of a wrong type would prove nothing, so each in its own transport.
        let server = server_for(if of == "neither" { "both" } else { &of });
        for value in others.iter().filter(|value| !same_type(value)) {
            invalid_with(rule_of(&cell), with(&server, field, value));
            refused += 1;
        }
    }
    assert!(refused > 100, "only {refused} values were refused: was the table read?");
}

/// The page and the tests speak of the same fields.
#[test]
fn the_table_has_every_field_once() {
    let rows = rows();
    let names: BTreeSet<&str> = rows.iter().map(|[field, ..]| name_and_default(field).0).collect();
    assert_eq!(names.len(), rows.len(), "a field has two rows");
    assert_eq!(names.len(), 26, "{names:?}");
}
