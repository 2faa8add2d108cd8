//! Failures that are known already: a failing case that has a known minimal case inside, and differs in
//! the same places by the same rules, needs no shrinking.

use std::collections::BTreeSet;

use mcp_overlay_model::{CODEX_APPS, Case, Rule};
use serde_json::Value;

use crate::cases::embed::{common, is_inside};
use crate::finding::saved::Finding;
use crate::judge::verdict::{Difference, Place, Verdict};

/// A case that failed during a run.
#[derive(Clone, Debug)]
pub struct Failing {
    /// The number of the case in its phase.
    pub index: u64,
    /// The case.
    pub case: Case,
    /// The case that was deliberately asked before it: the same with another auth.
    pub after: Option<Case>,
    /// The verdict.
    pub verdict: Verdict,
}

/// A minimal case that fails, and how.
#[derive(Clone, Debug)]
pub struct Known {
    /// The id of its finding.
    pub id: String,
    rule: Option<Rule>,
    /// The SHOULD rules that are not followed, if that is all.
    advised: Vec<Rule>,
    case: Case,
    looks: BTreeSet<String>,
    /// Whether the auth may be the point.
    is_of_auth: bool,
}

impl Known {
    /// The failure of this case, which was described so; `None` unless the subject answered it, and
    /// wrongly.
    pub fn new(finding: &Finding, case: &Case, verdict: &Verdict) -> Option<Self> {
        Known::of(finding.id(), finding.rule, case, verdict)
    }

    fn of(id: String, rule: Option<Rule>, case: &Case, verdict: &Verdict) -> Option<Self> {
        let (differences, advised) = match verdict {
            Verdict::Disagree(differences) => (differences, Vec::new()),
            Verdict::Advisory { differences, rules } => (differences, rules.clone()),
            _ => return None,
        };
        let of_apps = |place: &Place| match place {
            Place::Server { view, name } => *view == "effective" && name == CODEX_APPS,
            _ => false,
        };
        let is_of_auth = differences.first().is_some_and(|first| of_apps(&first.place));
        let looks = roots(differences).map(look).collect();
        Some(Known { id, rule, advised, case: case.clone(), looks, is_of_auth })
    }

    /// Whether this failure explains all that is wrong in another case.
    fn explains(&self, failing: &Failing) -> bool {
        self.looks_like(&failing.verdict) && self.is_in(&failing.case)
    }

    /// Whether all that is wrong is of the kind of this failure.
    pub fn looks_like(&self, verdict: &Verdict) -> bool {
        let Verdict::Disagree(differences) = verdict else { return false };
        self.advised.is_empty()
            && roots(differences).all(|difference| self.looks.contains(&look(difference)))
    }

    /// What the case of this failure and a failing one that looks like it have in common. If that fails
    /// in this way too, the two have one cause, although neither may be the smallest case of it.
    pub fn in_common_with(&self, failing: &Failing) -> Option<Case> {
        let is_near = self.looks_like(&failing.verdict) && self.suits_auth_of(&failing.case);
        is_near.then(|| common(&self.case, &failing.case)).flatten()
    }

    /// Whether a finding that there was no time to make small cannot be told from this failure: it blames
    /// the same rule, and what is wrong is of the same kind. A case that is not small has some sign-in, which
    /// counts only where it may be the point.
    pub fn resembles(&self, finding: &Finding, failing: &Failing) -> bool {
        self.rule == finding.rule
            && self.looks_like(&failing.verdict)
            && (!self.is_of_auth || self.suits_auth_of(&failing.case))
    }

    /// What this failure explains of what is wrong in a case.
    pub fn part_of(&self, case: &Case, verdict: &Verdict) -> BTreeSet<String> {
        let Verdict::Disagree(differences) = verdict else { return BTreeSet::new() };
        if !self.advised.is_empty() {
            return BTreeSet::new();
        }
        let part: BTreeSet<String> =
            roots(differences).map(look).filter(|look| self.looks.contains(look)).collect();
        if part.is_empty() || self.is_in(case) { part } else { BTreeSet::new() }
    }

    fn is_in(&self, case: &Case) -> bool {
        self.suits_auth_of(case) && is_inside(&self.case, case)
    }

    fn suits_auth_of(&self, case: &Case) -> bool {
        let auth = self.case.auth;
        auth == case.auth || (auth.is_none() && !self.is_of_auth)
    }
}

