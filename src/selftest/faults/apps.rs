//! Faults of the hosted contributor, the legacy loader and the gate: `hosted.*`, `legacy.*`,
//! `gate.*`, `effective.*`.

use mcp_overlay_model::{Answer, Auth, CODEX_APPS, Case, Rule};
use serde_json::Value;

use super::change::{
    changed, edited, features, host_entries, is_disabled, is_hosted, put_back, speaks_of_apps,
    with_views,
};
use super::fault::{Change, Fault};
use crate::subject::{ProductionSubject, Subject};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "hosted-waits-for-login",
        rule: Some(Rule::HostedAlwaysSpeaks),
        what: "without auth the hosted contributor says nothing",
        also: &[],
        change: Change::Resolves(|case| {
            case.auth.is_none().then(|| without_hosted(case)).flatten()
        }),
    },
    Fault {
        name: "hosted-silent-when-off",
        rule: Some(Rule::HostedDisabledRemoves),
        what: "with the feature off the hosted contributor says nothing",
        also: &[Rule::ContributionOrder],
        change: Change::Resolves(|case| {
            let off = features(case)?.get("apps") == Some(&Value::Bool(false));
            off.then(|| without_hosted(case)).flatten()
        }),
    },
    Fault {
        name: "hosted-spares-the-configured",
        rule: Some(Rule::HostedEnabledSets),
        what: "the hosted contributor says nothing to a codex_apps of the user",
        also: &[],
        change: Change::Resolves(|case| {
            let off = features(case).is_some_and(|f| f.get("apps") == Some(&Value::Bool(false)));
            let own = host_entries(case).any(|(name, _)| name == CODEX_APPS);
            (own && !off).then(|| without_hosted(case)).flatten()
        }),
    },
    Fault {
        name: "fallback-revived-after-remove",
        rule: Some(Rule::LegacyOnlyWhenSilent),
        what: "the legacy loader puts back the codex_apps that was removed",
        also: &[],
        change: Change::Answers(fallback_revived_after_remove),
    },
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
    Fault {
        name: "api-key-passes-gate",
        rule: Some(Rule::GateOpen),
        what: "an API key counts as a ChatGPT account",
        also: &[],
        change: Change::Resolves(|case| {
            let passes = case.auth == Some(Auth::ApiKey);
            passes.then(|| Case { auth: Some(Auth::ChatGpt), ..case.clone() })
        }),
    },
    Fault {
        name: "agent-identity-shut-out",
        rule: Some(Rule::GateOpen),
        what: "an agent identity counts as no ChatGPT account",
        also: &[],
        change: Change::Resolves(|case| {
            let stays = case.auth == Some(Auth::AgentIdentity);
            stays.then(|| Case { auth: None, ..case.clone() })
        }),
    },
    Fault {
        name: "closed-gate-lets-through",
        rule: Some(Rule::GateClosedRemoves),
        what: "a closed gate adds nothing, but takes nothing away either",
        also: &[],
        change: Change::Answers(|_, answer| {
            with_views(answer, |views| {
                put_back(&mut views.effective, &views.runtime, |name| name == CODEX_APPS);
            })
        }),
    },
    Fault {
        name: "gate-enables-the-disabled",
        rule: Some(Rule::GateNeverSynthesizes),
        what: "an open gate enables a codex_apps that was set disabled",
        also: &[],
        change: Change::Answers(|_, answer| {
            with_views(answer, |views| {
                if let Some(server) = views.effective.get_mut(CODEX_APPS)
                    && is_disabled(server)
                {
                    *server = changed(server, |server| drop(server.remove("enabled")));
                }
            })
        }),
    },
    Fault {
        name: "disabled-left-out-of-effective",
        rule: Some(Rule::EffectiveOthersPass),
        what: "a disabled server is not in the effective view",
        also: &[],
        change: Change::Answers(|_, answer| {
            with_views(answer, |views| {
                views.effective.retain(|name, server| name == CODEX_APPS || !is_disabled(server));
            })
        }),
    },
];

fn without_hosted(case: &Case) -> Option<Case> {
    let any = case.contributors.iter().any(is_hosted);
    any.then(|| edited(case, |case| case.contributors.retain(|c| !is_hosted(c)))).flatten()
}

fn fallback_revived_after_remove(case: &Case, answer: &Answer) -> Option<Answer> {
    let Answer::Resolved { views, .. } = answer else {
        return None;
    };
    if views.effective.contains_key(CODEX_APPS) || !speaks_of_apps(case) {
        return None;
    }
    let silent = Case { contributors: Vec::new(), ..case.clone() };
    let Answer::Resolved { views: legacy, .. } = ProductionSubject.resolve(&silent) else {
        return None;
    };
    with_views(answer, |views| {
        put_back(&mut views.effective, &legacy.effective, |name| name == CODEX_APPS);
    })
}
