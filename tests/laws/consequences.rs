//! The laws of the section "Consequences" of `docs/semantics.md`, each in the profiles that the page
//! names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mcp_overlay::rules::SEMANTICS;
use mcp_overlay::subject::Subject;
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Profile, Rule,
    ServerView,
};
use serde_json::{Value, json};

use crate::common::SUBJECTS;
use crate::law::{
    Law, Said, equal, equal_views, is_hosted, must_resolve, names, resolved, scripted, with_servers,
};

/// A law of the table.
pub(crate) struct Consequence {
    /// The name of its tests.
    pub(crate) name: &'static str,
    /// The law as the page has it.
    text: &'static str,
    law: Law,
    /// A case that refutes the law in the first profile that the page does not claim it for any
    /// more.
    refuted_by: Option<&'static str>,
}

const SETS_OFF_THEN_ON: &str = r#"{"contributors": [
    {"id": "x", "contributions": [{"set": {"name": "a", "server": {"command": "srv", "enabled": false}}}]},
    {"id": "y", "contributions": [{"set": {"name": "a", "server": {"command": "srv"}}}]}]}"#;

pub(crate) static CONSEQUENCES: [Consequence; 14] = [
    Consequence {
        name: "without_contributors_runtime_is_configured",
        text: "Without contributors `runtime` = `configured`.",
        law: without_contributors_runtime_is_configured,
        refuted_by: Some("{}"),
    },
    Consequence {
        name: "without_contributors_others_are_configured",
        text: "Without contributors `runtime` = `configured`, but for `codex_apps`.",
        law: without_contributors_others_are_configured,
        refuted_by: None,
    },
    Consequence {
        name: "twice_is_once",
        text: "Applying a contribution list to a map of servers twice is applying it once.",
        law: twice_is_once,
        refuted_by: None,
    },
    Consequence {
        name: "resolution_resumes_from_runtime",
        text: "Applying `a` then `b` is applying `a ++ b`.",
        law: resolution_resumes_from_runtime,
        refuted_by: Some(SETS_OFF_THEN_ON),
    },
    Consequence {
        name: "resolution_resumes_if_disabled_is_kept",
        text: "Applying `a` then `b` is applying `a ++ b`, if both steps keep disabled what \
               `configured` disables.",
        law: resolution_resumes_if_disabled_is_kept,
        refuted_by: None,
    },
    Consequence {
        name: "disjoint_contributors_commute",
        text: "Contributions on disjoint names commute.",
        law: disjoint_contributors_commute,
        refuted_by: None,
    },
    Consequence {
        name: "an_empty_contributor_changes_nothing",
        text: "An empty contributor changes nothing.",
        law: an_empty_contributor_changes_nothing,
        refuted_by: None,
    },
    Consequence {
        name: "one_change_changes_one_name",
        text: "Changing one name's server changes that name only.",
        law: one_change_changes_one_name,
        refuted_by: None,
    },
    Consequence {
        name: "offers_may_stand_anywhere",
        text: "Offers of selected plugins may stand anywhere among the other contributions.",
        law: offers_may_stand_anywhere,
        refuted_by: None,
    },
    Consequence {
        name: "requirements_only_disable",
        text: "Requirements only ever disable: the names of all views are the same without them, but \
               for `features.apps`.",
        law: requirements_only_disable,
        refuted_by: None,
    },
    Consequence {
        name: "codex_apps_implies_an_open_gate",
        text: "`codex_apps` in `effective` implies that the gate is open.",
        law: codex_apps_implies_an_open_gate,
        refuted_by: None,
    },
    Consequence {
        name: "extension_and_fallback_agree",
        text: "With nothing else naming `codex_apps`, installing the hosted-apps contributor leaves \
               `effective` unchanged: extension and fallback agree.",
        law: extension_and_fallback_agree,
        refuted_by: Some(r#"{"auth": "chatgpt"}"#),
    },
    Consequence {
        name: "backend_auths_are_alike",
        text: "Between two backend auths nothing changes.",
        law: backend_auths_are_alike,
        refuted_by: None,
    },
    Consequence {
        name: "auth_chatgpt_is_at_chatgpt_only",
        text: "`effective` never holds `auth` `chatgpt` at another origin than \
               `https://chatgpt.com`.",
        law: auth_chatgpt_is_at_chatgpt_only,
        refuted_by: None,
    },
];

/// The law of this name.
#[track_caller]
pub(crate) fn named(name: &str) -> &'static Consequence {
    CONSEQUENCES.iter().find(|law| law.name == name).unwrap()
}

