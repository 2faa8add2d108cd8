//! A case and its outcome, as the rules look at them.

use mcp_overlay_model::apps::{gate_is_open, legacy_loader_is_active};
use mcp_overlay_model::endpoint::apps_url;
use mcp_overlay_model::field::field as known;
use mcp_overlay_model::host::Host;
use mcp_overlay_model::{
    By, CODEX_APPS, Case, ContributorKind, Outcome, Rejection, Resolution, Rule, RuleSet,
};
use serde_json::{Map, Value};

use crate::cases::entries::entries;

/// A case and its outcome. What several rules ask is worked out once.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The case.
    pub case: &'a Case,
    /// The rules of its profile.
    pub rules: RuleSet,
    /// Its server entries.
    pub written: Written<'a>,
    /// Every invalid place.
    pub rejections: &'a [Rejection],
    /// The views, unless the case is rejected.
    pub resolution: Option<&'a Resolution>,
    /// The Apps server that the host builds, if a view has it.
    pub apps_server: Option<AppsServer<'a>>,
}

impl<'a> Situation<'a> {
    /// Looks at a case.
    pub fn new(case: &'a Case, outcome: &'a Outcome) -> Self {
        let (resolution, rejections) = match outcome {
            Outcome::Resolved(resolution) => (Some(&**resolution), [].as_slice()),
            Outcome::Rejected(places) => (None, places.as_slice()),
            Outcome::Observed(_) => (None, [].as_slice()),
        };
        Situation {
            case,
            rules: case.profile.rules(),
            written: Written::of(case),
            rejections,
            resolution,
            apps_server: resolution.and_then(AppsServer::of),
        }
    }

    /// The value of a key of the host config.
    pub fn host(&self, key: &str) -> Option<&'a Value> {
        self.case.host.as_object()?.get(key)
    }

    /// The value of a feature.
    pub fn feature(&self, name: &str) -> Option<&'a Value> {
        self.host("features")?.as_object()?.get(name)
    }

    /// Whether the case is valid and its views are like this.
    pub fn resolved(&self, is_met: impl FnOnce(&Resolution) -> bool) -> bool {
        self.resolution.is_some_and(is_met)
    }

    /// Whether the gate is open.
    pub fn gate_is_open(&self) -> bool {
        self.resolved(|resolution| gate_is_open(&resolution.host, self.case.auth))
    }

    /// Whether the hosted-apps contributor is installed.
    pub fn has_hosted_apps(&self) -> bool {
        self.case.contributors.iter().any(|c| c.kind == ContributorKind::HostedApps)
    }

    /// Whether a view has the Apps server that the host builds, and it is like this.
    pub fn built(&self, is_met: impl FnOnce(&AppsServer<'_>) -> bool) -> bool {
        self.apps_server.as_ref().is_some_and(is_met)
    }

    /// The rules that the model names as reasons.
    pub fn reasons(&self) -> RuleSet {
        let mut reasons: RuleSet = self.rejections.iter().map(|place| place.rule).collect();
        if let Some(resolution) = self.resolution {
            for view in [&resolution.configured, &resolution.runtime, &resolution.effective] {
                reasons.extend(view.values().map(|decided| decided.reason.rule));
            }
            reasons.extend(resolution.overlays.iter().map(|overlay| overlay.rule));
        }
        reasons
    }
}

/// What the server entries of a case have, wherever they are written.
#[derive(Clone, Debug, Default)]
pub struct Written<'a> {
    /// There is one.
    pub any: bool,
    /// One has a field besides its transport's.
    pub more_than_transport: bool,
    /// One has a null as the value of a field.
    pub null: bool,
    /// One has a field that is unknown, or ignored.
    pub unknown: bool,
    /// One runs a command in another environment.
    pub remote_stdio: bool,
    /// The fields of each.
    pub fields: Vec<&'a str>,
}

impl<'a> Written<'a> {
    fn of(case: &'a Case) -> Self {
        let rules = case.profile.rules();
        let mut written = Written::default();
        for entry in entries(case).filter_map(Value::as_object) {
            written.any = true;
            written.more_than_transport |= entry.len() > 1;
            written.fields.extend(entry.keys().map(String::as_str));
            for (field, value) in entry {
                written.null |= value.is_null();
                written.unknown |= field == "name" || known(field, rules).is_none();
            }
            written.remote_stdio |= is_remote_stdio(entry);
        }
        written
    }
}

fn is_remote_stdio(entry: &Map<String, Value>) -> bool {
    entry.get("environment_id").is_some_and(|environment| environment.as_str() != Some("local"))
        && entry.contains_key("command")
}

/// The Apps server that a host builds, in a view of a case.
#[derive(Debug)]
pub struct AppsServer<'a> {
    /// The host config.
    pub host: &'a Host,
    /// The hosted-apps contributor set it.
    pub hosted: bool,
    /// What its URL has after the base.
    pub after_base: String,
}

impl<'a> AppsServer<'a> {
    fn of(resolution: &'a Resolution) -> Option<Self> {
        let host = &resolution.host;
        let hosted = resolution.runtime.get(CODEX_APPS).is_some_and(|decided| {
            decided.server.is_some()
                && decided.reason.rule == Rule::HostedEnabledSets
                && matches!(decided.reason.by, By::Contribution { .. })
        });
        let in_effective = resolution.effective.get(CODEX_APPS);
        let legacy = in_effective.is_some_and(|decided| decided.reason.by == By::Legacy);
        let has_one = hosted || (legacy && legacy_loader_is_active(host, &resolution.overlays));
        let early = host.rules.has(Rule::LegacyFirstInRuntime);
        let server = [&resolution.effective, &resolution.runtime]
            .into_iter()
            .find_map(|view| view.get(CODEX_APPS)?.server.as_deref());
        if !(has_one || (early && server.is_some())) {
            return None;
        }
        let url = match server.and_then(|server| server.get("url")?.as_str()) {
            Some(url) if early => url.to_string(),
            _ => apps_url(&host.base_url, host.path_override.as_deref(), host.rules),
        };
        let base = host.base_url.trim_end_matches('/');
        let after_base = url.strip_prefix(base).unwrap_or_default().to_string();
        Some(AppsServer { host, hosted, after_base })
    }

    /// Whether the URL would be another one without a rule that asks for more than upstream does.
    pub fn depends_on(&self, should: Rule) -> bool {
        url_depends_on(self.host, should)
    }
}

/// Whether the Apps server's URL would be another one without this rule.
pub fn url_depends_on(host: &Host, should: Rule) -> bool {
    let url = |rules| apps_url(&host.base_url, None, rules);
    url(host.rules) != url(host.rules.without(should))
}
