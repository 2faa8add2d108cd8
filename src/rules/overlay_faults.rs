//! Faults of `contribution.*`, `overlay.*` and `runtime.*`; the entries in `overlay.rs` list them. A
//! comment names the public report in which such a mistake was seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Rule, ServerView,
};
use serde_json::{Value, json};

use super::fault::change::{
    changed, edited, host_entries, is_disabled, is_hosted, list_of, with_views,
};
use super::fault::{Change, Fault};

const fn fault(
    name: &'static str,
    rule: Rule,
    what: &'static str,
    change: fn(&Case) -> Option<Case>,
) -> Fault {
    Fault::new(name, rule, what, Change::Resolves(change))
}

pub(super) const REMOVES_FIRST: Fault = fault(
    "removes-before-sets",
    Rule::OverlayLastWins,
    "in one list every `Remove` is applied before every `Set`",
    |case| {
        with_lists(case, |list| {
            list.sort_by_key(|c| matches!(c, Contribution::Set { .. }));
        })
    },
);

/// A page of a list, of which only the first one is read.
pub(super) const FIRST_PAGE_ONLY: Fault = fault(
    "contributions-past-the-first-page",
    Rule::OverlayLastWins,
    "of one list the first 20 contributions count",
    |case| with_lists(case, |list| list.truncate(20)),
)
.also(&[Rule::OverlaySetReplacesWhole, Rule::OverlayRemoveDeletes, Rule::ContributionOrder]);

/// A map of contributors by id.
pub(super) const NAMESAKE_REPLACED: Fault = fault(
    "contributor-replaced-by-namesake",
    Rule::RuntimeIsOverlaidConfigured,
    "of contributors of one id the last one counts",
    |case| {
        let is_last = |index: usize, id: &str| {
            !case.contributors.iter().skip(index + 1).any(|later| later.id == id)
        };
        keep_contributors(case, |index, contributor| is_last(index, &contributor.id))
    },
)
.also(&[
    Rule::OverlaySetReplacesWhole,
    Rule::OverlayRemoveDeletes,
    Rule::ContributionOrder,
    Rule::HostedEnabledSets,
    Rule::LegacyOnlyWhenSilent,
]);

/// A truth test of the id.
pub(super) const NAMELESS_SKIPPED: Fault = fault(
    "contributor-without-id-skipped",
    Rule::RuntimeIsOverlaidConfigured,
    "a contributor whose id is empty is not asked",
    |case| keep_contributors(case, |_, contributor| !contributor.id.is_empty()),
)
.also(&[
    Rule::OverlaySetReplacesWhole,
    Rule::OverlayRemoveDeletes,
    Rule::ContributionOrder,
    Rule::HostedEnabledSets,
    Rule::LegacyOnlyWhenSilent,
]);

/// What the host has built in comes before what is installed.
pub(super) const HOSTED_FIRST: Fault = fault(
    "hosted-contributor-asked-first",
    Rule::ContributionOrder,
    "the hosted-apps contributor comes before every other one",
    |case| {
        let is_sorted = case.contributors.is_sorted_by_key(|c| !is_hosted(c));
        let sort = |case: &mut Case| case.contributors.sort_by_key(|c| !is_hosted(c));
        (!is_sorted).then(|| edited(case, sort)).flatten()
    },
);

pub(super) const MANY_IN_ORDER_OF_TEXT: Fault = fault(
    "contributors-ordered-by-index-text",
    Rule::ContributionOrder,
    "the eleventh contributor comes between the second and the third",
    |case| {
        if case.contributors.len() <= 10 {
            return None;
        }
        let mut order: Vec<(usize, &Contributor)> = case.contributors.iter().enumerate().collect();
        order.sort_by_key(|(index, _)| index.to_string());
        let contributors = order.into_iter().map(|(_, contributor)| contributor.clone()).collect();
        Some(Case { contributors, ..case.clone() })
    },
);

// code-yeongyu/oh-my-openagent#985: the flag only skips the entry that has it.
pub(super) const DISABLED_SET_SKIPPED: Fault = fault(
    "disabled-set-skipped",
    Rule::OverlaySetReplacesWhole,
    "a `Set` of a disabled server does nothing",
    |case| {
        let is_skipped =
            |c: &Contribution| matches!(c, Contribution::Set { server, .. } if is_disabled(server));
        with_lists_if(case, is_skipped, |list| list.retain(|c| !is_skipped(c)))
    },
)
.also(&[Rule::ContributionOrder, Rule::OverlayLastWins, Rule::LegacyOnlyWhenSilent]);

