//! The situations that random cases are to meet, and how often.

use mcp_overlay_model::Rule;

/// The situations, each with the least share of random cases in which it must occur, in
/// thousandths, and the rule that it depends on.
pub const LABELS: [(Label, &str, u32, Option<Rule>); 64] = [
    (Label::Resolved, "resolved", 600, None),
    (Label::Rejected, "rejected", 50, None),
    (Label::RejectedHost, "rejected at a host key", 10, None),
    (Label::RejectedServer, "rejected at a host server", 20, None),
    (Label::RejectedContribution, "rejected at a contribution", 5, None),
    (Label::SeveralInvalid, "several invalid places", 3, None),
    (Label::ConfigBeatsPlugin, "config beats a plugin", 20, None),
    (Label::FirstPluginWins, "first plugin beats another", 5, None),
    (Label::InactivePlugin, "inactive plugin ignored", 20, None),
    (Label::PluginServerDropped, "invalid plugin server dropped", 2, None),
    (Label::PluginDefinesApps, "codex_apps from a plugin", 20, None),
    (Label::ConfigDefinesApps, "codex_apps in the host config", 50, None),
    (Label::NearlyReserved, "a name like codex_apps", 20, None),
    (Label::SetReplaces, "Set replaces a server", 50, None),
    (
        Label::SetReenables,
        "Set re-enables a disabled server",
        10,
        Some(Rule::OverlaySetReplacesWhole),
    ),
    (Label::RemoveDeletes, "Remove deletes a server", 20, None),
    (Label::RemoveOfAbsent, "Remove of an absent name", 20, None),
    (Label::SetAfterRemove, "Set after Remove", 5, None),
    (Label::OrderOfContributors, "order of contributors decides", 50, None),
    (Label::LastInList, "last in one list decides", 20, None),
    (Label::HostedOverruled, "hosted-apps overruled by a later one", 10, None),
    (Label::HostedOverrules, "hosted-apps overrules an earlier one", 10, None),
    (Label::GateOpen, "gate open", 200, None),
    (Label::GateClosedByAuth, "gate closed by auth", 100, None),
    (Label::GateClosedByFeature, "gate closed by the feature", 50, None),
    (Label::GateRemoves, "closed gate removes codex_apps", 50, None),
    (
        Label::LegacySynthesizes,
        "legacy loader synthesizes",
        20,
        Some(Rule::LegacySynthesizesInEffective),
    ),
    (
        Label::LegacyReplaces,
        "legacy loader replaces a configured one",
        5,
        Some(Rule::LegacySynthesizesInEffective),
    ),
    (
        Label::LegacySilenced,
        "legacy loader silenced by a Remove",
        5,
        Some(Rule::LegacySynthesizesInEffective),
    ),
    (Label::PathOverride, "path override on", 50, Some(Rule::FeaturesOverrideForms)),
    (Label::BaseGetsSuffix, "base URL gets a suffix", 50, None),
    (Label::SkuOrToken, "SKU header or bearer variable", 50, None),
    (Label::DisabledInEffective, "disabled server in effective", 50, None),
    (Label::LegacyFirst, "legacy loader comes first", 50, Some(Rule::LegacyFirstInRuntime)),
    (
        Label::LegacyFirstReplaces,
        "legacy loader replaces a configured one first",
        20,
        Some(Rule::LegacyFirstInRuntime),
    ),
    (
        Label::LegacyFirstRemoves,
        "legacy loader removes a configured one",
        10,
        Some(Rule::LegacyFirstInRuntime),
    ),
    (Label::DisabledStays, "Set leaves a server disabled", 10, Some(Rule::OverlayDisabledStays)),
    (Label::OwnerGone, "contribution ends a plugin's ownership", 5, Some(Rule::OwnersOfRuntime)),
    (
        Label::AuthKept,
        "auth chatgpt at ChatGPT's origin",
        20,
        Some(Rule::EffectiveAuthAtChatgptOnly),
    ),
    (
        Label::AuthDropped,
        "auth chatgpt dropped elsewhere",
        20,
        Some(Rule::EffectiveAuthAtChatgptOnly),
    ),
    (Label::SkuDefault, "product SKU by default", 50, Some(Rule::AppsServerSkuDefault)),
    (Label::ShouldMatters, "a SHOULD rule matters", 10, None),
    (Label::ManyServers, "more than 5 servers in one place", 5, None),
    (Label::ManyPlugins, "more than 3 plugins", 5, None),
    (Label::ManyContributors, "more than 3 scripted contributors", 5, None),
    (Label::LongList, "more than 3 contributions in one list", 10, None),
    (Label::ManyFields, "more than 5 fields in one entry", 10, None),
    (Label::RepeatedIds, "an id of two plugins or contributors", 5, None),
    (Label::SeveralHosted, "several hosted contributors", 5, None),
    (Label::UnusualName, "an unusual server name", 50, None),
    (Label::SimilarNames, "names that differ in case or blanks", 30, None),
    (Label::SimilarHeaders, "header names that differ in case", 2, None),
    (Label::SeveralVariables, "several environment variables", 10, None),
    (Label::UnusualTime, "a very fine or very long time", 30, None),
    (Label::NullField, "a null field", 5, None),
    (Label::UnusualText, "an unusual text in a field", 50, None),
    (
        Label::RejectedWide,
        "rejected at a requirement or a root",
        5,
        Some(Rule::RequirementsInvalid),
    ),
    (Label::UserPolicy, "a user's policy changes a server", 20, Some(Rule::PluginUserPolicy)),
    (Label::PluginFolder, "a folder below a plugin's root", 5, Some(Rule::PluginRelativeCwd)),
    (Label::Demanded, "a requirement disables a server", 30, Some(Rule::RequirementsAllowList)),
    (Label::AppHides, "an app hides a plugin's server", 10, Some(Rule::RouteAppHidesServer)),
    (
        Label::SelectedMeets,
        "selected plugin meets an installed one or the config",
        20,
        Some(Rule::SelectedBetweenPluginsAndConfig),
    ),
    (Label::SeveralSelected, "several selected plugins", 5, Some(Rule::SelectedFirstSelectedWins)),
    (
        Label::SelectedDropped,
        "server of a selected plugin dropped",
        20,
        Some(Rule::SelectedInvalidDropped),
    ),
];

