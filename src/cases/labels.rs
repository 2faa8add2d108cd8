//! Counts how often each interesting situation occurs. A campaign that never meets a situation does
//! not check it. `docs/architecture.md` explains the minimum shares, and a test enforces them.

use std::collections::BTreeMap;

use mcp_overlay_model::{
    Auth, By, CODEX_APPS, Case, ContributorKind, Outcome, Rejection, Resolution, Rule, RuleSet,
    apps,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dimensions::dimensions;
use super::later_labels::{holds, label_later_rules, label_wide};
pub use super::situations::{LABELS, Label, LabelSet, NOT_OUTSIDE};

/// How many cases had each label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenCounts", try_from = "WrittenCounts")]
pub struct LabelCounts {
    /// Number of cases.
    pub cases: u64,
    counts: [u64; LABELS.len()],
}

impl Default for LabelCounts {
    fn default() -> Self {
        LabelCounts { cases: 0, counts: [0; LABELS.len()] }
    }
}

/// Counts as serialized: by the description of the situation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCounts {
    cases: u64,
    situations: BTreeMap<String, u64>,
}

impl From<LabelCounts> for WrittenCounts {
    fn from(counts: LabelCounts) -> Self {
        let words = LABELS.iter().map(|(_, words, ..)| words.to_string());
        let situations = words.zip(counts.counts);
        WrittenCounts { cases: counts.cases, situations: situations.collect() }
    }
}

impl TryFrom<WrittenCounts> for LabelCounts {
    type Error = String;

    fn try_from(written: WrittenCounts) -> Result<Self, String> {
        let mut counts = LabelCounts { cases: written.cases, ..LabelCounts::default() };
        for (count, (_, words, ..)) in counts.counts.iter_mut().zip(LABELS) {
            let known = written.situations.get(words);
            *count = *known.ok_or_else(|| format!("no count of the situation {words:?}"))?;
        }
        Ok(counts)
    }
}

/// How often a situation occurred.
#[derive(Clone, Copy, Debug)]
pub struct LabelRow {
    /// The situation.
    pub label: Label,
    /// A description of the situation.
    pub words: &'static str,
    /// Number of cases in the situation.
    pub count: u64,
    /// The least share of cases, in thousandths.
    pub least: u32,
    /// The rule that it depends on.
    pub rule: Option<Rule>,
}

impl LabelCounts {
    /// Counts one case.
    pub fn record(&mut self, labels: LabelSet) {
        self.cases += 1;
        for (count, (label, ..)) in self.counts.iter_mut().zip(LABELS) {
            *count += u64::from(labels.has(label));
        }
    }

    /// Adds the counts of another run.
    pub fn merge(&mut self, other: &LabelCounts) {
        self.cases += other.cases;
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    /// The situations that can occur under these rules, in the order of [`LABELS`].
    pub fn rows(&self, rules: RuleSet) -> impl Iterator<Item = LabelRow> + '_ {
        LABELS.iter().zip(self.counts).filter_map(move |((label, words, least, rule), count)| {
            let occurs = rule.is_none_or(|rule| rules.has(rule));
            let (label, least, rule) = (*label, *least, *rule);
            occurs.then_some(LabelRow { label, words, count, least, rule })
        })
    }

    /// The count of each situation, to detect counts that are too large.
    pub fn all(&self) -> impl Iterator<Item = u64> {
        self.counts.into_iter()
    }
}

/// The situations that a case is in.
pub fn labels(case: &Case, outcome: &Outcome) -> LabelSet {
    let mut set = LabelSet::default();
    label_dimensions(case, &mut set);
    match outcome {
        Outcome::Rejected(places) => label_rejection(places, &mut set),
        Outcome::Observed(_) => {}
        Outcome::Resolved(resolution) => {
            set.add(Label::Resolved, true);
            label_configured(case, resolution, &mut set);
            label_overlays(case, resolution, &mut set);
            label_apps(case, resolution, &mut set);
            label_later_rules(resolution, &mut set);
            label_wide(resolution, &mut set);
        }
    }
    set
}

fn label_dimensions(case: &Case, set: &mut LabelSet) {
    let found = dimensions(case);
    set.add(Label::ManyServers, found.many_servers);
    set.add(Label::ManyPlugins, found.many_plugins);
    set.add(Label::ManyContributors, found.many_contributors);
    set.add(Label::LongList, found.long_list);
    set.add(Label::ManyFields, found.many_fields);
    set.add(Label::RepeatedIds, found.repeated_ids);
    set.add(Label::SeveralHosted, found.several_hosted);
    set.add(Label::UnusualName, found.unusual_name);
    set.add(Label::SimilarNames, found.similar_names);
    set.add(Label::SimilarHeaders, found.similar_headers);
    set.add(Label::SeveralVariables, found.several_variables);
    set.add(Label::UnusualTime, found.unusual_time);
    set.add(Label::NullField, found.null_field);
    set.add(Label::UnusualText, found.unusual_text);
}