impl Consequence {
    /// The profiles that the page names, oldest first.
    pub(crate) fn profiles(&self) -> &'static [Profile] {
        &TABLE[self.text]
    }

    /// What the law says about a case; nothing in a profile that the page does not name.
    pub(crate) fn said_of(&self, subject: &dyn Subject, case: &Case) -> Said {
        if self.profiles().contains(&case.profile) { (self.law)(subject, case) } else { Ok(false) }
    }
}

/// The page's table: the profiles by the law's text.
static TABLE: LazyLock<BTreeMap<&str, Vec<Profile>>> = LazyLock::new(|| {
    let (_, section) = SEMANTICS.split_once("\n### Consequences\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.filter_map(|row| row.split_once(" | ")).skip(2);
    rows.map(|(text, named)| (text, profiles(named))).collect()
});

/// The profiles of a cell: `all`, ``before `profile` `` or ``from `profile` on``.
fn profiles(cell: &str) -> Vec<Profile> {
    let words: Vec<&str> = cell.split(' ').collect();
    let position = |name: &str| {
        let name = name.trim_matches('`');
        Profile::ALL.iter().position(|profile| profile.name() == name).unwrap()
    };
    match words[..] {
        ["all"] => Profile::ALL.to_vec(),
        ["before", name] => Profile::ALL[..position(name)].to_vec(),
        ["from", name, "on"] => Profile::ALL[position(name)..].to_vec(),
        _ => panic!("no profiles: {cell}"),
    }
}

#[test]
fn every_law_of_the_table_is_here() {
    let mut texts: Vec<&str> = CONSEQUENCES.iter().map(|law| law.text).collect();
    texts.sort_unstable();
    assert_eq!(texts, TABLE.keys().copied().collect::<Vec<_>>());
}

/// A law that ends with a profile ends there because it is not true any more.
#[test]
fn a_law_that_ends_is_refuted_in_the_next_profile() {
    for law in &CONSEQUENCES {
        let ends = law.profiles().last() != Profile::ALL.last();
        assert_eq!(ends, law.refuted_by.is_some(), "{}", law.text);
        let Some(case) = law.refuted_by else { continue };
        let case: Case = serde_json::from_str(case).unwrap();
        let said = |subject, profile| (law.law)(subject, &Case { profile, ..case.clone() });
        let next = Profile::ALL[law.profiles().len()];
        for subject in SUBJECTS {
            for profile in law.profiles() {
                let holds = said(subject, *profile);
                assert!(holds.is_ok(), "{} in {}: {holds:?}", law.text, profile.name());
            }
            let refuted = said(subject, next);
            assert!(refuted.is_err(), "{} holds in {}", law.text, next.name());
        }
    }
}

/// A law that begins with a profile has nothing to speak of before it.
#[test]
fn a_law_that_begins_says_nothing_before() {
    let begins = |law: &&Consequence| law.profiles().first() != Profile::ALL.first();
    let names: Vec<&str> = CONSEQUENCES.iter().filter(begins).map(|law| law.name).collect();
    assert_eq!(names, ["offers_may_stand_anywhere", "auth_chatgpt_is_at_chatgpt_only"]);
    for profile in Profile::ALL.into_iter().filter(|profile| !profile.has(Rule::ServerAuth)) {
        let case = Case { profile, ..serde_json::from_value(json!({"auth": "chatgpt"})).unwrap() };
        for subject in SUBJECTS {
            assert_eq!(auth_chatgpt_is_at_chatgpt_only(subject, &case), Ok(false));
        }
    }
}

fn without_contributors_runtime_is_configured(s: &dyn Subject, case: &Case) -> Said {
    let case = Case { contributors: Vec::new(), ..case.clone() };
    let Some(views) = resolved(s, &case) else { return Ok(false) };
    equal_views("runtime", &views.configured, &views.runtime)?;
    Ok(!views.configured.is_empty())
}

fn without_contributors_others_are_configured(s: &dyn Subject, case: &Case) -> Said {
    let case = Case { contributors: Vec::new(), ..case.clone() };
    let Some(views) = resolved(s, &case) else { return Ok(false) };
    let [configured, runtime] =
        [&views.configured, &views.runtime].map(|view| without(view, CODEX_APPS));
    equal_views("runtime without codex_apps", &configured, &runtime)?;
    Ok(!configured.is_empty())
}

fn without(view: &ServerView, name: &str) -> ServerView {
    let mut others = view.clone();
    others.remove(name);
    others
}

/// Both ways: the list twice in one resolution, and the list on what it resolved to. Where the
/// legacy loader comes first, it comes first both times.
fn twice_is_once(s: &dyn Subject, case: &Case) -> Said {
    let Some(once) = resolved(s, case) else { return Ok(false) };
    let mut twice = case.clone();
    twice.contributors.extend(case.contributors.iter().cloned());
    equal(&once, &must_resolve(s, &twice)?)?;
    let again = must_resolve(s, &configured_as(case, &once.runtime))?;
    equal_views("runtime", &once.runtime, &again.runtime)?;
    Ok(!case.contributors.is_empty())
}

/// The case with this view in place of what its host config and plugins define.
fn configured_as(case: &Case, view: &ServerView) -> Case {
    let mut configured = with_servers(case, |servers| {
        servers.clear();
        servers.extend(view.iter().map(|(name, server)| (name.clone(), (**server).clone())));
    });
    configured.plugins = Vec::new();
    configured
}

/// The second half of the contributors starts from what the first half made.
fn resolution_resumes_from_runtime(s: &dyn Subject, case: &Case) -> Said {
    let Some(at_once) = resolved(s, case) else { return Ok(false) };
    let (a, b) = case.contributors.split_at(case.contributors.len() / 2);
    let first = must_resolve(s, &Case { contributors: a.to_vec(), ..case.clone() })?;
    let mut then = configured_as(case, &first.runtime);
    then.contributors = b.to_vec();
    let mut views = [at_once.runtime, must_resolve(s, &then)?.runtime];
    // The legacy loader, which is no part of applying, would come in between.
    let loads_between = case.profile.has(Rule::LegacyFirstInRuntime)
        && !b.iter().any(|contributor| names(contributor).contains(CODEX_APPS));
    if loads_between {
        views = views.map(|view| without(&view, CODEX_APPS));
    }
    let [at_once, second] = &views;
    equal_views("runtime", at_once, second)?;
    Ok(!a.is_empty() && !b.is_empty())
}

/// What the first half made is contributed to the second step, so that `configured` still says what
/// is disabled.
fn resolution_resumes_if_disabled_is_kept(s: &dyn Subject, case: &Case) -> Said {
    let Some(at_once) = resolved(s, case) else { return Ok(false) };
    let (a, b) = case.contributors.split_at(case.contributors.len() / 2);
    let first = must_resolve(s, &Case { contributors: a.to_vec(), ..case.clone() })?.runtime;
    let configured = at_once.configured.keys().map(String::as_str);
    let removed = configured.chain([CODEX_APPS]).filter(|name| !first.contains_key(*name));
    let mut resumed: Vec<Contribution> =
        removed.map(|name| Contribution::Remove { name: name.into() }).collect();
    resumed.extend(first.iter().map(|(name, server)| Contribution::Set {
        name: name.clone(),
        server: (**server).clone(),
    }));
    let mut then = case.clone();
    then.contributors = [&[scripted("resumed", resumed)], b].concat();
    // Only `runtime`: where nobody named `codex_apps` before, somebody does now.
    equal_views("runtime", &at_once.runtime, &must_resolve(s, &then)?.runtime)?;
    Ok(!a.is_empty() && !b.is_empty())
}

fn disjoint_contributors_commute(s: &dyn Subject, case: &Case) -> Said {
    let Some(before) = resolved(s, case) else { return Ok(false) };
    let mut applied = false;
    for position in 1..case.contributors.len() {
        let pair = [&case.contributors[position - 1], &case.contributors[position]].map(names);
        if pair[0].is_disjoint(&pair[1]) {
            let mut swapped = case.clone();
            swapped.contributors.swap(position - 1, position);
            equal(&before, &must_resolve(s, &swapped)?)?;
            applied |= pair.iter().all(|names| !names.is_empty());
        }
    }
    Ok(applied)
}

fn an_empty_contributor_changes_nothing(s: &dyn Subject, case: &Case) -> Said {
    let Some(before) = resolved(s, case) else { return Ok(false) };
    for position in 0..=case.contributors.len() {
        let mut more = case.clone();
        more.contributors.insert(position, scripted("empty", Vec::new()));
        equal(&before, &must_resolve(s, &more)?)?;
    }
    Ok(true)
}

fn one_change_changes_one_name(s: &dyn Subject, case: &Case) -> Said {
    let Some(before) = resolved(s, case) else { return Ok(false) };
    let new = json!({"command": "changed"});
    for name in [CODEX_APPS, "docs", "github", "not-there-before"] {
        // By the last contribution, and in the host config.
        let mut last = case.clone();
        let set = Contribution::Set { name: name.into(), server: new.clone() };
        last.contributors.push(scripted("last", vec![set]));
        let contributed = must_resolve(s, &last)?;
        let is_off = |server: &Value| server.get("enabled") == Some(&Value::Bool(false));
        let keeps_off = [Rule::OverlayDisabledStays, Rule::SelectedDisabledIsNoVeto];
        let stays_off = keeps_off.iter().any(|rule| case.profile.has(*rule))
            && before.configured.get(name).is_some_and(|server| is_off(server));
        let mut made = new.clone();
        if stays_off {
            made["enabled"] = false.into();
        }
        if contributed.runtime.get(name).is_none_or(|server| **server != made) {
            return Err(format!("{name} was not changed: {}", json!(contributed.runtime)));
        }
        let configured = must_resolve(
            s,
            &with_servers(case, |servers| {
                servers.insert(name.into(), new.clone());
            }),
        )?;
        for after in [contributed, configured] {
            for (view, before, after) in [
                ("configured", &before.configured, &after.configured),
                ("runtime", &before.runtime, &after.runtime),
                ("effective", &before.effective, &after.effective),
            ] {
                equal_views(
                    &format!("{view} without {name}"),
                    &without(before, name),
                    &without(after, name),
                )?;
            }
        }
    }
    Ok(!before.effective.is_empty())
}

fn offers_may_stand_anywhere(s: &dyn Subject, case: &Case) -> Said {
    let offer = |name: &str| {
        let server = json!({"command": "srv"});
        json!({"selected_plugin":
            {"name": name, "plugin_id": "sel", "selection_order": 0, "server": server}})
    };
    let offers = [CODEX_APPS, "docs", "github"].map(offer);
    let offers = json!({"id": "selected", "contributions": offers});
    let offers: Contributor = serde_json::from_value(offers).map_err(|error| error.to_string())?;
    let [mut first, mut last] = [case.clone(), case.clone()];
    first.contributors.insert(0, offers.clone());
    last.contributors.push(offers);
    let Some(first) = resolved(s, &first) else { return Ok(false) };
    equal(&first, &must_resolve(s, &last)?)?;
    Ok(true)
}

fn requirements_only_disable(s: &dyn Subject, case: &Case) -> Said {
    let allowed = json!({"docs": {"identity": {"command": "npx"}}});
    let mut required = case.clone();
    required.requirements = serde_json::from_value(json!({"mcp_servers": allowed})).ok();
    let Some(without) = resolved(s, case) else { return Ok(false) };
    let with = must_resolve(s, &required)?;
    let names = |view: &ServerView| view.keys().cloned().collect::<Vec<_>>();
    for (view, without, with) in [
        ("configured", &without.configured, &with.configured),
        ("runtime", &without.runtime, &with.runtime),
        ("effective", &without.effective, &with.effective),
    ] {
        if names(without) != names(with) {
            return Err(format!("{view} has other names: {:?}", names(with)));
        }
    }
    Ok(!without.configured.is_empty())
}

/// Whether the gate is open, by the text of the specification and not by the model's code.
fn gate_is_open(case: &Case) -> bool {
    let feature = |name: &str| case.host.pointer(name).and_then(Value::as_bool);
    let apps = feature("/features/connectors").or(feature("/features/apps")).unwrap_or(true);
    apps && !matches!(case.auth, None | Some(Auth::ApiKey))
}

fn codex_apps_implies_an_open_gate(s: &dyn Subject, case: &Case) -> Said {
    let Some(views) = resolved(s, case) else { return Ok(false) };
    let there = views.effective.contains_key(CODEX_APPS);
    if there && !gate_is_open(case) {
        return Err("codex_apps is in effective, and the gate is closed".into());
    }
    Ok(there)
}

fn extension_and_fallback_agree(s: &dyn Subject, case: &Case) -> Said {
    let mut fallback = with_servers(case, |servers| drop(servers.remove(CODEX_APPS)));
    for plugin in &mut fallback.plugins {
        plugin.mcp_servers.remove(CODEX_APPS);
    }
    fallback.contributors.retain(|contributor| !is_hosted(contributor));
    for contributor in &mut fallback.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            list.retain(|contribution| contribution.name() != CODEX_APPS);
        }
    }
    let Some(before) = resolved(s, &fallback) else { return Ok(false) };
    for position in 0..=fallback.contributors.len() {
        let mut extension = fallback.clone();
        let hosted = Contributor { id: "hosted-apps".into(), kind: ContributorKind::HostedApps };
        extension.contributors.insert(position, hosted);
        let after = must_resolve(s, &extension)?;
        equal_views("effective", &before.effective, &after.effective)?;
    }
    Ok(before.effective.contains_key(CODEX_APPS))
}