// code-yeongyu/oh-my-openagent#985: what mended it.
pub(super) const DISABLED_SET_REMOVES: Fault = fault(
    "disabled-set-removes",
    Rule::OverlaySetReplacesWhole,
    "a `Set` of a disabled server removes the server",
    |case| {
        let is_meant =
            |c: &Contribution| matches!(c, Contribution::Set { server, .. } if is_disabled(server));
        with_lists_if(case, is_meant, |list| {
            for contribution in list.iter_mut().filter(|c| is_meant(c)) {
                *contribution = Contribution::Remove { name: contribution.name().into() };
            }
        })
    },
);

pub(super) const SET_ALWAYS_ENABLED: Fault = fault(
    "set-server-always-enabled",
    Rule::OverlaySetReplacesWhole,
    "`enabled` does not count in a `Set`",
    |case| {
        let is_meant =
            |c: &Contribution| matches!(c, Contribution::Set { server, .. } if is_disabled(server));
        with_lists_if(case, is_meant, |list| {
            for contribution in list {
                if let Contribution::Set { server: Value::Object(server), .. } = contribution {
                    server.remove("enabled");
                }
            }
        })
    },
);

// 1mcp-app/agent#275 merges env of two sources on purpose.
pub(super) const SET_MERGES_ENV: Fault = Fault::new(
    "set-merges-env",
    Rule::OverlaySetReplacesWhole,
    "the env of a server that is set has the variables of the one that it replaces too",
    Change::Answers(|case, answer| with_replaced(case, answer, merged_env)),
);

// anthropics/claude-code#85862: what has the same command and args is the same, whatever its env.
pub(super) const SAME_COMMAND_NOT_SET: Fault = Fault::new(
    "set-of-the-same-command-skipped",
    Rule::OverlaySetReplacesWhole,
    "a `Set` changes nothing where the configured server has the same command and args",
    Change::Answers(|case, answer| {
        with_replaced(case, answer, |before, set| {
            let alike = ["command", "args", "url"].iter().all(|f| before.get(*f) == set.get(*f));
            alike.then(|| before.clone())
        })
    }),
);

pub(super) const REMOVE_DISABLES: Fault = Fault::new(
    "remove-only-disables",
    Rule::OverlayRemoveDeletes,
    "a configured server that is removed is there, disabled",
    Change::Answers(|case, answer| {
        let removed = removed_names(case);
        with_views(answer, |views| {
            for (name, server) in &views.configured {
                if removed.contains(name.as_str()) && !views.runtime.contains_key(name) {
                    let off = changed(server, |s| drop(s.insert("enabled".into(), json!(false))));
                    views.runtime.insert(name.clone(), Arc::clone(&off));
                    views.effective.insert(name.clone(), off);
                }
            }
        })
    }),
);

pub(super) const PLUGIN_SET_AGAIN: Fault = Fault::new(
    "disabled-by-plugin-does-not-stay",
    Rule::OverlayDisabledStays,
    "only what the user disabled stays disabled, not what a plugin did",
    Change::Answers(|case, answer| {
        let is_own = |name: &str| host_entries(case).any(|(own, _)| own == name);
        enabled_where(answer, |name| {
            name != CODEX_APPS && !is_own(name) && is_set_enabled(case, name)
        })
    }),
);

pub(super) const APPS_ENABLED_AGAIN: Fault = Fault::new(
    "disabled-apps-server-set-enabled",
    Rule::OverlayDisabledStays,
    "a codex_apps that the user disabled is enabled by a contribution that sets it",
    Change::Answers(|case, answer| {
        let by_hosted = case.contributors.iter().any(is_hosted);
        let is_meant = !by_hosted && is_set_enabled(case, CODEX_APPS);
        is_meant.then(|| enabled_where(answer, |name| name == CODEX_APPS)).flatten()
    }),
);

/// Plugins belong to an account.
pub(super) const PLUGINS_NEED_AN_ACCOUNT: Fault = fault(
    "plugins-need-an-account",
    Rule::RuntimeAuthBlind,
    "with an API key plugins bring no servers",
    |case| {
        let is_meant = case.auth == Some(Auth::ApiKey) && !case.plugins.is_empty();
        is_meant.then(|| Case { plugins: Vec::new(), ..case.clone() })
    },
);

