//! Who puts the Apps server into a view: `hosted.*` and `legacy.*`.

use mcp_overlay_model::{Answer, CODEX_APPS, Case, Contribution, Rule};
use serde_json::Value;

use super::apps_faults;
use super::entry::{Entry, Reached, Shows};
use super::fault::change::{
    edited, fallback_revived_after_remove, features, host_entries, is_hosted, list_of,
    speaks_of_apps, with_url, with_views,
};
use super::fault::{Change, Fault};

pub(super) const RULES: &[Entry] = &[
    Entry {
        reached: Reached::When(|situation| {
            situation.resolution.is_some()
                && situation.has_hosted_apps()
                && !situation.gate_is_open()
        }),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "hosted-waits-for-login",
                rule: Some(Rule::HostedAlwaysSpeaks),
                what: "without auth the hosted contributor says nothing",
                also: &[],
                change: Change::Resolves(|case| {
                    case.auth.is_none().then(|| without_hosted(case)).flatten()
                }),
            },
            apps_faults::SECOND_HOSTED_SILENT,
        ],
        ..Entry::of(Rule::HostedAlwaysSpeaks)
    },
    Entry {
        faults: &[Fault {
            name: "hosted-silent-when-off",
            rule: Some(Rule::HostedDisabledRemoves),
            what: "with the feature off the hosted contributor says nothing",
            also: &[Rule::ContributionOrder, Rule::FeaturesConnectorsAlias],
            change: Change::Resolves(|case| {
                let off = features(case)?.get("apps") == Some(&Value::Bool(false));
                off.then(|| without_hosted(case)).flatten()
            }),
        }],
        ..Entry::of(Rule::HostedDisabledRemoves)
    },
    Entry {
        faults: &[Fault {
            name: "hosted-spares-the-configured",
            rule: Some(Rule::HostedEnabledSets),
            what: "the hosted contributor says nothing to a codex_apps of the user",
            also: &[],
            change: Change::Resolves(|case| {
                let off =
                    features(case).is_some_and(|f| f.get("apps") == Some(&Value::Bool(false)));
                let own = host_entries(case).any(|(name, _)| name == CODEX_APPS);
                (own && !off).then(|| without_hosted(case)).flatten()
            }),
        }],
        ..Entry::of(Rule::HostedEnabledSets)
    },
    Entry {
        reached: Reached::When(|situation| situation.built(|apps| apps.hosted)),
        faults: &[Fault {
            name: "hosted-at-the-legacy-path",
            rule: Some(Rule::HostedAtPsMcp),
            what: "the hosted contributor sets the path that the legacy loader sets",
            also: &[],
            change: Change::Answers(hosted_at_the_legacy_path),
        }],
        ..Entry::of(Rule::HostedAtPsMcp)
    },
    Entry {
        reached: Reached::When(|situation| situation.gate_is_open()),
        shows: Shows::InViews,
        faults: &[Fault {
            name: "fallback-revived-after-remove",
            rule: Some(Rule::LegacyOnlyWhenSilent),
            what: "the legacy loader puts back the codex_apps that was removed",
            also: &[],
            change: Change::Answers(fallback_revived_after_remove),
        }],
        ..Entry::of(Rule::LegacyOnlyWhenSilent)
    },
    Entry {
        faults: &[
            Fault {
                name: "fallback-keeps-the-configured",
                rule: Some(Rule::LegacySynthesizesInEffective),
                what: "the legacy loader leaves a configured codex_apps as it is",
                also: &[],
                change: Change::Answers(|case, answer| {
                    if speaks_of_apps(case) {
                        return None;
                    }
                    with_views(answer, |views| {
                        if let (Some(loaded), Some(own)) =
                            (views.effective.get_mut(CODEX_APPS), views.runtime.get(CODEX_APPS))
                        {
                            *loaded = own.clone();
                        }
                    })
                }),
            },
            Fault {
                name: "fallback-touches-runtime",
                rule: Some(Rule::LegacySynthesizesInEffective),
                what: "the legacy loader puts the Apps server into runtime already",
                also: &[],
                change: Change::Answers(|case, answer| {
                    if speaks_of_apps(case) {
                        return None;
                    }
                    with_views(answer, |views| {
                        if let Some(loaded) = views.effective.get(CODEX_APPS) {
                            views.runtime.insert(CODEX_APPS.into(), loaded.clone());
                        }
                    })
                }),
            },
        ],
        ..Entry::of(Rule::LegacySynthesizesInEffective)
    },
    Entry {
        succeeds: Some(Rule::LegacySynthesizesInEffective),
        shows: Shows::InViews,
        faults: &[
            Fault {
                name: "loader-keeps-the-configured",
                rule: Some(Rule::LegacyFirstInRuntime),
                what: "the legacy loader leaves a configured codex_apps as it is",
                also: &[Rule::GateClosedRemoves],
                change: Change::Answers(loader_keeps_the_configured),
            },
            Fault {
                name: "loader-waits-for-login",
                rule: Some(Rule::LegacyFirstInRuntime),
                what: "without auth the legacy loader loads nothing into runtime",
                also: &[],
                change: Change::Answers(loader_waits_for_login),
            },
            apps_faults::LOADER_OFF_KEEPS,
        ],
        ..Entry::of(Rule::LegacyFirstInRuntime)
    },
];

fn without_hosted(case: &Case) -> Option<Case> {
    let any = case.contributors.iter().any(is_hosted);
    any.then(|| edited(case, |case| case.contributors.retain(|c| !is_hosted(c)))).flatten()
}

/// Only where the hosted contributor is the last that names the Apps server.
fn hosted_at_the_legacy_path(case: &Case, answer: &Answer) -> Option<Answer> {
    let names_apps = |contribution: &Contribution| contribution.name() == CODEX_APPS;
    let speaks =
        case.contributors.iter().rev().find(|contributor| {
            is_hosted(contributor) || list_of(contributor).iter().any(names_apps)
        });
    if !speaks.is_some_and(is_hosted) {
        return None;
    }
    with_url(case, answer, |url| match url.strip_suffix("/ps/mcp") {
        Some(base) if base.ends_with("/api/codex") => format!("{base}/apps"),
        Some(base) => format!("{base}/wham/apps"),
        None => url.into(),
    })
}

fn loader_keeps_the_configured(case: &Case, answer: &Answer) -> Option<Answer> {
    if speaks_of_apps(case) {
        return None;
    }
    with_views(answer, |views| {
        let configured = views.configured.get(CODEX_APPS);
        for view in [&mut views.runtime, &mut views.effective] {
            if let (Some(loaded), Some(own)) = (view.get_mut(CODEX_APPS), configured) {
                *loaded = own.clone();
            }
        }
    })
}

fn loader_waits_for_login(case: &Case, answer: &Answer) -> Option<Answer> {
    if speaks_of_apps(case) || case.auth.is_some() {
        return None;
    }
    with_views(answer, |views| drop(views.runtime.remove(CODEX_APPS)))
}
