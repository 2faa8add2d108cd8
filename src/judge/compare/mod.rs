//! Holding an answer against the specification.

mod between;
mod seen;

use std::collections::BTreeMap;

use mcp_overlay_model::apps::{apps_server, hosted_server, legacy_loader_is_active};
use mcp_overlay_model::endpoint::apps_url;
use mcp_overlay_model::server::read;
use mcp_overlay_model::{
    Answer, By, CODEX_APPS, Case, Outcome, Profile, Reason, Rejection, Resolution, RuleId,
    ServerView, View,
};
use serde_json::Value;

pub use self::between::between;
use crate::judge::kept::{kept, kept_words};
pub use crate::judge::same::same;
use crate::judge::verdict::{Difference, LOADS, Place, Verdict};

/// Compares an answer to `case` with the specification's outcome.
pub fn compare(case: &Case, expected: &Outcome, actual: &Answer) -> Verdict {
    let differences = match (expected, actual) {
        (_, Answer::Skipped { skipped }) => {
            return Verdict::NotComparable(kept_words(&skipped.reason));
        }
        (_, Answer::Errored { errored }) => return Verdict::Errored(kept_words(&errored.message)),
        (Outcome::Resolved(resolution), Answer::Resolved { views, plugin_owners }) => {
            let mut differences = Vec::new();
            let shape = Shape { case, resolution };
            let [configured, runtime, effective] = [
                ("configured", &resolution.configured, &views.configured),
                ("runtime", &resolution.runtime, &views.runtime),
                ("effective", &resolution.effective, &views.effective),
            ]
            .map(|(name, expected, actual)| Seen { name, expected, actual });
            shape.view(configured, None, &mut differences);
            shape.owners(plugin_owners, &mut differences);
            shape.view(runtime, Some(configured), &mut differences);
            shape.view(effective, Some(runtime), &mut differences);
            differences
        }
        (Outcome::Rejected(places), Answer::Rejected { rejected }) => {
            rejection_difference(places, Some(&rejected.path))
        }
        (Outcome::Rejected(places), Answer::Resolved { views, .. }) => {
            let mut differences = rejection_difference(places, None);
            differences.iter_mut().for_each(|difference| {
                if was_only_dropped(places, &views.configured) {
                    difference.rule = "server.invalid-rejects-config";
                }
            });
            differences
        }
        (Outcome::Resolved(_), Answer::Rejected { rejected }) => vec![Difference {
            place: Place::Rejection,
            rule: rule_of_place(case.profile, &rejected.path),
            by: None,
            expected: None,
            actual: Some(Value::from(rejected.path.as_str())),
        }],
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
    let rule = if is_another_place { "rejection.smallest-path" } else { first.rule };
    vec![Difference {
        place: Place::Rejection,
        rule,
        by: None,
        expected: Some(Value::from(first.path.as_str())),
        actual: actual.map(Value::from),
    }]
}

/// Whether the invalid server was noticed and left out, and the rest taken for valid.
fn was_only_dropped(places: &[Rejection], configured: &ServerView) -> bool {
    let first = places.first().and_then(|place| place.path.strip_prefix("host.mcp_servers."));
    first.is_some_and(|name| !configured.contains_key(name))
}

/// The rule by which a place that is valid might have been rejected.
fn rule_of_place(profile: Profile, path: &str) -> RuleId {
    match path {
        "host.features.apps_mcp_path_override" if profile >= Profile::CodexPr27198 => {
            "features.override-ignored"
        }
        "host.chatgpt_base_url" => "endpoint.base-valid",
        "host.features.apps_mcp_path_override" => "features.override-forms",
        _ if path.starts_with("host.mcp_servers.") || path.starts_with("contributors[") => {
            "server.unknown-field"
        }
        _ => "host.wrong-type",
    }
}

/// A view as it should be and as it is.
#[derive(Clone, Copy)]
struct Seen<'a> {
    name: &'static str,
    expected: &'a View,
    actual: &'a ServerView,
}

impl Seen<'_> {
    /// Whether both have this server under the name.
    fn has(&self, name: &str, server: &Value) -> bool {
        let expected = self.expected.get(name).and_then(|decided| decided.server.as_deref());
        let actual = self.actual.get(name).map(|server| &**server);
        [expected, actual].into_iter().all(|seen| seen.is_some_and(|seen| same(seen, server)))
    }
}

struct Shape<'a> {
    case: &'a Case,
    resolution: &'a Resolution,
}

