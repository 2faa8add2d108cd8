//! Faults seeded on purpose: the production implementation with one thing wrong.
//!
//! A fault changes the question before the production implementation sees it, or the answer
//! before anybody else does. None of them is wrong everywhere: each errs where a real
//! implementation has erred, or easily could.

mod apps;
mod change;
mod configured;
mod endpoint;
mod fault;
mod overlay;
mod reading;
mod restarted;
mod stateful;

pub use self::fault::Fault;

/// Every fault, in the order of the rules in `docs/semantics.md`.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    let tables: [&'static [Fault]; 6] = [
        stateful::FAULTS,
        configured::FAULTS,
        overlay::FAULTS,
        apps::FAULTS,
        endpoint::FAULTS,
        reading::FAULTS,
    ];
    tables.into_iter().flatten()
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

    use mcp_overlay_model::{Profile, Rule};

    use super::*;

    #[test]
    fn names_are_kebab_case_and_each_its_own() {
        let names: BTreeSet<&str> = all().map(|fault| fault.name).collect();
        assert_eq!(names.len(), all().count());
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(names.iter().all(|name| name.chars().all(plain)), "{names:?}");
    }

    #[test]
    fn there_is_a_fault_for_every_rule_and_no_other() {
        let broken: BTreeSet<Rule> = all().filter_map(|fault| fault.rule).collect();
        // Nothing in process breaks a rule of a running host: `tests/black_box/host.rs` does.
        let of_running_hosts = ["start", "status", "credentials", "delivery"];
        // The self-test is one of the default profile.
        let in_process = |rule: &Rule| {
            let section = rule.id().split_once('.').map(|(section, _)| section);
            !section.is_some_and(|section| of_running_hosts.contains(&section))
        };
        let rules_in_process = Profile::default().rules().iter().filter(in_process);
        let without: Vec<_> = rules_in_process.filter(|rule| !broken.contains(rule)).collect();
        assert!(without.is_empty(), "no fault breaks {without:?}");
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