fn backend_auths_are_alike(s: &dyn Subject, case: &Case) -> Said {
    let with = |auth| s.resolve(&Case { auth: Some(auth), ..case.clone() });
    let backend = || Auth::ALL.into_iter().filter(|auth| auth.is_backend());
    let first = with(Auth::ChatGpt);
    for auth in backend() {
        let other = with(auth);
        if first != other {
            return Err(format!("with {auth:?}:\n  {other:?}\n  and not\n  {first:?}"));
        }
    }
    Ok(matches!(first, Answer::Resolved { .. }))
}

/// URLs, and whether they are at `https://chatgpt.com`.
const ORIGINS: [(&str, bool); 14] = [
    ("https://chatgpt.com", true),
    ("https://chatgpt.com:443/x", true),
    ("HTTPS://user@ChatGPT.com/?q#f", true),
    ("https:chat%67pt.com", true),
    ("https://chatgpt.com\\@evil.example/", true),
    ("http://chatgpt.com", false),
    ("http://chatgpt.com:443", false),
    ("https://chatgpt.com:8443/x", false),
    ("https://chat.openai.com", false),
    ("https://chatgpt.com.", false),
    ("https://chatgpt.com.evil.example", false),
    ("https://chatgpt.com@evil.example/", false),
    ("//chatgpt.com", false),
    ("https://evil.example/https://chatgpt.com", false),
];

