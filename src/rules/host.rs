//! What an invalid host config does: `host.*`, `server.invalid-rejects-config` and `rejection.*`.

use mcp_overlay_model::{Answer, Case, Outcome, Rule, resolve};
use serde_json::Value;

use super::entry::{Entry, Reached, Shows};
use super::fault::change::{edited, host_entries, is_valid};
use super::fault::{Change, Fault};
use super::{features_faults, host_faults, warning_faults};

pub(super) const RULES: &[Entry] = &[
    Entry {
        faults: &[
            Fault {
                name: "wrong-type-passed-over",
                rule: Some(Rule::HostWrongType),
                what: "a host key with a value of the wrong type counts as absent",
                also: &[],
                change: Change::Reads(wrong_type_passed_over),
            },
            warning_faults::HOST_KEY,
            warning_faults::FEATURE,
            host_faults::FEATURE_WORD_TAKEN,
            host_faults::FEATURE_NUMBER_TAKEN,
            host_faults::VARIABLE_NUMBER_TAKEN,
            host_faults::SKU_NUMBER_TAKEN,
            host_faults::SERVER_LIST_TAKEN,
            host_faults::UNKNOWN_KEY_REFUSED,
            features_faults::TEXT_IS_AN_OVERRIDE,
        ],
        ..Entry::of(Rule::HostWrongType)
    },
    Entry {
        reached: Reached::When(|situation| {
            let mut places = situation.rejections.iter();
            places.any(|place| place.path.starts_with("host.mcp_servers."))
        }),
        faults: &[
            Fault {
                name: "invalid-server-left-out",
                rule: Some(Rule::ServerInvalidRejectsConfig),
                what: "an invalid server of the host config is dropped like a plugin's",
                also: &[],
                change: Change::Reads(|case| {
                    let any = host_entries(case).any(|(_, entry)| !is_valid(case, entry));
                    let drop_them = |edited: &mut Case| {
                        let own = edited.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
                        own.into_iter()
                            .for_each(|own| own.retain(|_, entry| is_valid(case, entry)));
                    };
                    any.then(|| edited(case, drop_them)).flatten()
                }),
            },
            host_faults::INVALID_CONTRIBUTION_SKIPPED,
            host_faults::DISABLED_UNCHECKED,
            features_faults::NULL_SERVER_ABSENT,
            host_faults::HOSTED_NOT_COUNTED,
        ],
        ..Entry::of(Rule::ServerInvalidRejectsConfig)
    },
    Entry {
        reached: Reached::When(|situation| situation.rejections.len() > 1),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "largest-path-named",
                rule: Some(Rule::RejectionSmallestPath),
                what: "of several invalid places the last one is named",
                also: &[],
                change: Change::Answers(|case, answer| match (answer, resolve(case)) {
                    (Answer::Rejected { .. }, Outcome::Rejected(mut places)) => {
                        places.reverse();
                        Some(Outcome::Rejected(places).answer()).filter(|other| other != answer)
                    }
                    _ => None,
                }),
            },
            host_faults::NUMBER_ORDER,
            host_faults::HOST_FIRST,
            host_faults::DICTIONARY_ORDER,
            host_faults::UTF16_ORDER,
            host_faults::SHORTEST_FIRST,
        ],
        ..Entry::of(Rule::RejectionSmallestPath)
    },
];

fn wrong_type_passed_over(case: &Case) -> Option<Case> {
    let host = case.host.as_object()?;
    let fits = |key: &str, value: &Value| match key {
        "chatgpt_base_url" | "apps_mcp_product_sku" => value.is_string(),
        "features" | "mcp_servers" | "env" => value.is_object(),
        _ => true,
    };
    let apps_fit = |features: &Value| features.get("apps").is_none_or(Value::is_boolean);
    let misfits = host.iter().any(|(key, value)| !fits(key, value))
        || host.get("features").is_some_and(|features| !apps_fit(features));
    misfits
        .then(|| {
            edited(case, |case| {
                if let Some(host) = case.host.as_object_mut() {
                    host.retain(|key, value| fits(key, value));
                    let features = host.get_mut("features").filter(|features| !apps_fit(features));
                    features.and_then(Value::as_object_mut).into_iter().for_each(|features| {
                        features.remove("apps");
                    });
                }
            })
        })
        .flatten()
}