/// Those that no case for a running host is in. It has the hosted extension and no other contributor, and
/// TOML has no null. Others do not show, because their rule does not.
pub const NOT_OUTSIDE: [Label; 12] = [
    Label::RejectedContribution,
    Label::SetAfterRemove,
    Label::OrderOfContributors,
    Label::LastInList,
    Label::HostedOverruled,
    Label::HostedOverrules,
    Label::ManyContributors,
    Label::LongList,
    Label::RepeatedIds,
    Label::SeveralHosted,
    Label::UnusualName,
    Label::NullField,
];

/// An interesting situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table above describes each label")]
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
    LegacyFirst,
    LegacyFirstReplaces,
    LegacyFirstRemoves,
    DisabledStays,
    OwnerGone,
    AuthKept,
    AuthDropped,
    SkuDefault,
    ShouldMatters,
    ManyServers,
    ManyPlugins,
    ManyContributors,
    LongList,
    ManyFields,
    RepeatedIds,
    SeveralHosted,
    UnusualName,
    SimilarNames,
    SimilarHeaders,
    SeveralVariables,
    UnusualTime,
    NullField,
    UnusualText,
    RejectedWide,
    UserPolicy,
    PluginFolder,
    Demanded,
    AppHides,
    SelectedMeets,
    SeveralSelected,
    SelectedDropped,
}

/// The labels of one case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(u64);

impl LabelSet {
    pub(super) fn add(&mut self, label: Label, holds: bool) {
        self.0 |= u64::from(holds) << label as u32;
    }

    /// Whether the case has the label.
    pub fn has(self, label: Label) -> bool {
        self.0 >> label as u32 & 1 == 1
    }
}