/// With a server at each of [`ORIGINS`], from the host config and from a contribution.
fn auth_chatgpt_is_at_chatgpt_only(s: &dyn Subject, case: &Case) -> Said {
    let server = |url: &str| json!({"url": url, "auth": "chatgpt"});
    let mut case = with_servers(case, |servers| {
        servers.extend(ORIGINS.map(|(url, _)| (format!("config {url}"), server(url))));
    });
    let sets = ORIGINS.map(|(url, _)| Contribution::Set {
        name: format!("contributed {url}"),
        server: server(url),
    });
    case.contributors.push(scripted("origins", sets.to_vec()));
    let Some(views) = resolved(s, &case) else { return Ok(false) };
    let is_chatgpt = |server: &Value| server.get("auth") == Some(&Value::from("chatgpt"));
    let holders = views.effective.iter().filter(|(_, server)| is_chatgpt(server));
    let mut kept = 0;
    for (name, server) in holders {
        let url = server["url"].as_str().unwrap_or_default();
        let known = ORIGINS.iter().find(|(known, _)| *known == url).map(|(_, at)| *at);
        if !known.unwrap_or_else(|| is_at_chatgpt(url)) {
            return Err(format!("{name} has auth chatgpt at {url}"));
        }
        kept += 1;
    }
    // The law would hold too if nothing kept the field.
    let at_chatgpt = ORIGINS.iter().filter(|(_, at)| *at).count();
    if case.profile.has(Rule::ServerAuth) && kept < 2 * at_chatgpt {
        return Err(format!("only {kept} servers kept auth chatgpt"));
    }
    Ok(views.runtime.get(CODEX_APPS).is_some_and(|server| is_chatgpt(server)))
}

/// Whether a URL library that implements the WHATWG standard sees ChatGPT's origin in the URL. The
/// model reads URLs by itself.
fn is_at_chatgpt(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        url.scheme() == "https"
            && url.host_str() == Some("chatgpt.com")
            && url.port_or_known_default() == Some(443)
    })
}