/// The known failure that explains all that is wrong in a case. An advisory is about its rules, and one
/// case is enough to show it.
pub fn explaining<'a>(known: &'a [Known], failing: &Failing) -> Option<&'a Known> {
    let Verdict::Advisory { rules, .. } = &failing.verdict else {
        return known.iter().find(|known| known.explains(failing));
    };
    let of = |rule: &Rule| known.iter().find(|known| known.advised.contains(rule));
    let first = rules.first().and_then(of)?;
    rules.iter().all(|rule| of(rule).is_some()).then_some(first)
}

/// The verdict without the differences that are known, unless no other is left.
pub fn besides(verdict: Verdict, known: &BTreeSet<String>) -> Verdict {
    let Verdict::Disagree(differences) = &verdict else { return verdict };
    let others: Vec<Difference> = roots(differences)
        .filter(|difference| !known.contains(&look(difference)))
        .cloned()
        .collect();
    if known.is_empty() || others.is_empty() { verdict } else { Verdict::Disagree(others) }
}

/// Whether all differences are known.
pub fn is_known(verdict: &Verdict, known: &BTreeSet<String>) -> bool {
    let Verdict::Disagree(differences) = verdict else { return false };
    !known.is_empty() && roots(differences).all(|difference| known.contains(&look(difference)))
}

/// The differences that do not only pass on what an earlier view has.
fn roots(differences: &[Difference]) -> impl Iterator<Item = &Difference> {
    let name = |difference: &Difference| match &difference.place {
        Place::Server { name, .. } => Some(name.clone()),
        Place::Owner { .. } | Place::Warning { .. } | Place::Rejection => None,
    };
    differences.iter().enumerate().filter_map(move |(position, difference)| {
        let mut before = differences.iter().take(position);
        let is_passed_on = name(difference).is_some()
            && before.any(|before| {
                name(before) == name(difference)
                    && before.expected == difference.expected
                    && before.actual == difference.actual
            });
        (!is_passed_on).then_some(difference)
    })
}

/// In which kinds of places an answer differs, by which rules, and in which fields.
pub fn looks(differences: &[Difference]) -> BTreeSet<String> {
    differences.iter().map(look).collect()
}

fn look(difference: &Difference) -> String {
    let place = match &difference.place {
        Place::Server { view, .. } => view,
        Place::Owner { .. } => "owner",
        Place::Warning { .. } => "warning",
        Place::Rejection => "rejection",
    };
    format!("{place} {} {}", difference.rule, what_differs(difference))
}

/// The fields in which two servers differ, or which of the two is absent.
fn what_differs(difference: &Difference) -> String {
    match (&difference.expected, &difference.actual) {
        (None, _) => "surplus".into(),
        (_, None) => "absent".into(),
        (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
            let names: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
            let differ = names.into_iter().filter(|name| expected.get(*name) != actual.get(*name));
            differ.map(String::as_str).collect::<Vec<_>>().join("+")
        }
        _ => "value".into(),
    }
}

#[cfg(test)]
mod tests {
    use mcp_overlay_model::Rule;
    use serde_json::json;

    use super::*;

    fn case(written: Value) -> Case {
        serde_json::from_value(written).unwrap()
    }

    fn differs(view: &'static str, name: &str, rule: Rule) -> Verdict {
        Verdict::Disagree(vec![Difference {
            place: Place::Server { view, name: name.into() },
            rule,
            by: None,
            expected: None,
            actual: Some(json!({"url": "https://a.example"})),
        }])
    }

    fn failing(written: Value, verdict: Verdict) -> Failing {
        Failing { index: 0, case: case(written), after: None, verdict }
    }

    #[test]
    fn another_rule_place_or_sign_in_is_not_explained() {
        let gate = || differs("effective", "codex_apps", Rule::GateOpen);
        let known = Known::of("x".into(), None, &case(json!({})), &gate()).unwrap();
        assert!(known.explains(&failing(json!({"host": {"env": {}}}), gate())));
        assert!(!known.explains(&failing(json!({"auth": "api_key"}), gate())), "another way in");
        let other = differs("effective", "codex_apps", Rule::EndpointOtherHost);
        assert!(!known.explains(&failing(json!({}), other)));
        assert!(!known.explains(&failing(json!({}), differs("runtime", "a", Rule::GateOpen))));
    }

    #[test]
    fn before_the_gate_the_sign_in_does_not_matter() {
        let union = || differs("configured", "a", Rule::ConfiguredUnion);
        let server = json!({"host": {"mcp_servers": {"a": {"command": "srv"}}}});
        let known = Known::of("x".into(), None, &case(server.clone()), &union()).unwrap();
        let mut signed_in = server;
        signed_in["auth"] = json!("chatgpt");
        assert!(known.explains(&failing(signed_in, union())));
        assert!(!known.explains(&failing(json!({}), union())), "the case is not inside");
    }
}