impl Shape<'_> {
    /// Compares a view; `before` is the one that it was made of.
    fn view(&self, view: Seen<'_>, before: Option<Seen<'_>>, differences: &mut Vec<Difference>) {
        for (name, decided) in view.expected {
            let (want, got) = (decided.server.as_deref(), view.actual.get(name).map(|s| &**s));
            let was_right = |want| before.is_some_and(|before| before.has(name, want));
            let rule = match (want, got) {
                (None, None) => continue,
                (Some(want), Some(got)) if same(want, got) => continue,
                (_, Some(got)) if self.is_loaded_early(view.name, name, got) => LOADS,
                (Some(_), None) if self.has_invalid_sibling(decided.reason.by) => {
                    "configured.invalid-plugin-server-dropped"
                }
                _ if view.name == "effective" && name == CODEX_APPS => {
                    self.rule_of_effective_apps(&decided.reason, want, got)
                }
                // It was read well, and spoilt on its way into this view.
                (Some(want), Some(_)) if was_right(want) => decided.reason.rule,
                (Some(want), Some(got)) => self.rule_of_content(&decided.reason, want, got),
                (Some(_), None) | (None, Some(_)) => decided.reason.rule,
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
                    rule: if early { LOADS } else { rule_of_intruder(view.name) },
                    by: None,
                    expected: None,
                    actual: Some(kept(server)),
                });
            }
        }
    }

    /// Whether this can only be the legacy loader's work, in a view that is none of its business.
    fn is_loaded_early(&self, view: &str, name: &str, got: &Value) -> bool {
        view == "runtime"
            && name == CODEX_APPS
            && legacy_loader_is_active(&self.resolution.host, &self.resolution.overlays)
            && self.is_apps_server(got)
    }

    fn owners(&self, actual: &BTreeMap<String, String>, differences: &mut Vec<Difference>) {
        let expected = &self.resolution.plugin_owners;
        let names = expected.keys().chain(actual.keys().filter(|n| !expected.contains_key(*n)));
        for name in names {
            let (want, got) = (expected.get(name), actual.get(name));
            if want == got {
                continue;
            }
            let both = want.is_some() && got.is_some();
            differences.push(Difference {
                place: Place::Owner { name: name.clone() },
                rule: if both { "configured.first-plugin-wins" } else { "configured.owners-exact" },
                by: self.resolution.configured.get(name).map(|decided| decided.reason.by),
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
    ) -> RuleId {
        let in_runtime = self.resolution.runtime.get(CODEX_APPS).and_then(|d| d.server.as_deref());
        match (reason.by, want, got) {
            // It did not come from `runtime`: somebody took the gate for open.
            (By::Gate, None, Some(_)) if in_runtime.is_none() => "gate.open",
            // It is in `runtime`, and nothing but the gate takes it away.
            (By::Contribution { .. }, Some(_), None) => "gate.open",
            (By::Contribution { .. }, _, Some(got))
                if self.is_apps_server(got)
                    && self.resolution.host.profile < Profile::CodexPr27198 =>
            {
                "legacy.only-when-silent"
            }
            (_, Some(want), Some(got)) => self.rule_of_content(reason, want, got),
            _ => reason.rule,
        }
    }

    fn is_apps_server(&self, server: &Value) -> bool {
        same(&apps_server(&self.resolution.host), server)
    }

    /// Two servers under one name. If the other one is simply somebody else's word, the rule that
    /// chose is to blame; if it is this one gone wrong, the rule of the field is.
    fn rule_of_content(&self, reason: &Reason, want: &Value, got: &Value) -> RuleId {
        if seen::is_observation(want) {
            return match seen::first_difference(want, got) {
                Some("enabled") if matches!(reason.by, By::Config | By::Plugin(_)) => {
                    "start.exactly-enabled"
                }
                Some("enabled" | "command") | None => reason.rule,
                Some("authorization" | "account_id") => {
                    let apps = want.get("url").is_some_and(|url| self.is_apps_url(url));
                    let origins = self.resolution.host.profile >= Profile::CodexPr29924 && apps;
                    seen::rule_of_credentials(want, got, origins)
                }
                Some("auth_status") => "status.auth",
                Some(_) if self.is_one_more_entry(got) => reason.rule,
                Some(field) if want.get("url").is_some_and(|url| self.is_apps_url(url)) => {
                    self.rule_of_apps_field(field, got)
                }
                Some(field) => rule_of_entry_field(field, reason),
            };
        }
        if self.is_somebodys_server(got) {
            return reason.rule;
        }
        let apps = want.get("url").is_some_and(|url| self.is_apps_url(url));
        match first_differing_field(want, got) {
            Some(field) if apps => self.rule_of_apps_field(&field, got),
            Some(field) => rule_of_entry_field(&field, reason),
            None => reason.rule,
        }
    }

    /// Whether the case has this server somewhere, winner or not.
    fn is_somebodys_server(&self, server: &Value) -> bool {
        let own = self.resolution.host.servers.values().map(|server| &**server);
        let contributed = self.resolution.overlays.iter().filter_map(|o| o.server.as_deref());
        let written = self.case.plugins.iter().flat_map(|plugin| plugin.mcp_servers.values());
        own.chain(contributed).any(|known| same(known, server))
            || written.filter_map(|entry| read(entry).ok()).any(|known| same(&known, server))
    }

    /// Whether the case has another entry with the URL that was seen.
    fn is_one_more_entry(&self, got: &Value) -> bool {
        let own = self.resolution.host.servers.values().map(|server| &**server);
        let of_plugins = self.case.plugins.iter().flat_map(|plugin| plugin.mcp_servers.values());
        let url = got.get("url");
        url.is_some() && own.chain(of_plugins).any(|entry| entry.get("url") == url)
    }

    /// Whether the server is from a plugin that has an invalid one too.
    fn has_invalid_sibling(&self, by: By) -> bool {
        let By::Plugin(position) = by else {
            return false;
        };
        let plugin = self.case.plugins.get(position);
        plugin.is_some_and(|plugin| plugin.mcp_servers.values().any(|entry| read(entry).is_err()))
    }

    fn is_apps_url(&self, url: &Value) -> bool {
        let host = &self.resolution.host;
        [apps_server(host), hosted_server(host)].iter().any(|server| server.get("url") == Some(url))
    }

    fn rule_of_apps_field(&self, field: &str, got: &Value) -> RuleId {
        let host = &self.resolution.host;
        let got_url = got.get("url").and_then(Value::as_str).unwrap_or_default();
        match field {
            "url" if host.profile >= Profile::CodexPr27198 => "hosted.at-ps-mcp",
            "url" => rule_of_url(&host.base_url, host.path_override.as_deref(), got_url),
            "http_headers"
                if host.profile >= Profile::CodexPr31803
                    && host.product_sku.as_deref() == Some("codex") =>
            {
                "apps-server.sku-default"
            }
            "http_headers" => "apps-server.sku-header",
            "bearer_token_env_var" => "apps-server.bearer-env",
            _ => "apps-server.shape",
        }
    }
}

/// Which step of building the Apps URL went wrong, by what the wrong URL has after the base.
fn rule_of_url(base: &str, path_override: Option<&str>, got: &str) -> RuleId {
    let trimmed = base.trim_end_matches('/');
    let want = apps_url(base, path_override);
    let after_base = |url: &str| url.strip_prefix(trimmed).map(str::to_string);
    let (Some(want), Some(got)) = (after_base(&want), after_base(got)) else {
        return "endpoint.base-trimmed";
    };
    let only_one_has = |suffix: &str| want.starts_with(suffix) != got.starts_with(suffix);
    if got.starts_with("//") && !want.starts_with("//") {
        "endpoint.base-trimmed"
    } else if only_one_has("/backend-api/") {
        "endpoint.chatgpt-host"
    } else if only_one_has("/api/codex/") {
        "endpoint.other-host"
    } else if path_override.is_some() {
        "endpoint.override-path"
    } else {
        "endpoint.default-path"
    }
}

fn rule_of_entry_field(field: &str, reason: &Reason) -> RuleId {
    match field {
        "startup_timeout_sec" | "startup_timeout_ms" | "tool_timeout_sec" => "server.durations",
        "env_vars" => "server.env-vars",
        // A field of the losing server in the winner: the replacement was not whole.
        _ if matches!(reason.by, By::Contribution { .. }) => reason.rule,
        _ => "server.unknown-field",
    }
}

fn first_differing_field(want: &Value, got: &Value) -> Option<String> {
    let (want, got) = (want.as_object()?, got.as_object()?);
    let differs = |field: &&String| match (want.get(*field), got.get(*field)) {
        (Some(a), Some(b)) => !same(a, b),
        _ => true,
    };
    want.keys().chain(got.keys()).find(differs).cloned()
}

/// The rule that forbids a name of which the specification does not speak at all.
fn rule_of_intruder(view: &str) -> RuleId {
    match view {
        "configured" => "configured.union",
        "runtime" => "runtime.is-overlaid-configured",
        _ => "effective.others-pass",
    }
}
