//! Which rules a case is about.
//!
//! A rule that no case reached was not checked, whatever else passed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mcp_overlay_model::observation::{Observations, Observed};
use mcp_overlay_model::observe::observed;
use mcp_overlay_model::{Case, Outcome, Rule, RuleSet};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Reached, Shows};
use super::over_time;
use super::situation::Situation;
use super::table::entries;
use crate::subject::{SubjectKind, Visibility};

/// The rules that demand a warning. It is compared where a subject says what it warned about; the
/// rest of these rules always is.
pub const WITH_WARNINGS: [Rule; 3] =
    [Rule::ConfiguredInvalidPluginServerDropped, Rule::ServerUnknownField, Rule::HostWrongType];

/// The rules that only wide cases reach. A subject says whether it is asked such cases.
pub const WIDE: [Rule; 30] = [
    Rule::RouteAppHidesServer,
    Rule::RouteAuthAlone,
    Rule::RouteBlankAppIsNone,
    Rule::RouteHiddenDoesNotVeto,
    Rule::AuthWords,
    Rule::PluginRelativeCwd,
    Rule::PluginUserPolicy,
    Rule::SelectedBetweenPluginsAndConfig,
    Rule::SelectedNotConfigured,
    Rule::SelectedFirstSelectedWins,
    Rule::SelectedReservedName,
    Rule::ThreadExecutorPlugins,
    Rule::ThreadReadyEnvironments,
    Rule::SelectedHttpDropped,
    Rule::SelectedEnvironmentBound,
    Rule::SelectedCwdAsWritten,
    Rule::SelectedCwdInRoot,
    Rule::SelectedEnvVarsStay,
    Rule::SelectedHttpNoEnvironment,
    Rule::SelectedInvalidDropped,
    Rule::SelectedRootAbsolute,
    Rule::RequirementsAllowList,
    Rule::RequirementsEmptyList,
    Rule::RequirementsPlugins,
    Rule::RequirementsAppsServerFree,
    Rule::RequirementsIdentity,
    Rule::RequirementsMatchers,
    Rule::RequirementsInvalid,
    Rule::RequirementsFeatures,
    Rule::AppsServerOriginator,
];

/// How many of the cases that were looked at reached each rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleCounts(BTreeMap<Rule, u64>);

impl RuleCounts {
    /// Counts one case.
    pub fn record(&mut self, reached: impl IntoIterator<Item = Rule>) {
        for rule in reached {
            *self.0.entry(rule).or_default() += 1;
        }
    }

    /// Adds the counts of another run.
    pub fn merge(&mut self, other: &RuleCounts) {
        for (rule, count) in &other.0 {
            *self.0.entry(*rule).or_default() += count;
        }
    }

    /// How often a rule was reached.
    pub fn count(&self, rule: Rule) -> u64 {
        self.0.get(&rule).copied().unwrap_or_default()
    }
}

/// The rules that a case reaches.
pub fn reached(case: &Case, outcome: &Outcome) -> RuleSet {
    let situation = Situation::new(case, outcome);
    let reached = situation.reasons().or(by_field(&situation.written.fields));
    let is_met = |entry: &&Entry| {
        !reached.has(entry.rule)
            && situation.rules.has(entry.rule)
            && entry.reached.is_met_in(&situation)
    };
    let others: RuleSet = entries().filter(is_met).map(|entry| entry.rule).collect();
    reached.or(others).and(situation.rules)
}

/// The rules that fields of servers reach.
fn by_field(fields: &[&str]) -> RuleSet {
    static BY_FIELD: LazyLock<BTreeMap<&str, RuleSet>> = LazyLock::new(|| {
        let mut by_field: BTreeMap<&str, RuleSet> = BTreeMap::new();
        for entry in entries().filter(|entry| matches!(entry.reached, Reached::ByField)) {
            for field in entry.fields.refused {
                by_field.entry(field).or_default().extend([entry.rule]);
            }
        }
        by_field
    });
    let by_field = &*BY_FIELD;
    let reached = fields.iter().filter_map(|field| by_field.get(field).copied());
    reached.fold(RuleSet::EMPTY, RuleSet::or)
}

