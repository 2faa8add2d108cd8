//! Faults of applying contributions, `contribution.*`, `overlay.*` and `runtime.*`.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::{Answer, CODEX_APPS, Case, Contribution, ContributorKind, Rule};
use serde_json::{Value, json};

use super::change::{
    changed, edited, host_entries, is_disabled, is_hosted, is_valid, list_of, put_back, with_views,
};
use super::fault::{Change, Fault};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "contributors-sorted-by-id",
        rule: Some(Rule::ContributionOrder),
        what: "contributors are asked in the order of their ids",
        also: &[],
        change: Change::Resolves(|case| {
            let sort = |case: &mut Case| case.contributors.sort_by(|a, b| a.id.cmp(&b.id));
            (case.contributors.len() > 1).then(|| edited(case, sort)).flatten()
        }),
    },
    Fault {
        name: "set-merges-fields",
        rule: Some(Rule::OverlaySetReplacesWhole),
        what: "fields of the server that is replaced survive in the new one",
        also: &[],
        change: Change::Answers(set_merges_fields),
    },
    Fault {
        name: "set-keeps-disabled",
        rule: Some(Rule::OverlaySetReplacesWhole),
        what: "what the user disabled stays disabled, whatever is set",
        also: &[Rule::AppsServerShape],
        change: Change::Answers(set_keeps_disabled),
    },
    Fault {
        name: "token-sent-to-another-origin",
        rule: Some(Rule::OverlaySetReplacesWhole),
        what: "the environment's token goes to any codex_apps, whoever defined it",
        also: &[Rule::OverlayUntouchedStays],
        change: Change::Answers(token_sent_to_another_origin),
    },
    Fault {
        name: "removed-name-comes-back",
        rule: Some(Rule::OverlayRemoveDeletes),
        what: "a configured server that was removed is there again",
        also: &[],
        change: Change::Answers(|_, answer| {
            with_views(answer, |views| {
                let configured = &views.configured;
                put_back(&mut views.runtime, configured, |name| name != CODEX_APPS);
                put_back(&mut views.effective, configured, |name| name != CODEX_APPS);
            })
        }),
    },
    Fault {
        name: "crashes-on-remove-of-absent",
        rule: None,
        what: "a crash where a name is removed that nobody has",
        also: &[],
        change: Change::Crashes(removes_absent),
    },
    Fault {
        name: "first-of-list-wins",
        rule: Some(Rule::OverlayLastWins),
        what: "in one list the first word about a name counts",
        also: &[],
        change: Change::Resolves(first_of_list_wins),
    },
    Fault {
        name: "set-after-remove-ignored",
        rule: Some(Rule::OverlayLastWins),
        what: "what was removed once cannot be set any more",
        also: &[Rule::ContributionOrder],
        change: Change::Resolves(set_after_remove_ignored),
    },
    Fault {
        name: "names-compared-without-case",
        rule: Some(Rule::OverlayUntouchedStays),
        what: "a contribution for `Docs` hits the configured `docs`",
        also: &[Rule::OverlaySetReplacesWhole],
        change: Change::Resolves(names_compared_without_case),
    },
    Fault {
        name: "overlay-enables-the-untouched",
        rule: Some(Rule::OverlayUntouchedStays),
        what: "with any contribution, disabled servers that none names are enabled",
        also: &[],
        change: Change::Answers(overlay_enables_the_untouched),
    },
    Fault {
        name: "contributions-wait-for-login",
        rule: Some(Rule::RuntimeIsOverlaidConfigured),
        what: "without auth no scripted contribution is applied",
        also: &[],
        change: Change::Resolves(|case| {
            let forget = |case: &mut Case| {
                for contributor in &mut case.contributors {
                    if let ContributorKind::Scripted(list) = &mut contributor.kind {
                        list.clear();
                    }
                }
            };
            case.auth.is_none().then(|| edited(case, forget)).flatten()
        }),
    },
];

fn set_merges_fields(_: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        for (name, before) in &views.configured {
            for view in [&mut views.runtime, &mut views.effective] {
                if name != CODEX_APPS
                    && let Some(server) = view.get_mut(name)
                {
                    *server = changed(server, |server| {
                        for (field, value) in before.as_object().into_iter().flatten() {
                            server.entry(field.clone()).or_insert_with(|| value.clone());
                        }
                    });
                }
            }
        }
    })
}

