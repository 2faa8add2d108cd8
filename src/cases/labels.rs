//! How often each interesting situation occurs. A campaign that never meets one checked nothing
//! about it; `docs/architecture.md` says how the minimum shares are chosen, a test holds them.

use std::collections::BTreeMap;

use mcp_overlay_model::decision::View;
use mcp_overlay_model::{
    Auth, By, CODEX_APPS, Case, ContributorKind, Outcome, Rejection, Resolution, Rule, apps,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The situations with the least share of random cases, in thousandths, in which each must occur.
pub const LABELS: [(Label, &str, u32); 33] = [
    (Label::Resolved, "resolved", 600),
    (Label::Rejected, "rejected", 50),
    (Label::RejectedHost, "rejected at a host key", 10),
    (Label::RejectedServer, "rejected at a host server", 20),
    (Label::RejectedContribution, "rejected at a contribution", 5),
    (Label::SeveralInvalid, "several invalid places", 3),
    (Label::ConfigBeatsPlugin, "config beats a plugin", 20),
    (Label::FirstPluginWins, "first plugin beats another", 5),
    (Label::InactivePlugin, "inactive plugin ignored", 20),
    (Label::PluginServerDropped, "invalid plugin server dropped", 2),
    (Label::PluginDefinesApps, "codex_apps from a plugin", 20),
    (Label::ConfigDefinesApps, "codex_apps in the host config", 50),
    (Label::NearlyReserved, "a name like codex_apps", 20),
    (Label::SetReplaces, "Set replaces a server", 50),
    (Label::SetReenables, "Set re-enables a disabled server", 10),
    (Label::RemoveDeletes, "Remove deletes a server", 20),
    (Label::RemoveOfAbsent, "Remove of an absent name", 20),
    (Label::SetAfterRemove, "Set after Remove", 5),
    (Label::OrderOfContributors, "order of contributors decides", 50),
    (Label::LastInList, "last in one list decides", 20),
    (Label::HostedOverruled, "hosted-apps overruled by a later one", 10),
    (Label::HostedOverrules, "hosted-apps overrules an earlier one", 10),
    (Label::GateOpen, "gate open", 200),
    (Label::GateClosedByAuth, "gate closed by auth", 100),
    (Label::GateClosedByFeature, "gate closed by the feature", 50),
    (Label::GateRemoves, "closed gate removes codex_apps", 50),
    (Label::LegacySynthesizes, "legacy loader synthesizes", 20),
    (Label::LegacyReplaces, "legacy loader replaces a configured one", 5),
    (Label::LegacySilenced, "legacy loader silenced by a Remove", 5),
    (Label::PathOverride, "path override on", 50),
    (Label::BaseGetsSuffix, "base URL gets a suffix", 50),
    (Label::SkuOrToken, "SKU header or bearer variable", 50),
    (Label::DisabledInEffective, "disabled server in effective", 50),
];

/// An interesting situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table above has the words")]
pub enum Label {
    Resolved,
    Rejected,
    RejectedHost,
    RejectedServer,
    RejectedContribution,
    SeveralInvalid,
    ConfigBeatsPlugin,
    FirstPluginWins,
    InactivePlugin,
    PluginServerDropped,
    PluginDefinesApps,
    ConfigDefinesApps,
    NearlyReserved,
    SetReplaces,
    SetReenables,
    RemoveDeletes,
    RemoveOfAbsent,
    SetAfterRemove,
    OrderOfContributors,
    LastInList,
    HostedOverruled,
    HostedOverrules,
    GateOpen,
    GateClosedByAuth,
    GateClosedByFeature,
    GateRemoves,
    LegacySynthesizes,
    LegacyReplaces,
    LegacySilenced,
    PathOverride,
    BaseGetsSuffix,
    SkuOrToken,
    DisabledInEffective,
}

/// The labels of one case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(u64);

impl LabelSet {
    fn add(&mut self, label: Label, holds: bool) {
        self.0 |= u64::from(holds) << label as u32;
    }

    /// Whether the case has the label.
    pub fn has(self, label: Label) -> bool {
        self.0 >> label as u32 & 1 == 1
    }
}

/// How many cases had each label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenCounts", try_from = "WrittenCounts")]
pub struct LabelCounts {
    /// Cases in all.
    pub cases: u64,
    counts: [u64; LABELS.len()],
}

impl Default for LabelCounts {
    fn default() -> Self {
        LabelCounts { cases: 0, counts: [0; LABELS.len()] }
    }
}

/// Counts as they are written: by the words of their situation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCounts {
    cases: u64,
    situations: BTreeMap<String, u64>,
}

impl From<LabelCounts> for WrittenCounts {
    fn from(counts: LabelCounts) -> Self {
        let situations = counts.rows().map(|(_, words, count)| (words.to_string(), count));
        WrittenCounts { cases: counts.cases, situations: situations.collect() }
    }
}

impl TryFrom<WrittenCounts> for LabelCounts {
    type Error = String;

    fn try_from(written: WrittenCounts) -> Result<Self, String> {
        let mut counts = LabelCounts { cases: written.cases, ..LabelCounts::default() };
        for (count, (_, words, _)) in counts.counts.iter_mut().zip(LABELS) {
            let known = written.situations.get(words);
            *count = *known.ok_or_else(|| format!("no count of the situation {words:?}"))?;
        }
        Ok(counts)
    }
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

    /// The situations in the order of [`LABELS`]: label, words, count.
    pub fn rows(&self) -> impl Iterator<Item = (Label, &'static str, u64)> + '_ {
        LABELS.iter().zip(self.counts).map(|((label, words, _), count)| (*label, *words, count))
    }
}

/// The situations that a case is in.
pub fn labels(case: &Case, outcome: &Outcome) -> LabelSet {
    let mut set = LabelSet::default();
    match outcome {
        Outcome::Rejected(places) => label_rejection(places, &mut set),
        Outcome::Observed(_) => {}
        Outcome::Resolved(resolution) => {
            set.add(Label::Resolved, true);
            label_configured(case, resolution, &mut set);
            label_overlays(case, resolution, &mut set);
            label_apps(case, resolution, &mut set);
        }
    }
    set
}

fn label_rejection(places: &[Rejection], set: &mut LabelSet) {
    set.add(Label::Rejected, true);
    set.add(Label::SeveralInvalid, places.len() > 1);
    if let Some(first) = places.first() {
        let server = first.path.starts_with("host.mcp_servers.");
        let contribution = first.path.starts_with("contributors[");
        set.add(Label::RejectedServer, server);
        set.add(Label::RejectedContribution, contribution);
        set.add(Label::RejectedHost, !server && !contribution);
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
        ContributorKind::HostedApps => &[],
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

fn holds(view: &View, name: &str) -> bool {
    view.get(name).is_some_and(|decided| decided.server.is_some())
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
