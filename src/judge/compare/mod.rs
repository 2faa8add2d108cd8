//! Holding an answer against the specification.

mod between;
mod fields;
mod seen;
mod warnings;

use std::collections::BTreeMap;

use mcp_overlay_model::apps::{hosted_server, legacy_loader_is_active, legacy_server};
use mcp_overlay_model::server::read;
use mcp_overlay_model::{
    Answer, By, CODEX_APPS, Case, ContributorKind, Outcome, Reason, Rejection, Resolution, Rule,
    RuleSet, ServerView, View, Views,
};
use serde_json::Value;

pub use self::between::between;
use self::fields::{first_differing, others_pass, rule_of_apps_field, rule_of_entry_field};
use crate::judge::kept::{kept, kept_words};
pub use crate::judge::same::same;
use crate::judge::verdict::{Difference, LOADS, Place, Verdict};
use crate::rules::coverage::WIDE;
use crate::rules::{Situation, holding, of_field};

/// Compares an answer to `case` with the specification's outcome.
pub fn compare(case: &Case, expected: &Outcome, actual: &Answer) -> Verdict {
    let differences = match (expected, actual) {
        (_, Answer::Skipped { skipped }) => {
            return Verdict::NotComparable(kept_words(&skipped.reason));
        }
        (_, Answer::Errored { errored }) => return Verdict::Errored(kept_words(&errored.message)),
        (Outcome::Resolved(resolution), Answer::Resolved { views, plugin_owners, warnings }) => {
            let mut differences = Vec::new();
            let shape = Shape { case, expected, resolution };
            let [configured, runtime, effective] = [
                ("configured", &resolution.configured, &views.configured),
                ("runtime", &resolution.runtime, &views.runtime),
                ("effective", &resolution.effective, &views.effective),
            ]
            .map(|(name, expected, actual)| Seen { name, expected, actual });
            shape.view(configured, None, &mut differences);
            // What owners are made of comes before them: it explains them.
            let of_runtime = shape.rules().has(Rule::OwnersOfRuntime);
            if !of_runtime {
                shape.owners(plugin_owners, &mut differences);
            }
            shape.view(runtime, Some(configured), &mut differences);
            if of_runtime {
                shape.owners(plugin_owners, &mut differences);
            }
            shape.view(effective, Some(runtime), &mut differences);
            if let Some(warnings) = warnings {
                differences.extend(warnings::missing(&resolution.warnings, warnings));
            }
            differences
        }
        (Outcome::Observed(expected), Answer::Observed { seen: actual }) => {
            seen::differences(case, expected, actual)
        }
        (Outcome::Rejected(places), Answer::Rejected { rejected }) => {
            rejection_difference(places, Some(&rejected.path))
        }
        (Outcome::Rejected(places), Answer::Resolved { views, .. }) => {
            let mut differences = rejection_difference(places, None);
            differences.iter_mut().for_each(|difference| {
                if was_only_dropped(case, places, views) {
                    difference.rule = Rule::ServerInvalidRejectsConfig;
                }
            });
            differences
        }
        (Outcome::Rejected(places), Answer::Observed { .. }) => rejection_difference(places, None),
        (Outcome::Resolved(_), Answer::Observed { .. })
        | (Outcome::Observed(_), Answer::Resolved { .. }) => {
            return Verdict::Errored(
                "answered with what this kind of subject does not show".into(),
            );
        }
        (Outcome::Resolved(_) | Outcome::Observed(_), Answer::Rejected { rejected }) => {
            vec![Difference {
                place: Place::Rejection,
                rule: rule_of_place(case.profile.rules(), &rejected.path),
                by: None,
                expected: None,
                actual: Some(Value::from(rejected.path.as_str())),
            }]
        }
    };
    if differences.is_empty() { Verdict::Agree } else { Verdict::Disagree(differences) }
}

fn rejection_difference(places: &[Rejection], actual: Option<&str>) -> Vec<Difference> {
    let Some(first) = places.first() else {
        return Vec::new();
    };
    if actual == Some(first.path.as_str()) {
        return Vec::new();
    }
    // A place that is invalid too, only not the smallest: the order is to blame, not the reading.
    let is_another_place = places.iter().any(|place| actual == Some(place.path.as_str()));
    let is_contribution = |path: &str| path.starts_with("contributors[");
    let rule = match actual {
        _ if is_another_place => Rule::RejectionSmallestPath,
        // The contribution was found to be invalid, and counted wrong.
        Some(actual) if is_contribution(actual) && is_contribution(&first.path) => {
            Rule::ServerInvalidRejectsConfig
        }
        _ => first.rule,
    };
    vec![Difference {
        place: Place::Rejection,
        rule,
        by: None,
        expected: Some(Value::from(first.path.as_str())),
        actual: actual.map(Value::from),
    }]
}

