//! Selected plugins: `selected.*` and `thread.*`.

use mcp_overlay_model::selected::is_selected;
use mcp_overlay_model::{Answer, CODEX_APPS, Case, Contribution, Rule};
use serde_json::{Value, json};

use super::entry::{Entry, Reached, Shows};
use super::fault::change::{changed, edited, is_disabled, is_valid, with_views};
use super::fault::{Change, Fault};
use super::situation::Situation;
use super::wide::{disabled_in, offered, root_entries, with_contributions, with_roots};

/// A rule about selected plugins with one fault.
const fn rule(rule: Rule, reached: Reached, faults: &'static [Fault]) -> Entry {
    Entry { reached, shows: Shows::InViews, faults, ..Entry::of(rule) }
}

pub(super) const RULES: &[Entry] = &[
    rule(
        Rule::SelectedBetweenPluginsAndConfig,
        Reached::When(any_offer),
        &[Fault::new(
            "selected-plugin-taken-for-a-set",
            Rule::SelectedBetweenPluginsAndConfig,
            "what a selected plugin offers is set, over the host config too",
            Change::Resolves(|case| with_contributions(case, set_instead)),
        )
        .also(&[
            Rule::OverlayLastWins,
            Rule::ContributionOrder,
            Rule::SelectedFirstSelectedWins,
            Rule::OwnersOfRuntime,
        ])],
    ),
    rule(
        Rule::SelectedNotConfigured,
        Reached::When(any_offer),
        &[Fault::new(
            "selected-plugin-configured",
            Rule::SelectedNotConfigured,
            "servers of selected plugins are in `configured` too",
            Change::Answers(selected_plugin_configured),
        )
        .also(&[Rule::ConfiguredUnion])],
    ),
    rule(
        Rule::SelectedFirstSelectedWins,
        Reached::ByReason,
        &[
            Fault::new(
                "last-selected-plugin-wins",
                Rule::SelectedFirstSelectedWins,
                "the plugin that was selected last wins",
                Change::Resolves(|case| {
                    with_contributions(case, |said| {
                        if let Contribution::SelectedPlugin { selection_order, .. } = said {
                            *selection_order = u64::MAX - *selection_order;
                        }
                    })
                }),
            ),
            Fault::new(
                "first-of-equal-selections-wins",
                Rule::SelectedFirstSelectedWins,
                "of offers with the same selection order the first one wins",
                Change::Resolves(first_of_equal_selections_wins),
            ),
        ],
    ),
    Entry {
        succeeds: Some(Rule::OverlayDisabledStays),
        reached: Reached::When(|situation| {
            situation.resolved(|views| {
                let mut servers = views.selected.iter().filter_map(|offer| offer.server.as_ref());
                servers.any(|server| is_disabled(server))
            })
        }),
        faults: &[Fault::new(
            "plugin-below-a-selected-one-vetoes",
            Rule::SelectedDisabledIsNoVeto,
            "what `configured` disables stays disabled, also below a selected plugin",
            Change::Answers(plugin_below_vetoes),
        )
        .also(&[Rule::OverlaySetReplacesButDisabled, Rule::SelectedBetweenPluginsAndConfig])],
        ..Entry::of(Rule::SelectedDisabledIsNoVeto)
    },
    rule(
        Rule::SelectedReservedName,
        Reached::ByReason,
        &[Fault::new(
            "selected-codex-apps-kept",
            Rule::SelectedReservedName,
            "the loader leaves a selected plugin's codex_apps alone",
            Change::Resolves(selected_codex_apps_kept),
        )
        .also(&[Rule::LegacyFirstInRuntime])],
    ),
    rule(
        Rule::ThreadExecutorPlugins,
        Reached::When(|situation| root_entries(situation.case).next().is_some()),
        &[Fault::new(
            "only-the-first-selected-plugin",
            Rule::ThreadExecutorPlugins,
            "a thread has the servers of the first plugin that it selects, and no others",
            Change::Resolves(|case| {
                edited(case, |case| {
                    case.thread.iter_mut().for_each(|thread| thread.selected_plugins.truncate(1));
                })
            }),
        )
        .also(&[
            Rule::SelectedFirstSelectedWins,
            Rule::SelectedEnvironmentBound,
            Rule::SelectedCwdInRoot,
        ])],
    ),
    rule(
        Rule::ThreadReadyEnvironments,
        Reached::ByReason,
        &[Fault::new(
            "environments-taken-for-ready",
            Rule::ThreadReadyEnvironments,
            "plugins of environments that are not ready count",
            Change::Resolves(|case| {
                edited(case, |case| {
                    case.thread.iter_mut().for_each(|thread| thread.environments = None);
                })
            }),
        )
        .also(&[Rule::ThreadExecutorPlugins])],
    ),
    rule(
        Rule::SelectedHttpDropped,
        Reached::ByReason,
        &[Fault::new(
            "selected-http-kept",
            Rule::SelectedHttpDropped,
            "an HTTP server of a selected plugin counts",
            Change::Resolves(|case| offered(case, |_, entry| entry.get("url").is_some())),
        )],
    ),
    rule(
        Rule::SelectedEnvironmentBound,
        Reached::ByReason,
        &[Fault::new(
            "selected-plugin-chooses-its-environment",
            Rule::SelectedEnvironmentBound,
            "a selected plugin's server is in the environment that it declares",
            Change::Answers(declared_environment),
        )
        .also(&[Rule::SelectedCwdInRoot, Rule::ServerFieldsKept])],
    ),
    rule(
        Rule::SelectedCwdAsWritten,
        Reached::ByReason,
        &[Fault::new(
            "selected-cwd-may-leave",
            Rule::SelectedCwdAsWritten,
            "a relative cwd of a selected plugin may leave its root",
            Change::Resolves(|case| {
                with_cwds(case, |root, cwd| {
                    let leaves = !cwd.starts_with('/') && cwd.split('/').any(|part| part == "..");
                    leaves.then(|| format!("{root}/{cwd}"))
                })
            }),
        )],
    ),
    rule(
        Rule::SelectedCwdInRoot,
        Reached::ByReason,
        &[Fault::new(
            "selected-sibling-taken-for-the-root",
            Rule::SelectedCwdInRoot,
            "a folder whose path begins like the root's counts as being in it",
            Change::Resolves(|case| {
                with_cwds(case, |root, cwd| {
                    let rest = cwd.strip_prefix(root)?;
                    let is_sibling = !rest.is_empty() && !rest.starts_with(['/', '\\']);
                    (is_sibling && !root.ends_with(['/', '\\'])).then(String::new)
                })
            }),
        )],
    ),
    rule(
        Rule::SelectedEnvVarsStay,
        Reached::ByReason,
        &[Fault::new(
            "selected-variables-of-the-host",
            Rule::SelectedEnvVarsStay,
            "a selected plugin's server in another environment gets the host's variables",
            Change::Answers(variables_of_the_host),
        )
        .also(&[Rule::ServerEnvVars])],
    ),
    rule(
        Rule::SelectedHttpNoEnvironment,
        Reached::ByReason,
        &[Fault::new(
            "selected-bearer-of-the-host",
            Rule::SelectedHttpNoEnvironment,
            "a selected plugin's bearer is taken from the host's environment",
            Change::Resolves(|case| {
                offered(case, |root, entry| {
                    let is_remote = root.environment_id != "local";
                    is_remote && entry.get("bearer_token_env_var").is_some()
                })
            }),
        )
        .also(&[Rule::ServerUnknownField])],
    ),
    rule(
        Rule::SelectedInvalidDropped,
        Reached::ByReason,
        &[Fault::new(
            "invalid-server-drops-selected-plugin",
            Rule::SelectedInvalidDropped,
            "one invalid server takes its whole selected plugin along",
            Change::Resolves(|case| {
                with_roots(case, |root| {
                    if root.mcp_servers.values().any(|entry| !is_valid(case, entry)) {
                        root.mcp_servers.clear();
                    }
                })
            }),
        )
        .also(&[
            Rule::ThreadExecutorPlugins,
            Rule::SelectedCwdInRoot,
            Rule::SelectedEnvVarsStay,
        ])],
    ),
    rule(
        Rule::SelectedRootAbsolute,
        Reached::ByReason,
        &[Fault::new(
            "relative-root-taken",
            Rule::SelectedRootAbsolute,
            "a relative root of a selected plugin is taken for an absolute one",
            Change::Reads(|case| {
                with_roots(case, |root| {
                    let plain = |c: char| c.is_ascii_alphanumeric();
                    if root.root.starts_with(plain) && !root.root.contains(':') {
                        root.root.insert(0, '/');
                    }
                })
            }),
        )],
    ),
];

