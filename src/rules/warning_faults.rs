//! Faults in what a host says about the keys that it ignores and the servers that it drops.

use mcp_overlay_model::{Answer, Case, Outcome, Rule, Warning, resolve};

use super::fault::{Change, Fault};

const fn unsaid(
    name: &'static str,
    rule: Rule,
    what: &'static str,
    change: fn(&Case, &Answer) -> Option<Answer>,
) -> Fault {
    Fault::new(name, rule, what, Change::Answers(change))
}

pub(super) const FIELD: Fault = unsaid(
    "unknown-field-unsaid",
    Rule::ServerUnknownField,
    "an unknown field of a server in the host config is ignored without a warning",
    |case, answer| {
        without(case, answer, |warning| {
            warning.rule == Rule::ServerUnknownField && warning.path.starts_with("host.")
        })
    },
);

pub(super) const LEGACY_NAME: Fault = unsaid(
    "legacy-name-unsaid",
    Rule::ServerUnknownField,
    "the legacy field `name` is ignored without a warning",
    |case, answer| without(case, answer, |warning| warning.path.ends_with(".name")),
);

pub(super) const NESTED_KEY: Fault = unsaid(
    "nested-key-unsaid",
    Rule::ServerUnknownField,
    "an unknown key of `oauth` or of a tool is ignored without a warning",
    |case, answer| {
        let nested = [".oauth.", ".tools."];
        without(case, answer, |warning| {
            warning.rule == Rule::ServerUnknownField
                && nested.iter().any(|table| warning.path.contains(table))
        })
    },
);

pub(super) const CONTRIBUTED_FIELD: Fault = unsaid(
    "contributed-field-unsaid",
    Rule::ServerUnknownField,
    "an unknown field of a contributed server is ignored without a warning",
    |case, answer| without(case, answer, |warning| warning.path.starts_with("contributors[")),
);

pub(super) const DROPPED: Fault = unsaid(
    "plugin-server-dropped-silently",
    Rule::ConfiguredInvalidPluginServerDropped,
    "an invalid server of a plugin is dropped without a warning",
    |case, answer| {
        let dropped = Rule::ConfiguredInvalidPluginServerDropped;
        without(case, answer, |warning| warning.rule == dropped)
    },
);

pub(super) const HOST_KEY: Fault = unsaid(
    "unknown-host-key-unsaid",
    Rule::HostWrongType,
    "an unknown key of the host config is ignored without a warning",
    |case, answer| {
        without(case, answer, |warning| {
            warning.rule == Rule::HostWrongType && !warning.path.starts_with("host.features.")
        })
    },
);

pub(super) const FEATURE: Fault = unsaid(
    "unknown-feature-unsaid",
    Rule::HostWrongType,
    "an unknown feature is ignored without a warning",
    |case, answer| without(case, answer, |warning| warning.path.starts_with("host.features.")),
);

/// The answer without the demanded warnings that `is_unsaid` selects.
fn without(case: &Case, answer: &Answer, is_unsaid: impl Fn(&Warning) -> bool) -> Option<Answer> {
    let Answer::Resolved { warnings: Some(said), .. } = answer else { return None };
    if said.is_empty() {
        return None;
    }
    let Outcome::Resolved(resolution) = resolve(case) else { return None };
    let mut edited = answer.clone();
    if let Answer::Resolved { warnings: Some(warnings), .. } = &mut edited {
        let unsaid: Vec<&str> =
            resolution.warnings.iter().filter(|w| is_unsaid(w)).map(|w| w.path.as_str()).collect();
        // A warning about a place in it says as much.
        warnings.retain(|said| !unsaid.iter().any(|path| said.starts_with(path)));
    }
    (edited != *answer).then_some(edited)
}