pub(super) const REQUIRED_ENABLED: Fault = Fault::new(
    "untouched-required-enabled",
    Rule::OverlayUntouchedStays,
    "a disabled server that is required is enabled in runtime",
    Change::Answers(|case, answer| {
        let touched = names_that(case, |_| true);
        with_views(answer, |views| {
            for view in [&mut views.runtime, &mut views.effective] {
                for (name, server) in view {
                    let is_meant = server.get("required") == Some(&Value::Bool(true));
                    if is_meant && is_disabled(server) && !touched.contains(name.as_str()) {
                        *server = changed(server, |server| drop(server.remove("enabled")));
                    }
                }
            }
        })
    }),
);

fn with_lists(case: &Case, change: impl Fn(&mut Vec<Contribution>)) -> Option<Case> {
    with_lists_if(case, |_| true, change)
}

/// A case in which the scripted lists are changed, if one has such a contribution.
fn with_lists_if(
    case: &Case,
    is_meant: impl Fn(&Contribution) -> bool,
    change: impl Fn(&mut Vec<Contribution>),
) -> Option<Case> {
    let any = case.contributors.iter().flat_map(list_of).any(is_meant);
    let change_all = |case: &mut Case| {
        for contributor in &mut case.contributors {
            if let ContributorKind::Scripted(list) = &mut contributor.kind {
                change(list);
            }
        }
    };
    any.then(|| edited(case, change_all)).flatten()
}

fn keep_contributors(case: &Case, keep: impl Fn(usize, &Contributor) -> bool) -> Option<Case> {
    let kept = case.contributors.iter().enumerate().filter(|(index, c)| keep(*index, c));
    let kept: Vec<Contributor> = kept.map(|(_, contributor)| contributor.clone()).collect();
    let fewer = kept.len() < case.contributors.len();
    fewer.then(|| Case { contributors: kept, ..case.clone() })
}

fn names_that(case: &Case, is_meant: impl Fn(&Contribution) -> bool) -> BTreeSet<&str> {
    let contributions = case.contributors.iter().flat_map(list_of);
    contributions.filter(|c| is_meant(c)).map(Contribution::name).collect()
}

fn removed_names(case: &Case) -> BTreeSet<&str> {
    names_that(case, |c| matches!(c, Contribution::Remove { .. }))
}

/// Whether the last contribution that names it sets a server that is enabled.
fn is_set_enabled(case: &Case, name: &str) -> bool {
    let last = case.contributors.iter().flat_map(list_of).rfind(|c| c.name() == name);
    matches!(last, Some(Contribution::Set { server, .. }) if !is_disabled(server))
}

/// Changes the servers that replaced a configured one: `change` gets the one before and the new one.
fn with_replaced(
    case: &Case,
    answer: &Answer,
    change: fn(&Value, &Value) -> Option<Value>,
) -> Option<Answer> {
    let set = names_that(case, |c| matches!(c, Contribution::Set { .. }));
    if set.is_empty() {
        return None;
    }
    with_views(answer, |views| {
        let replaced = |name: &str| name != CODEX_APPS && set.contains(name);
        for (name, before) in views.configured.iter().filter(|(name, _)| replaced(name)) {
            let replace = |view: &mut ServerView| {
                if let Some(server) = view.get_mut(name)
                    && let Some(other) = change(before, server)
                {
                    *server = Arc::new(other);
                }
            };
            [&mut views.runtime, &mut views.effective].into_iter().for_each(replace);
        }
    })
}

fn merged_env(before: &Value, set: &Value) -> Option<Value> {
    let (before, env) = (before.get("env")?.as_object()?, set.get("env")?.as_object()?);
    let mut merged = before.clone();
    merged.extend(env.clone());
    let mut set = set.clone();
    *set.get_mut("env")? = Value::Object(merged);
    Some(set)
}

/// An answer in which the names that are disabled in `configured` are enabled after it.
fn enabled_where(answer: &Answer, is_meant: impl Fn(&str) -> bool) -> Option<Answer> {
    with_views(answer, |views| {
        let disabled = |name: &str| views.configured.get(name).is_some_and(|s| is_disabled(s));
        for view in [&mut views.runtime, &mut views.effective] {
            for (name, server) in view {
                if is_meant(name) && disabled(name) && is_disabled(server) {
                    *server = changed(server, |server| drop(server.remove("enabled")));
                }
            }
        }
    })
}