fn any_offer(situation: &Situation<'_>) -> bool {
    situation.resolved(|views| views.selected.iter().any(|offer| offer.server.is_some()))
}

fn set_instead(said: &mut Contribution) {
    if let Contribution::SelectedPlugin { name, server, .. } = said {
        *said = Contribution::Set { name: name.clone(), server: server.clone() };
    }
}

fn selected_plugin_configured(case: &Case, answer: &Answer) -> Option<Answer> {
    let mcp_overlay_model::Outcome::Resolved(resolution) = mcp_overlay_model::resolve(case) else {
        return None;
    };
    let from_selected = resolution.runtime.iter().filter(|(_, d)| is_selected(d.reason.by));
    let names: Vec<String> = from_selected.map(|(name, _)| name.clone()).collect();
    with_views(answer, |views| {
        for name in names {
            if let Some(server) = views.runtime.get(&name) {
                views.configured.entry(name).or_insert_with(|| server.clone());
            }
        }
    })
}

/// With the lists and the contributors in reverse order, and every `Set` and `Remove` left out: only
/// where there are none.
fn first_of_equal_selections_wins(case: &Case) -> Option<Case> {
    let lists = case.contributors.iter().flat_map(super::fault::change::list_of);
    let only = lists.into_iter().all(|said| matches!(said, Contribution::SelectedPlugin { .. }));
    let reversed = |case: &mut Case| {
        case.contributors.reverse();
        for contributor in &mut case.contributors {
            if let mcp_overlay_model::ContributorKind::Scripted(list) = &mut contributor.kind {
                list.reverse();
            }
        }
    };
    only.then(|| edited(case, reversed)).flatten()
}

