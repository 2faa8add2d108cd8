//! Applying contributions: `contribution.*`, `overlay.*` and `runtime.*`.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::{Answer, CODEX_APPS, Case, Contribution, ContributorKind, Rule};
use serde_json::{Map, Value, json};

use super::entry::{Entry, Reached, Rewrite, Shows, Step};
use super::fault::change::{
    changed, edited, host_entries, is_disabled, is_hosted, is_valid, list_of, put_back,
    speaks_of_apps, with_views,
};
use super::fault::{Change, Fault};
use super::overlay_faults;
use crate::subject::{ProductionSubject, Subject};

pub(super) const RULES: &[Entry] = &[
    Entry {
        rewrite: Some(Rewrite { step: Step::Contributions, write: drop_overruled_in_one_list }),
        faults: &[
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
            overlay_faults::REMOVES_FIRST,
            overlay_faults::FIRST_PAGE_ONLY,
        ],
        ..Entry::of(Rule::OverlayLastWins)
    },
    Entry {
        rewrite: Some(Rewrite {
            step: Step::Contributions,
            write: drop_overruled_by_later_contributors,
        }),
        faults: &[
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
            overlay_faults::HOSTED_FIRST,
            overlay_faults::MANY_IN_ORDER_OF_TEXT,
        ],
        ..Entry::of(Rule::ContributionOrder)
    },
    Entry {
        faults: &[
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
            overlay_faults::DISABLED_SET_SKIPPED,
            overlay_faults::DISABLED_SET_REMOVES,
            overlay_faults::SET_ALWAYS_ENABLED,
            overlay_faults::SET_MERGES_ENV,
            overlay_faults::SAME_COMMAND_NOT_SET,
        ],
        ..Entry::of(Rule::OverlaySetReplacesWhole)
    },
    Entry {
        succeeds: Some(Rule::OverlaySetReplacesWhole),
        faults: &[Fault {
            name: "fields-survive-a-set",
            rule: Some(Rule::OverlaySetReplacesButDisabled),
            what: "more than `enabled` survives of the server that is replaced",
            also: &[
                Rule::OverlayDisabledStays,
                Rule::SelectedDisabledIsNoVeto,
                Rule::SelectedBetweenPluginsAndConfig,
            ],
            change: Change::Answers(set_merges_fields),
        }],
        ..Entry::of(Rule::OverlaySetReplacesButDisabled)
    },
    Entry {
        faults: &[
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
            overlay_faults::REMOVE_DISABLES,
        ],
        ..Entry::of(Rule::OverlayRemoveDeletes)
    },
    Entry {
        faults: &[
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
            overlay_faults::REQUIRED_ENABLED,
        ],
        ..Entry::of(Rule::OverlayUntouchedStays)
    },
    Entry {
        succeeds: Some(Rule::OverlayUntouchedStays),
        faults: &[Fault {
            name: "names-folded-to-a-known-one",
            rule: Some(Rule::OverlayOthersUntouchedStay),
            what: "a contribution for `Docs` hits the configured `docs`",
            also: &[
                Rule::SelectedBetweenPluginsAndConfig,
                Rule::OverlaySetReplacesButDisabled,
                Rule::OverlayDisabledStays,
                Rule::OverlayRemoveDeletes,
                Rule::RuntimeThreePhases,
                Rule::LegacyFirstInRuntime,
            ],
            change: Change::Resolves(names_compared_without_case),
        }],
        ..Entry::of(Rule::OverlayOthersUntouchedStay)
    },
    Entry {
        faults: &[
            Fault {
                name: "set-enables-the-disabled",
                rule: Some(Rule::OverlayDisabledStays),
                what: "what the user disabled is enabled by a contribution that sets it",
                also: &[],
                change: Change::Answers(set_enables_the_disabled),
            },
            overlay_faults::PLUGIN_SET_AGAIN,
            overlay_faults::APPS_ENABLED_AGAIN,
        ],
        ..Entry::of(Rule::OverlayDisabledStays)
    },
    Entry {
        reached: Reached::When(|situation| situation.resolved(|views| !views.overlays.is_empty())),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "set-adds-an-alias",
                rule: Some(Rule::RuntimeIsOverlaidConfigured),
                what: "a server that is set as `Docs` is there as `docs` too",
                also: &[],
                change: Change::Answers(set_adds_an_alias),
            },
            overlay_faults::NAMESAKE_REPLACED,
            overlay_faults::NAMELESS_SKIPPED,
        ],
        ..Entry::of(Rule::RuntimeIsOverlaidConfigured)
    },
    Entry {
        succeeds: Some(Rule::RuntimeIsOverlaidConfigured),
        reached: Reached::When(|situation| situation.resolved(|views| !views.overlays.is_empty())),
        shows: Shows::InViews,
        faults: &[Fault {
            name: "loader-after-contributions",
            rule: Some(Rule::RuntimeThreePhases),
            what: "the legacy loader comes after the contributions and overrules them",
            also: &[Rule::HostedAtPsMcp],
            change: Change::Answers(loader_after_contributions),
        }],
        ..Entry::of(Rule::RuntimeThreePhases)
    },
    Entry {
        reached: Reached::When(|situation| situation.resolved(|views| !views.runtime.is_empty())),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "contributions-wait-for-login",
                rule: Some(Rule::RuntimeAuthBlind),
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
            overlay_faults::PLUGINS_NEED_AN_ACCOUNT,
        ],
        ..Entry::of(Rule::RuntimeAuthBlind)
    },
];