fn set_keeps_disabled(_: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        for (name, _) in views.configured.iter().filter(|(_, server)| is_disabled(server)) {
            if let Some(server) = views.runtime.get_mut(name) {
                *server =
                    changed(server, |server| drop(server.insert("enabled".into(), json!(false))));
            }
        }
    })
}

/// By its name instead of by its origin. What the host builds itself has the variable anyway.
fn token_sent_to_another_origin(case: &Case, answer: &Answer) -> Option<Answer> {
    let token = case.host.get("env")?.get(CONNECTORS_TOKEN)?.as_str()?;
    if token.trim().is_empty() {
        return None;
    }
    with_views(answer, |views| {
        for view in [&mut views.runtime, &mut views.effective] {
            if let Some(server) = view.get_mut(CODEX_APPS).filter(|s| s.get("url").is_some()) {
                *server = changed(server, |server| {
                    server.insert("bearer_token_env_var".into(), CONNECTORS_TOKEN.into());
                });
            }
        }
    })
}

fn removes_absent(case: &Case, answer: &Answer) -> bool {
    let Answer::Resolved { views, .. } = answer else {
        return false;
    };
    let mut present: BTreeSet<&str> = views.configured.keys().map(String::as_str).collect();
    case.contributors.iter().any(|contributor| {
        present.extend(is_hosted(contributor).then_some(CODEX_APPS));
        list_of(contributor).iter().any(|contribution| match contribution {
            Contribution::Set { name, .. } => {
                present.insert(name);
                false
            }
            Contribution::Remove { name } => !present.remove(name.as_str()),
        })
    })
}

fn first_of_list_wins(case: &Case) -> Option<Case> {
    edited(case, |case| {
        for contributor in &mut case.contributors {
            if let ContributorKind::Scripted(list) = &mut contributor.kind {
                let mut seen = BTreeSet::new();
                list.retain(|contribution| seen.insert(contribution.name().to_string()));
            }
        }
    })
}

fn set_after_remove_ignored(case: &Case) -> Option<Case> {
    edited(case, |case| {
        let mut removed = BTreeSet::new();
        for contributor in &mut case.contributors {
            if let ContributorKind::Scripted(list) = &mut contributor.kind {
                list.retain(|contribution| match contribution {
                    Contribution::Remove { name } => {
                        removed.insert(name.clone());
                        true
                    }
                    Contribution::Set { name, .. } => !removed.contains(name),
                });
            }
        }
    })
}

fn names_compared_without_case(case: &Case) -> Option<Case> {
    let plugins = case.plugins.iter().filter(|plugin| plugin.active);
    let brought = plugins.flat_map(|plugin| &plugin.mcp_servers);
    let brought = brought.filter(|(_, entry)| is_valid(entry)).map(|(name, _)| name);
    let known: Vec<&String> = host_entries(case).map(|(name, _)| name).chain(brought).collect();
    let meant = |name: &str| {
        let exact = known.iter().any(|known| *known == name);
        let alike = known.iter().find(|known| known.eq_ignore_ascii_case(name));
        alike.filter(|_| !exact).map(|known| (*known).clone())
    };
    let contributions = case.contributors.iter().flat_map(list_of);
    let any = contributions.into_iter().any(|contribution| meant(contribution.name()).is_some());
    any.then(|| {
        let mut case = case.clone();
        for contributor in &mut case.contributors {
            if let ContributorKind::Scripted(list) = &mut contributor.kind {
                for contribution in list {
                    let (Contribution::Set { name, .. } | Contribution::Remove { name }) =
                        contribution;
                    if let Some(known) = meant(name) {
                        *name = known;
                    }
                }
            }
        }
        case
    })
}

fn overlay_enables_the_untouched(case: &Case, answer: &Answer) -> Option<Answer> {
    let contributions = case.contributors.iter().flat_map(list_of);
    let touched: BTreeSet<&str> = contributions.map(Contribution::name).collect();
    if touched.is_empty() {
        return None;
    }
    let enabled = |server: &Arc<Value>| changed(server, |server| drop(server.remove("enabled")));
    with_views(answer, |views| {
        for view in [&mut views.runtime, &mut views.effective] {
            for (name, server) in view {
                if name != CODEX_APPS && !touched.contains(name.as_str()) && is_disabled(server) {
                    *server = enabled(server);
                }
            }
        }
    })
}