fn plugin_below_vetoes(_: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        let disabled = views.configured.iter().filter(|(_, server)| is_disabled(server));
        let names: Vec<String> = disabled.map(|(name, _)| name.clone()).collect();
        for name in names {
            disabled_in(&mut views.runtime, &name);
            disabled_in(&mut views.effective, &name);
        }
    })
}

fn selected_codex_apps_kept(case: &Case) -> Option<Case> {
    let lists = case.contributors.iter().flat_map(super::fault::change::list_of);
    let names_it = lists.into_iter().any(|said| {
        said.name() == CODEX_APPS && !matches!(said, Contribution::SelectedPlugin { .. })
    });
    let set = |said: &mut Contribution| {
        if said.name() == CODEX_APPS {
            set_instead(said);
        }
    };
    (!names_it).then(|| with_contributions(case, set)).flatten()
}

fn declared_environment(case: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        for (_, root, name, entry) in root_entries(case) {
            let declared = entry.get("environment_id").and_then(Value::as_str);
            let Some(declared) = declared.filter(|declared| *declared != root.environment_id)
            else {
                continue;
            };
            for view in [&mut views.runtime, &mut views.effective] {
                let Some(server) = view.get_mut(name) else { continue };
                *server = changed(server, |server| {
                    server.remove("environment_id");
                    if declared != "local" {
                        server.insert("environment_id".into(), declared.into());
                    }
                });
            }
        }
    })
}

/// A case in which cwds of the thread's plugins are others; `other` gets the root and the cwd.
fn with_cwds(case: &Case, other: impl Fn(&str, &str) -> Option<String>) -> Option<Case> {
    with_roots(case, |plugin| {
        let root = plugin.root.clone();
        for entry in plugin.mcp_servers.values_mut() {
            let cwd = entry.get("cwd").and_then(Value::as_str);
            let other = cwd.and_then(|cwd| other(&root, cwd));
            if let (Some(other), Some(cwd)) = (other, entry.get_mut("cwd")) {
                *cwd = other.into();
            }
        }
    })
}

fn variables_of_the_host(case: &Case, answer: &Answer) -> Option<Answer> {
    with_views(answer, |views| {
        for (_, root, name, _) in
            root_entries(case).filter(|(_, r, ..)| r.environment_id != "local")
        {
            for view in [&mut views.runtime, &mut views.effective] {
                let Some(server) = view.get_mut(name) else { continue };
                let bound = server.get("environment_id") == Some(&json!(root.environment_id));
                *server = changed(server, |server| {
                    let variables = server.get_mut("env_vars").and_then(Value::as_array_mut);
                    for variable in variables.into_iter().flatten().filter(|_| bound) {
                        if let Some(table) = variable.as_object_mut() {
                            table.insert("source".into(), "local".into());
                        }
                    }
                });
            }
        }
    })
}