fn set_merges_fields(case: &Case, answer: &Answer) -> Option<Answer> {
    let named: BTreeSet<&str> =
        case.contributors.iter().flat_map(list_of).map(Contribution::name).collect();
    with_views(answer, |views| {
        let replaced = |name: &str| name != CODEX_APPS && named.contains(name);
        for (name, before) in views.configured.iter().filter(|(name, _)| replaced(name)) {
            for view in [&mut views.runtime, &mut views.effective] {
                if let Some(server) = view.get_mut(name) {
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
            Contribution::SelectedPlugin { .. } => false,
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
                    Contribution::SelectedPlugin { .. } => true,
                });
            }
        }
    })
}

fn names_compared_without_case(case: &Case) -> Option<Case> {
    let plugins = case.plugins.iter().filter(|plugin| plugin.active);
    let brought = plugins.flat_map(|plugin| &plugin.mcp_servers);
    let brought = brought.filter(|(_, entry)| is_valid(case, entry)).map(|(name, _)| name);
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
                    let name = contribution.name_mut();
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

/// As if nothing were disabled, under the names that a contribution sets.
fn set_enables_the_disabled(case: &Case, answer: &Answer) -> Option<Answer> {
    let set: BTreeSet<&str> = case
        .contributors
        .iter()
        .flat_map(list_of)
        .filter(|contribution| matches!(contribution, Contribution::Set { .. }))
        .map(Contribution::name)
        .collect();
    let Answer::Resolved { views, .. } = answer else {
        return None;
    };
    let mut disabled = views.configured.iter().filter(|(_, server)| is_disabled(server));
    if !disabled.any(|(name, _)| set.contains(name.as_str())) {
        return None;
    }
    let enabled = edited(case, |case| {
        for entry in entries_before_contributions(case) {
            entry.remove("enabled");
        }
    })?;
    let Answer::Resolved { views: enabled, .. } = ProductionSubject.resolve(&enabled) else {
        return None;
    };
    with_views(answer, |views| {
        for (view, enabled) in
            [(&mut views.runtime, enabled.runtime), (&mut views.effective, enabled.effective)]
        {
            view.extend(enabled.into_iter().filter(|(name, _)| set.contains(name.as_str())));
        }
    })
}

fn entries_before_contributions(case: &mut Case) -> impl Iterator<Item = &mut Map<String, Value>> {
    let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
    let own = own.into_iter().flat_map(|servers| servers.values_mut());
    let of_plugins = case.plugins.iter_mut().flat_map(|plugin| plugin.mcp_servers.values_mut());
    own.chain(of_plugins).filter_map(Value::as_object_mut)
}

fn set_adds_an_alias(case: &Case, answer: &Answer) -> Option<Answer> {
    let contributions = || case.contributors.iter().flat_map(list_of);
    let named: BTreeSet<&str> = contributions().map(Contribution::name).collect();
    let alias = |name: &str| {
        let alias = name.to_lowercase();
        (alias != name && alias != CODEX_APPS && !named.contains(alias.as_str())).then_some(alias)
    };
    with_views(answer, |views| {
        for view in [&mut views.runtime, &mut views.effective] {
            for name in &named {
                if let (Some(alias), Some(server)) = (alias(name), view.get(*name).cloned()) {
                    view.entry(alias).or_insert(server);
                }
            }
        }
    })
}

fn loader_after_contributions(case: &Case, answer: &Answer) -> Option<Answer> {
    if !speaks_of_apps(case) {
        return None;
    }
    let silent = Case { contributors: Vec::new(), ..case.clone() };
    let Answer::Resolved { views: loaded, .. } = ProductionSubject.resolve(&silent) else {
        return None;
    };
    with_views(answer, |views| {
        for (view, loaded) in
            [(&mut views.runtime, loaded.runtime), (&mut views.effective, loaded.effective)]
        {
            view.extend(loaded.into_iter().filter(|(name, _)| name == CODEX_APPS));
        }
    })
}

fn drop_overruled_in_one_list(case: &mut Case) {
    for contributor in &mut case.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            keep_last_of_each(list, &mut BTreeSet::new());
        }
    }
}

fn drop_overruled_by_later_contributors(case: &mut Case) {
    let mut named = BTreeSet::new();
    case.contributors.reverse();
    case.contributors.retain_mut(|contributor| match &mut contributor.kind {
        ContributorKind::HostedApps => named.insert(CODEX_APPS.to_string()),
        ContributorKind::ExecutorPlugins => true,
        ContributorKind::Scripted(list) => {
            keep_last_of_each(list, &mut named);
            true
        }
    });
    case.contributors.reverse();
}

/// Keeps the last contribution of each name that is not `named` yet, and adds its name.
fn keep_last_of_each(list: &mut Vec<Contribution>, named: &mut BTreeSet<String>) {
    list.reverse();
    list.retain(|contribution| {
        let is_selected = matches!(contribution, Contribution::SelectedPlugin { .. });
        is_selected || named.insert(contribution.name().to_string())
    });
    list.reverse();
}
