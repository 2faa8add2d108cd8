//! Faults seeded on purpose: the production implementation with one thing wrong.
//!
//! A fault changes the question before the production implementation sees it, or the answer
//! before anybody else does. None of them is wrong everywhere: each errs where a real
//! implementation has erred, or easily could.

mod apps;
mod change;
mod configured;
mod endpoint;
mod overlay;
mod reading;
mod stateful;

use std::borrow::Cow;

use mcp_overlay_model::{Answer, Case, RuleId};

use crate::subject::{ProductionSubject, Subject};

/// The rule of a fault that no rule forbids: a crash is wrong by itself.
pub const NO_RULE: RuleId = "";

/// One thing that is wrong.
#[derive(Debug)]
pub struct Fault {
    /// In kebab-case, such as `api-key-passes-gate`.
    pub name: &'static str,
    /// The rule that it breaks; [`NO_RULE`] for a crash.
    pub rule: RuleId,
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// Rules that a minimal case of this fault may show as well: those which it goes through.
    pub also: &'static [RuleId],
    change: Change,
}

/// What a fault does.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Reads what is written as something else, which may be valid where that is not.
    Reads(fn(&Case) -> Option<Case>),
    /// Resolves a valid case as if it were another.
    Resolves(fn(&Case) -> Option<Case>),
    /// Says something else than what came out.
    Answers(fn(&Case, &Answer) -> Option<Answer>),
    /// Crashes over some cases.
    Crashes(fn(&Case, &Answer) -> bool),
    /// Remembers something from case to case.
    Remembers(fn() -> Box<dyn Subject>),
}

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

impl Fault {
    /// The production implementation with this fault.
    pub fn subject(&'static self) -> Box<dyn Subject> {
        match self.change {
            Change::Remembers(make) => make(),
            _ => Box::new(Faulty(self)),
        }
    }

    /// Whether the answer to a case depends on nothing but the case.
    pub(crate) fn is_stateless(&self) -> bool {
        !matches!(self.change, Change::Remembers(_))
    }

    /// Whether the fault may show in this case, to which the sound implementation answers `sound`;
    /// far cheaper than asking. "No" is certain.
    pub(crate) fn may_show(&self, case: &Case, sound: &Answer) -> bool {
        match self.change {
            Change::Reads(change) | Change::Resolves(change) => change(case).is_some(),
            Change::Answers(change) => change(case, sound).is_some(),
            Change::Crashes(crashes) => crashes(case, sound),
            Change::Remembers(_) => true,
        }
    }

    fn answer(&self, case: &Case) -> Answer {
        let sound = || ProductionSubject.resolve(case);
        match self.change {
            Change::Reads(change) => {
                let read = change(case).map_or(Cow::Borrowed(case), Cow::Owned);
                ProductionSubject.resolve(&read)
            }
            Change::Resolves(change) => match (change(case), sound()) {
                (Some(other), Answer::Resolved { .. }) => ProductionSubject.resolve(&other),
                (_, answer) => answer,
            },
            Change::Answers(change) => {
                let answer = sound();
                change(case, &answer).unwrap_or(answer)
            }
            Change::Crashes(crashes) => match sound() {
                // Unwinds like a panic, without the message of one.
                answer if crashes(case, &answer) => {
                    std::panic::resume_unwind(Box::new("out of bounds"))
                }
                answer => answer,
            },
            Change::Remembers(make) => make().resolve(case),
        }
    }
}

/// The production implementation with a fault that keeps no state.
struct Faulty(&'static Fault);

impl Subject for Faulty {
    fn name(&self) -> &str {
        self.0.name
    }

    fn resolve(&self, case: &Case) -> Answer {
        self.0.answer(case)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules;

    #[test]
    fn names_are_kebab_case_and_each_its_own() {
        let names: BTreeSet<&str> = all().map(|fault| fault.name).collect();
        assert_eq!(names.len(), all().count());
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(names.iter().all(|name| name.chars().all(plain)), "{names:?}");
    }

    #[test]
    fn there_is_a_fault_for_every_rule_and_no_other() {
        let broken: BTreeSet<&str> = all().map(|fault| fault.rule).collect();
        // Nothing in process breaks a rule of a running host: `tests/black_box/host.rs` does.
        let of_running_hosts = ["start", "status", "credentials", "delivery"];
        let in_process = |rule: &&&str| {
            !rule.split('.').next().is_some_and(|section| of_running_hosts.contains(&section))
        };
        let rules_in_process = rules::all().keys().filter(in_process);
        let without: Vec<_> = rules_in_process.filter(|rule| !broken.contains(*rule)).collect();
        assert!(without.is_empty(), "no fault breaks {without:?}");
        let rules = all().flat_map(|fault| fault.also.iter().chain([&fault.rule]));
        let mut unknown = rules.filter(|rule| **rule != NO_RULE && rules::text(rule).is_empty());
        assert_eq!(unknown.next(), None, "no such rule");
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
