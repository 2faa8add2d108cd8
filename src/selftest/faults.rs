//! Finding a fault among those of all rules.

use crate::rules;
pub use crate::rules::fault::Fault;

/// Every fault that the self-test measures, in the order of the rules in `docs/semantics.md`.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    rules::entries().flat_map(|entry| entry.faults)
}

/// There is no fault of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault is named {name:?}{hint}")]
pub struct UnknownFault {
    name: String,
    hint: String,
}

/// The fault of this name.
///
/// # Errors
/// With the names that are most like it, or how to get all of them.
pub fn named(name: &str) -> Result<&'static Fault, UnknownFault> {
    if let Some(fault) = all().find(|fault| fault.name == name) {
        return Ok(fault);
    }
    let words: Vec<&str> = name.split('-').filter(|word| word.len() > 2).collect();
    let shared = |fault: &Fault| fault.name.split('-').filter(|word| words.contains(word)).count();
    let most = all().map(shared).max().unwrap_or_default();
    let alike: Vec<&str> =
        all().filter(|fault| most > 0 && shared(fault) == most).map(|fault| fault.name).collect();
    let hint = match alike.as_slice() {
        few @ [_, ..] if few.len() <= 4 => format!("; like it: {}", few.join(", ")),
        _ => "; `mcp-overlay selftest --list` has all of them".into(),
    };
    Err(UnknownFault { name: name.into(), hint })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules::{Reached, Shows};

    #[test]
    fn names_are_kebab_case_and_each_its_own() {
        let names: BTreeSet<&str> = all().map(|fault| fault.name).collect();
        assert_eq!(names.len(), all().count());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(names.iter().all(|name| name.chars().all(plain)), "{names:?}");
    }

    #[test]
    fn every_rule_that_a_view_shows_has_a_fault() {
        let lacks = |entry: &&rules::Entry| {
            // Nothing in process breaks a rule of a running host: `tests/black_box/host.rs` does.
            entry.shows != Shows::Outside && entry.faults.iter().all(|fault| fault.rule.is_none())
        };
        let lacking: Vec<_> = rules::entries().filter(lacks).map(|entry| entry.rule).collect();
        assert!(lacking.is_empty(), "no fault breaks {lacking:?}");
        for entry in rules::entries().filter(|entry| entry.shows == Shows::Outside) {
            let is_counted = matches!(entry.reached, Reached::WhenSeen(_) | Reached::ByAsking);
            assert!(is_counted, "{} is never reached", entry.rule);
        }
    }

    #[test]
    fn an_unknown_name_gets_help() {
        let error = named("api-key-passes-the-gate").unwrap_err().to_string();
        assert!(error.contains("like it: api-key-passes-gate"), "{error}");
        let error = named("x").unwrap_err().to_string();
        assert!(error.contains("selftest --list"), "{error}");
        assert!(named("api-key-passes-gate").is_ok());
    }
}
