//! How two answers of one subject to the same case differ.

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::observation::Observations;
use mcp_overlay_model::{Answer, ServerView};
use serde_json::Value;

use crate::judge::kept::kept;
use crate::judge::same::same;
use crate::judge::verdict::{Difference, PURE, Place};

/// How two answers to the same case differ; nothing if they say the same.
pub fn between(first: &Answer, second: &Answer) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut differ = |place, first: Option<&Value>, second: Option<&Value>| {
        let alike = match (first, second) {
            (Some(first), Some(second)) => same(first, second),
            (first, second) => first.is_none() && second.is_none(),
        };
        if !alike {
            let (expected, actual) = (first.map(kept), second.map(kept));
            differences.push(Difference { place, rule: PURE, by: None, expected, actual });
        }
    };
    match (first, second) {
        (
            Answer::Resolved { views: first, plugin_owners: owners, warnings },
            Answer::Resolved {
                views: second,
                plugin_owners: other_owners,
                warnings: other_warnings,
            },
        ) => {
            for (view, first, second) in [
                ("configured", &first.configured, &second.configured),
                ("runtime", &first.runtime, &second.runtime),
                ("effective", &first.effective, &second.effective),
            ] {
                for name in first.keys().chain(second.keys().filter(|n| !first.contains_key(*n))) {
                    let server = |view: &ServerView| view.get(name).cloned();
                    let (a, b) = (server(first), server(second));
                    differ(Place::Server { view, name: name.clone() }, a.as_deref(), b.as_deref());
                }
            }
            let names =
                owners.keys().chain(other_owners.keys().filter(|n| !owners.contains_key(*n)));
            for name in names {
                let owner = |owners: &BTreeMap<String, String>| {
                    owners.get(name).map(|id| Value::from(id.as_str()))
                };
                let (a, b) = (owner(owners), owner(other_owners));
                differ(Place::Owner { name: name.clone() }, a.as_ref(), b.as_ref());
            }
            let (warnings, others) = (warnings.iter().flatten(), other_warnings.iter().flatten());
            let (first, second): (BTreeSet<_>, BTreeSet<_>) =
                (warnings.collect(), others.collect());
            for path in first.symmetric_difference(&second) {
                let warning = |paths: &BTreeSet<_>| paths.contains(path).then(|| "warning".into());
                let place = Place::Warning { path: (*path).clone() };
                differ(place, warning(&first).as_ref(), warning(&second).as_ref());
            }
        }
        (Answer::Observed { seen: first }, Answer::Observed { seen: second }) => {
            let names = first.keys().chain(second.keys().filter(|n| !first.contains_key(*n)));
            for name in names {
                let value = |seen: &Observations| serde_json::to_value(seen.get(name)?).ok();
                let place = Place::Server { view: "effective", name: name.clone() };
                differ(place, value(first).as_ref(), value(second).as_ref());
            }
        }
        (first, second) => {
            let (first, second) = (in_short(first), in_short(second));
            differ(Place::Rejection, first.as_ref(), second.as_ref());
        }
    }
    differences
}

/// An answer without views in one value; the words for people do not count.
fn in_short(answer: &Answer) -> Option<Value> {
    match answer {
        Answer::Resolved { .. } | Answer::Observed { .. } => None,
        Answer::Rejected { rejected } => Some(Value::from(rejected.path.as_str())),
        Answer::Skipped { .. } => Some(Value::from("skipped")),
        Answer::Errored { .. } => Some(Value::from("errored")),
    }
}