/// Whether the invalid server was noticed and left out, and the rest taken for valid.
fn was_only_dropped(case: &Case, places: &[Rejection], views: &Views) -> bool {
    let Some(path) = places.first().map(|place| &*place.path) else {
        return false;
    };
    match path.strip_prefix("host.mcp_servers.") {
        Some(name) => !views.configured.contains_key(name),
        None => last_word_at(case, path).is_some_and(|name| !views.runtime.contains_key(name)),
    }
}

/// The name that the contribution at this path sets, if no later one names it.
fn last_word_at<'a>(case: &'a Case, path: &str) -> Option<&'a str> {
    let numbered = case.contributors.iter().enumerate().flat_map(|(i, contributor)| {
        let list = match &contributor.kind {
            ContributorKind::Scripted(list) => list.as_slice(),
            ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => &[],
        };
        list.iter().enumerate().map(move |(j, contribution)| (i, j, contribution.name()))
    });
    let mut from_there =
        numbered.skip_while(|(i, j, _)| format!("contributors[{i}].contributions[{j}]") != path);
    let (_, _, name) = from_there.next()?;
    (name != CODEX_APPS && from_there.all(|(_, _, later)| later != name)).then_some(name)
}

/// The rule by which a place that is valid might have been rejected.
fn rule_of_place(rules: RuleSet, path: &str) -> Rule {
    let of_key = of_field(rules, path, |fields| fields.of_host);
    of_key.unwrap_or_else(|| match path {
        path if path.starts_with("host.features.") && path != "host.features.apps" => {
            Rule::FeaturesBoolean
        }
        _ if path.starts_with("host.mcp_servers.") || path.starts_with("contributors[") => {
            Rule::ServerUnknownField
        }
        _ if path.starts_with("thread.selected_plugins[") => Rule::SelectedRootAbsolute,
        _ if path.starts_with("requirements.") => Rule::RequirementsInvalid,
        _ => Rule::HostWrongType,
    })
}

/// A view as it should be and as it is.
#[derive(Clone, Copy)]
struct Seen<'a> {
    name: &'static str,
    expected: &'a View,
    actual: &'a ServerView,
}

impl Seen<'_> {
    /// Whether both have the server under the name that the next view passes on: the same one, but
    /// for the field `auth` where the next view decides about it.
    fn passes_on(&self, name: &str, next: &Value, rules: RuleSet) -> bool {
        let expected = self.expected.get(name).and_then(|decided| decided.server.as_deref());
        let actual = self.actual.get(name).map(|server| &**server);
        let (Some(expected), Some(actual)) = (expected, actual) else { return false };
        let but_auth = self.name == "runtime" && rules.has(Rule::EffectiveAuthAtChatgptOnly);
        let is_passed = same(expected, next) || (but_auth && same_but_auth(expected, next));
        is_passed && same(expected, actual)
    }
}

struct Shape<'a> {
    case: &'a Case,
    expected: &'a Outcome,
    resolution: &'a Resolution,
}