fn label_rejection(places: &[Rejection], set: &mut LabelSet) {
    set.add(Label::Rejected, true);
    set.add(Label::SeveralInvalid, places.len() > 1);
    if let Some(first) = places.first() {
        let server = first.path.starts_with("host.mcp_servers.");
        let contribution = first.path.starts_with("contributors[");
        set.add(Label::RejectedServer, server);
        set.add(Label::RejectedContribution, contribution);
        set.add(Label::RejectedHost, !server && first.path.starts_with("host"));
        let wide = first.path.starts_with("requirements.") || first.path.starts_with("thread.");
        set.add(Label::RejectedWide, wide);
    }
}

fn label_configured(case: &Case, resolution: &Resolution, set: &mut LabelSet) {
    for (name, decided) in &resolution.configured {
        let rule = decided.reason.rule;
        set.add(Label::ConfigBeatsPlugin, rule == Rule::ConfiguredConfigOverPlugin);
        set.add(Label::FirstPluginWins, rule == Rule::ConfiguredFirstPluginWins);
        set.add(Label::InactivePlugin, rule == Rule::ConfiguredInactivePluginIgnored);
        set.add(Label::PluginServerDropped, rule == Rule::ConfiguredInvalidPluginServerDropped);
        set.add(Label::NearlyReserved, is_nearly_reserved(name));
        if name == CODEX_APPS && decided.server.is_some() {
            set.add(Label::PluginDefinesApps, matches!(decided.reason.by, By::Plugin(_)));
            set.add(Label::ConfigDefinesApps, decided.reason.by == By::Config);
        }
    }
    let named = case.contributors.iter().flat_map(|contributor| match &contributor.kind {
        ContributorKind::Scripted(list) => list.as_slice(),
        ContributorKind::HostedApps | ContributorKind::ExecutorPlugins => &[],
    });
    for contribution in named {
        set.add(Label::NearlyReserved, is_nearly_reserved(contribution.name()));
    }
}

fn is_nearly_reserved(name: &str) -> bool {
    name != CODEX_APPS && name.trim().to_lowercase().replace('-', "_").starts_with(CODEX_APPS)
}

fn label_overlays(case: &Case, resolution: &Resolution, set: &mut LabelSet) {
    for (position, overlay) in resolution.overlays.iter().enumerate() {
        let earlier = resolution.overlays.iter().take(position).rev();
        let before = earlier.into_iter().find(|earlier| earlier.name == overlay.name);
        let current = match before {
            Some(before) => before.server.as_ref(),
            None => resolution.configured.get(&overlay.name).and_then(|d| d.server.as_ref()),
        };
        match (&overlay.server, current) {
            (Some(next), Some(current)) => {
                set.add(Label::SetReplaces, true);
                set.add(Label::SetReenables, is_disabled(current) && !is_disabled(next));
            }
            (Some(_), None) => set.add(Label::SetAfterRemove, before.is_some()),
            (None, Some(_)) => set.add(Label::RemoveDeletes, true),
            (None, None) => set.add(Label::RemoveOfAbsent, true),
        }
        if let Some(before) = before {
            let same_list = contributor_of(before.by) == contributor_of(overlay.by);
            set.add(Label::LastInList, same_list);
            set.add(Label::OrderOfContributors, !same_list);
            set.add(Label::HostedOverrules, is_hosted(case, overlay.by));
            set.add(Label::HostedOverruled, is_hosted(case, before.by));
        }
    }
}

fn contributor_of(by: By) -> Option<usize> {
    match by {
        By::Contribution { contributor, .. } => Some(contributor),
        _ => None,
    }
}

fn is_hosted(case: &Case, by: By) -> bool {
    contributor_of(by)
        .and_then(|position| case.contributors.get(position))
        .is_some_and(|contributor| contributor.kind == ContributorKind::HostedApps)
}

fn is_disabled(server: &Value) -> bool {
    server.get("enabled") == Some(&Value::Bool(false))
}

fn label_apps(case: &Case, resolution: &Resolution, set: &mut LabelSet) {
    let host = &resolution.host;
    let open = apps::gate_is_open(host, case.auth);
    let legacy = apps::legacy_loader_is_active(&resolution.host, &resolution.overlays);
    let backend_auth = !matches!(case.auth, None | Some(Auth::ApiKey));
    set.add(Label::GateOpen, open);
    set.add(Label::GateClosedByAuth, host.apps && !backend_auth);
    set.add(Label::GateClosedByFeature, !host.apps && backend_auth);
    set.add(Label::GateRemoves, !open && holds(&resolution.runtime, CODEX_APPS));
    set.add(Label::LegacySynthesizes, open && legacy);
    set.add(Label::LegacyReplaces, open && legacy && holds(&resolution.configured, CODEX_APPS));
    let removed = resolution.overlays.iter().any(|o| o.name == CODEX_APPS && o.server.is_none());
    set.add(Label::LegacySilenced, open && !legacy && removed);
    set.add(Label::PathOverride, host.path_override.is_some());
    set.add(Label::SkuOrToken, host.product_sku.is_some() || host.connectors_token);
    let base = host.base_url.trim_end_matches('/');
    set.add(Label::BaseGetsSuffix, !base.contains("/backend-api") && !base.contains("/api/codex"));
    let mut servers = resolution.effective.values().filter_map(|decided| decided.server.as_ref());
    set.add(Label::DisabledInEffective, servers.any(|server| is_disabled(server)));
}
