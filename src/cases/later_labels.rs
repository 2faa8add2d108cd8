//! Situations that only the rules of later profiles know.

use mcp_overlay_model::decision::View;
use mcp_overlay_model::endpoint::apps_url;
use mcp_overlay_model::{By, CODEX_APPS, Resolution, Rule, RuleSet};

use super::situations::{Label, LabelSet};

/// Situations of profiles after the first.
pub(super) fn label_later_rules(resolution: &Resolution, set: &mut LabelSet) {
    let Resolution { configured, runtime, effective, host, .. } = resolution;
    if host.rules.has(Rule::LegacyFirstInRuntime) {
        let has_own = holds(configured, CODEX_APPS);
        set.add(Label::LegacyFirst, host.apps);
        set.add(Label::LegacyFirstReplaces, host.apps && has_own);
        set.add(Label::LegacyFirstRemoves, !host.apps && has_own);
    }
    for (name, decided) in runtime {
        set.add(Label::DisabledStays, decided.reason.rule == Rule::OverlayDisabledStays);
        let before = configured.get(name).map(|before| before.reason.by);
        let was_plugins = matches!(before, Some(By::Plugin(_))) && holds(configured, name);
        set.add(Label::OwnerGone, was_plugins && before != Some(decided.reason.by));
    }
    for decided in effective.values() {
        let has_auth = decided.server.as_ref().is_some_and(|server| server.get("auth").is_some());
        set.add(Label::AuthKept, has_auth);
        let dropped = decided.reason.rule == Rule::EffectiveAuthAtChatgptOnly;
        set.add(Label::AuthDropped, dropped);
    }
    let by_default = host.product_sku.is_none() && host.rules.has(Rule::AppsServerSkuDefault);
    set.add(Label::SkuDefault, host.apps && by_default);
    set.add(Label::ShouldMatters, should_rule_matters(&host.base_url, host.rules));
}

/// Whether a SHOULD rule decides the Apps server's URL for this base.
fn should_rule_matters(base: &str, rules: RuleSet) -> bool {
    let url = apps_url(base, None, rules);
    let matters = |rule| rules.has(rule) && apps_url(base, None, rules.without(rule)) != url;
    [Rule::EndpointWholeHost, Rule::EndpointWholeSegments].into_iter().any(matters)
}

/// What only wide cases show, each by the rule that decided about a name.
pub(super) fn label_wide(resolution: &Resolution, set: &mut LabelSet) {
    let Resolution { configured, runtime, .. } = resolution;
    for decided in configured.values().chain(runtime.values()) {
        let is_root = matches!(decided.reason.by, By::SelectedRoot(_));
        set.add(Label::SelectedDropped, is_root && decided.server.is_none());
        let label = match decided.reason.rule {
            Rule::PluginUserPolicy => Label::UserPolicy,
            Rule::PluginRelativeCwd => Label::PluginFolder,
            Rule::RequirementsAllowList
            | Rule::RequirementsEmptyList
            | Rule::RequirementsPlugins
            | Rule::RequirementsIdentity
            | Rule::RequirementsMatchers => Label::Demanded,
            Rule::RouteAppHidesServer => Label::AppHides,
            Rule::SelectedBetweenPluginsAndConfig => Label::SelectedMeets,
            Rule::SelectedFirstSelectedWins => Label::SeveralSelected,
            _ => continue,
        };
        set.add(label, true);
    }
}

/// Whether a view has a server of this name.
pub(super) fn holds(view: &View, name: &str) -> bool {
    view.get(name).is_some_and(|decided| decided.server.is_some())
}