impl Shape<'_> {
    /// Compares a view; `before` is the one that it was made of.
    fn view(&self, view: Seen<'_>, before: Option<Seen<'_>>, differences: &mut Vec<Difference>) {
        for (name, decided) in view.expected {
            let (want, got) = (decided.server.as_deref(), view.actual.get(name).map(|s| &**s));
            let was_right =
                |want| before.is_some_and(|before| before.passes_on(name, want, self.rules()));
            let apps = name == CODEX_APPS;
            let rule = match (want, got) {
                (None, None) => continue,
                (Some(want), Some(got)) if same(want, got) => continue,
                (_, Some(got)) if self.is_loaded_early(view.name, name, got) => LOADS,
                (_, Some(got)) if self.is_loaded_late(view.name, name, &decided.reason, got) => {
                    Rule::RuntimeThreePhases
                }
                (Some(_), None) if self.has_invalid_sibling(decided.reason.by) => {
                    Rule::ConfiguredInvalidPluginServerDropped
                }
                (Some(_), None) if self.has_blank_app(decided.reason.by, name) => {
                    Rule::RouteBlankAppIsNone
                }
                // It was read well, and spoilt on its way into this view.
                (Some(want), Some(got)) if was_right(want) => {
                    self.rule_of_passing(view.name, name, &decided.reason, want, got)
                }
                _ if view.name == "effective" && apps => {
                    self.rule_of_effective_apps(&decided.reason, want, got)
                }
                (Some(want), Some(got)) => self.rule_of_content(&decided.reason, want, got),
                (Some(_), None) | (None, Some(_)) => {
                    self.rule_that_passes(view.name, name, &decided.reason)
                }
            };
            differences.push(Difference {
                place: Place::Server { view: view.name, name: name.clone() },
                rule,
                by: Some(decided.reason.by),
                expected: want.map(kept),
                actual: got.map(kept),
            });
        }
        for (name, server) in view.actual {
            if !view.expected.contains_key(name) {
                let early = self.is_loaded_early(view.name, name, server);
                differences.push(Difference {
                    place: Place::Server { view: view.name, name: name.clone() },
                    rule: if early { LOADS } else { self.rule_of_intruder(view.name) },
                    by: None,
                    expected: None,
                    actual: Some(kept(server)),
                });
            }
        }
    }

    /// Whether the plugin of a server has an app of its name whose id is blank.
    fn has_blank_app(&self, by: By, name: &str) -> bool {
        let By::Plugin(position) = by else { return false };
        let app = self.case.plugins.get(position).and_then(|plugin| plugin.apps.get(name));
        self.rules().has(Rule::RouteBlankAppIsNone)
            && app.is_some_and(|id| id.chars().all(char::is_whitespace))
    }

    /// Whether this can only be the legacy loader's work, in a view that is none of its business.
    fn is_loaded_early(&self, view: &str, name: &str, got: &Value) -> bool {
        view == "runtime"
            && name == CODEX_APPS
            && legacy_loader_is_active(&self.resolution.host, &self.resolution.overlays)
            && self.is_apps_server(got)
    }

    /// Whether this can only be the legacy loader's work, after the contribution that decides.
    fn is_loaded_late(&self, view: &str, name: &str, reason: &Reason, got: &Value) -> bool {
        view == "runtime"
            && name == CODEX_APPS
            && self.rules().has(Rule::RuntimeThreePhases)
            && matches!(reason.by, By::Contribution { .. })
            && reason.rule != Rule::HostedEnabledSets
            && self.is_apps_server(got)
    }

    /// The rule that passes a server on into a view. Only what becomes of its field `auth` is decided
    /// by another one.
    fn rule_that_passes(&self, view: &str, name: &str, reason: &Reason) -> Rule {
        match reason.rule {
            Rule::EffectiveAuthAtChatgptOnly if view == "effective" && name == CODEX_APPS => {
                holding(self.rules(), Rule::GateNeverSynthesizes)
            }
            Rule::EffectiveAuthAtChatgptOnly if view == "effective" => others_pass(self.rules()),
            rule => rule,
        }
    }

    fn rule_of_passing(
        &self,
        view: &str,
        name: &str,
        reason: &Reason,
        want: &Value,
        got: &Value,
    ) -> Rule {
        let passing = self.rule_that_passes(view, name, reason);
        match first_differing(want, got).as_deref() {
            Some("auth") if view == "effective" => {
                of_field(self.rules(), "auth", |fields| fields.in_views).unwrap_or(passing)
            }
            _ => passing,
        }
    }

    fn owners(&self, actual: &BTreeMap<String, String>, differences: &mut Vec<Difference>) {
        let expected = &self.resolution.plugin_owners;
        let names = expected.keys().chain(actual.keys().filter(|n| !expected.contains_key(*n)));
        for name in names {
            let (want, got) = (expected.get(name), actual.get(name));
            if want == got {
                continue;
            }
            let exact = holding(self.rules(), Rule::ConfiguredOwnersExact);
            let from = match self.rules().has(Rule::OwnersOfRuntime) {
                true => &self.resolution.runtime,
                false => &self.resolution.configured,
            };
            let by = from.get(name).map(|decided| decided.reason.by);
            // Of two installed plugins the wrong one is named.
            let among_plugins = matches!(by, Some(By::Plugin(_))) && got.is_some();
            differences.push(Difference {
                place: Place::Owner { name: name.clone() },
                rule: if among_plugins { Rule::ConfiguredFirstPluginWins } else { exact },
                by,
                expected: want.map(|id| Value::from(id.as_str())),
                actual: got.map(|id| Value::from(id.as_str())),
            });
        }
    }

    /// Gate and legacy loader, told apart by what came of them.
    fn rule_of_effective_apps(
        &self,
        reason: &Reason,
        want: Option<&Value>,
        got: Option<&Value>,
    ) -> Rule {
        let in_runtime = self.resolution.runtime.get(CODEX_APPS).and_then(|d| d.server.as_deref());
        match (reason.by, want, got) {
            // It did not come from `runtime`: somebody took the gate for open.
            (By::Gate, None, Some(_)) if in_runtime.is_none() => Rule::GateOpen,
            // It is in `runtime`, and nothing but the gate takes it away.
            (By::Contribution { .. }, Some(_), None) => Rule::GateOpen,
            (By::Contribution { .. }, _, Some(got))
                if self.is_apps_server(got) && self.rules().has(Rule::LegacyOnlyWhenSilent) =>
            {
                Rule::LegacyOnlyWhenSilent
            }
            (_, Some(want), Some(got)) => self.rule_of_content(reason, want, got),
            _ => self.rule_that_passes("effective", CODEX_APPS, reason),
        }
    }

    fn is_apps_server(&self, server: &Value) -> bool {
        same(&legacy_server(&self.resolution.host), server)
    }

    /// Two servers under one name. If the other one is simply somebody else's word, the rule that
    /// chose is to blame; if it is this one gone wrong, the rule of the field is.
    fn rule_of_content(&self, reason: &Reason, want: &Value, got: &Value) -> Rule {
        // What a wide case decides is decided about a whole server.
        if self.is_somebodys_server(got) || WIDE.contains(&reason.rule) {
            return reason.rule;
        }
        let apps = want.get("url").is_some_and(|url| self.is_apps_url(url));
        match first_differing(want, got) {
            Some(field) if apps => {
                let situation = Situation::new(self.case, self.expected);
                rule_of_apps_field(&situation, reason.by, &field, want, got)
            }
            Some(field) => rule_of_entry_field(self.rules(), &field, reason, (want, got)),
            None => reason.rule,
        }
    }

    /// Whether the case has this server somewhere, winner or not.
    fn is_somebodys_server(&self, server: &Value) -> bool {
        let own = self.resolution.host.servers.values().map(|server| &**server);
        let contributed = self.resolution.overlays.iter().filter_map(|o| o.server.as_deref());
        let written = self.case.plugins.iter().flat_map(|plugin| plugin.mcp_servers.values());
        own.chain(contributed).any(|known| same(known, server))
            || written
                .filter_map(|entry| read(entry, self.rules()).ok())
                .any(|known| same(&known, server))
    }

    /// Whether the server is from a plugin that has an invalid one too.
    fn has_invalid_sibling(&self, by: By) -> bool {
        let By::Plugin(position) = by else {
            return false;
        };
        let plugin = self.case.plugins.get(position);
        plugin.is_some_and(|plugin| {
            plugin.mcp_servers.values().any(|entry| read(entry, self.rules()).is_err())
        })
    }

    fn is_apps_url(&self, url: &Value) -> bool {
        let host = &self.resolution.host;
        [legacy_server(host), hosted_server(host)]
            .iter()
            .any(|server| server.get("url") == Some(url))
    }

    fn rules(&self) -> RuleSet {
        self.resolution.host.rules
    }

    /// The rule that forbids a name of which the specification does not speak at all.
    fn rule_of_intruder(&self, view: &str) -> Rule {
        match view {
            "configured" => Rule::ConfiguredUnion,
            "runtime" => holding(self.rules(), Rule::RuntimeIsOverlaidConfigured),
            _ => others_pass(self.rules()),
        }
    }
}

fn same_but_auth(a: &Value, b: &Value) -> bool {
    let without = |server: &Value| {
        let mut fields = server.as_object().cloned().unwrap_or_default();
        fields.remove("auth");
        Value::Object(fields)
    };
    same(&without(a), &without(b))
}