/// The rules that a case reaches where a running host is seen from outside: those of a running host
/// too, and none that it does not show.
pub fn reached_outside(case: &Case, outcome: &Outcome) -> RuleSet {
    let mut shown = reached(case, outcome).iter().filter(|rule| !unseen().has(*rule)).collect();
    if let Outcome::Rejected(places) = outcome {
        // A rule that the config breaks shows in the refusal, all others in nothing.
        let broken = places.iter().map(|place| place.rule);
        let refused = broken.chain([Rule::ServerInvalidRejectsConfig]).collect();
        shown = RuleSet::and(shown, refused);
    }
    let seen = match observed(case, outcome) {
        Outcome::Observed(observed) => Observed::present(&observed),
        Outcome::Resolved(_) | Outcome::Rejected(_) => Observations::new(),
    };
    let is_met = |entry: &&Entry| match entry.reached {
        Reached::WhenSeen(is_met) => is_met(case, &seen),
        _ => false,
    };
    shown.extend(entries().filter(is_met).map(|entry| entry.rule));
    shown.and(case.profile.rules())
}

/// Whether this kind of subject can show that it keeps or breaks a rule, in a profile of `rules`.
pub fn can_show(kind: SubjectKind, rules: RuleSet, rule: Rule) -> bool {
    if kind == SubjectKind::Production && over_time::is_shown_in_process(rule) {
        return true;
    }
    let shown = match kind.visibility() {
        Visibility::Views => Shows::InViews,
        Visibility::Outside => Shows::Outside,
    };
    let mut of_rule = entries().filter(|entry| entry.rule == rule);
    of_rule.any(|entry| entry.shows == shown || entry.shows == Shows::Everywhere)
        && !narrowed_away(kind, rules).any(|narrowed| *narrowed == rule)
}

/// The rules of which no case is left when a case is narrowed for a running host.
fn narrowed_away(kind: SubjectKind, rules: RuleSet) -> impl Iterator<Item = &'static Rule> {
    // A running host has the hosted Apps extension and no other contributor, its features are
    // booleans, and TOML has no null.
    const ALWAYS: [Rule; 8] = [
        Rule::ContributionOrder,
        Rule::OverlaySetReplacesWhole,
        Rule::OverlaySetReplacesButDisabled,
        Rule::OverlayRemoveDeletes,
        Rule::OverlayLastWins,
        Rule::LegacySynthesizesInEffective,
        Rule::FeaturesBoolean,
        Rule::ValueNullIsAbsent,
    ];
    const ON_LOOPBACK: [Rule; 3] =
        [Rule::EndpointBaseDefault, Rule::EndpointChatgptHost, Rule::EndpointWholeHost];
    const AT_CHATGPT: [Rule; 2] = [Rule::EndpointWholeHost, Rule::EndpointOtherHost];
    // The extension replaces the whole server of the legacy loader.
    const REPLACED: [Rule; 1] = [Rule::EndpointLegacyPath];
    let stays = [Rule::OverlayDisabledStays, Rule::SelectedDisabledIsNoVeto];
    let is_replaced = !stays.into_iter().any(|rule| rules.has(rule));
    let (always, origin): (&[Rule], &[Rule]) = match kind {
        SubjectKind::InProcess | SubjectKind::Production | SubjectKind::Stdio => (&[], &[]),
        SubjectKind::AppServer => (&ALWAYS, &ON_LOOPBACK),
        SubjectKind::AppServerAtChatgpt => (&ALWAYS, &AT_CHATGPT),
    };
    let replaced = REPLACED.iter().filter(move |_| is_replaced && !always.is_empty());
    always.iter().chain(origin).chain(replaced)
}

/// The rules that a running host does not show.
pub fn unseen() -> RuleSet {
    static UNSEEN: LazyLock<RuleSet> = LazyLock::new(|| {
        let unseen = entries().filter(|entry| entry.shows == Shows::InViews);
        unseen.map(|entry| entry.rule).collect()
    });
    *UNSEEN
}

#[cfg(test)]
mod tests {
    use mcp_overlay_model::{Profile, resolve};

    use super::*;
    use crate::cases::edges::wide;

    #[test]
    fn the_wide_edges_reach_every_rule_that_is_about_wide_cases() {
        for profile in Profile::ALL {
            let cases = wide(profile).iter().map(|case| Case { profile, ..case.clone() });
            let reached = cases.map(|case| reached(&case, &resolve(&case)));
            let reached = reached.fold(RuleSet::EMPTY, RuleSet::or);
            let missed = WIDE.into_iter().filter(|rule| profile.has(*rule) && !reached.has(*rule));
            assert_eq!(missed.collect::<Vec<_>>(), [], "{}", profile.name());
        }
        assert!(wide(Profile::CodexPr27414).is_empty());
    }
}
