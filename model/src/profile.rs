//! Profiles: the specification as of one of upstream's changes.
//!
//! A profile is a parent and the rules that it adds and drops. Code asks `rules.has(…)` and never
//! where a profile stands. Another host than Codex is another profile without a parent.

use serde::{Deserialize, Serialize};

use crate::rule::{Rule, RuleSet};

/// What a profile is.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The name used in cases and on the command line.
    pub name: &'static str,
    /// The profile that this one changes; `None` for the first profile of a host.
    pub parent: Option<&'static Definition>,
    /// The rules that hold here and not in the parent.
    pub adds: &'static [Rule],
    /// The rules of the parent that do not hold here.
    pub drops: &'static [Rule],
}

impl Definition {
    /// The rules that hold in this profile.
    pub const fn rules(&self) -> RuleSet {
        let mut rules = match self.parent {
            Some(parent) => parent.rules(),
            None => RuleSet::EMPTY,
        };
        let mut rest = self.drops;
        while let [rule, tail @ ..] = rest {
            rules = rules.without(*rule);
            rest = tail;
        }
        let mut rest = self.adds;
        while let [rule, tail @ ..] = rest {
            rules = rules.with(*rule);
            rest = tail;
        }
        rules
    }
}

/// The seed of this project: upstream commit 4ec3b8eeea.
const CODEX_PR_27191: Definition = Definition {
    name: "codex-pr-27191",
    parent: None,
    adds: &[
        Rule::ResolutionPure,
        Rule::ConfiguredUnion,
        Rule::ConfiguredConfigOverPlugin,
        Rule::ConfiguredFirstPluginWins,
        Rule::ConfiguredOwnersExact,
        Rule::ConfiguredInactivePluginIgnored,
        Rule::ConfiguredInvalidPluginServerDropped,
        Rule::ContributionOrder,
        Rule::OverlaySetReplacesWhole,
        Rule::OverlayRemoveDeletes,
        Rule::OverlayLastWins,
        Rule::OverlayUntouchedStays,
        Rule::RuntimeIsOverlaidConfigured,
        Rule::RuntimeAuthBlind,
        Rule::HostedAlwaysSpeaks,
        Rule::HostedDisabledRemoves,
        Rule::HostedEnabledSets,
        Rule::LegacyOnlyWhenSilent,
        Rule::LegacySynthesizesInEffective,
        Rule::GateOpen,
        Rule::GateClosedRemoves,
        Rule::GateNeverSynthesizes,
        Rule::EffectiveOthersPass,
        Rule::EndpointBaseDefault,
        Rule::EndpointBaseValid,
        Rule::EndpointBaseTrimmed,
        Rule::EndpointChatgptHost,
        Rule::EndpointWholeHost,
        Rule::EndpointWholeSegments,
        Rule::EndpointOtherHost,
        Rule::EndpointDefaultPath,
        Rule::EndpointOverridePath,
        Rule::EndpointOverrideNotEmpty,
        Rule::AppsServerShape,
        Rule::AppsServerSkuHeader,
        Rule::AppsServerNoSkuNoHeader,
        Rule::AppsServerBearerEnv,
        Rule::FeaturesAppsDefaultOn,
        Rule::FeaturesConnectorsAlias,
        Rule::FeaturesBoolean,
        Rule::FeaturesOverrideForms,
        Rule::ValueNullIsAbsent,
        Rule::ServerTransport,
        Rule::ServerForeignField,
        Rule::ServerApprovalModes,
        Rule::ServerDurations,
        Rule::ServerEnvVars,
        Rule::ServerRemoteStdioCwd,
        Rule::ServerUnknownField,
        Rule::ServerFieldsKept,
        Rule::HostWrongType,
        Rule::ServerInvalidRejectsConfig,
        Rule::RejectionSmallestPath,
        Rule::StartExactlyEnabled,
        Rule::StatusAuth,
        Rule::CredentialsAppsOnly,
        Rule::CredentialsEnvironmentInstead,
        Rule::CredentialsNeverShown,
        Rule::DeliveryAnyWay,
        Rule::LifecycleViewNow,
        Rule::LifecycleReadNow,
        Rule::LifecycleThreadStarts,
        Rule::LifecycleThreadKeeps,
        Rule::LifecycleReloadNextTurn,
        Rule::LifecycleBrokenKeeps,
        Rule::LifecycleSignedOut,
        Rule::LifecycleOtherAccount,
        Rule::LifecycleFileCounts,
        Rule::LifecycleInFlight,
        Rule::LifecycleApart,
        Rule::LifecycleRecovers,
        Rule::LifecycleRestarts,
        Rule::LifecycleAtMostOnce,
        Rule::LifecycleRefreshOnce,
        Rule::LifecycleListChanged,
        Rule::LifecycleSupersededEnds,
        Rule::LifecycleSameStays,
        Rule::LifecycleDurable,
        Rule::LifecycleEnds,
    ],
    drops: &[],
};

/// Three phases: the legacy Apps server first, contributions over it, then the gate.
const CODEX_PR_27198: Definition = Definition {
    name: "codex-pr-27198",
    parent: Some(&CODEX_PR_27191),
    adds: &[
        Rule::OverlayOthersUntouchedStay,
        Rule::RuntimeThreePhases,
        Rule::HostedAtPsMcp,
        Rule::LegacyFirstInRuntime,
        Rule::GatePassesRuntime,
        Rule::EndpointLegacyPath,
        Rule::FeaturesOverrideIgnored,
    ],
    drops: &[
        Rule::OverlayUntouchedStays,
        Rule::RuntimeIsOverlaidConfigured,
        Rule::LegacyOnlyWhenSilent,
        Rule::LegacySynthesizesInEffective,
        Rule::GateNeverSynthesizes,
        Rule::EndpointDefaultPath,
        Rule::EndpointOverridePath,
        Rule::EndpointOverrideNotEmpty,
        Rule::FeaturesOverrideForms,
    ],
};

/// What is disabled stays disabled.
const CODEX_PR_27414: Definition = Definition {
    name: "codex-pr-27414",
    parent: Some(&CODEX_PR_27198),
    adds: &[Rule::OverlaySetReplacesButDisabled, Rule::OverlayDisabledStays],
    drops: &[Rule::OverlaySetReplacesWhole],
};

/// Owners are those of `runtime`, and cases say what an administrator, a user and a plugin say of a
/// plugin's servers.
const CODEX_PR_27634: Definition = Definition {
    name: "codex-pr-27634",
    parent: Some(&CODEX_PR_27414),
    adds: &[
        Rule::OwnersOfRuntime,
        Rule::AuthWords,
        Rule::PluginEntryShape,
        Rule::PluginRelativeCwd,
        Rule::PluginUserPolicy,
        Rule::RequirementsAllowList,
        Rule::RequirementsEmptyList,
        Rule::RequirementsPlugins,
        Rule::RequirementsAppsServerFree,
        Rule::RequirementsIdentity,
        Rule::RequirementsInvalid,
        Rule::RequirementsFeatures,
    ],
    drops: &[Rule::ConfiguredOwnersExact],
};

/// With backend auth an app of a plugin hides the server of that name.
const CODEX_PR_27607: Definition = Definition {
    name: "codex-pr-27607",
    parent: Some(&CODEX_PR_27634),
    adds: &[
        Rule::RouteAppHidesServer,
        Rule::RouteAuthAlone,
        Rule::RouteBlankAppIsNone,
        Rule::RouteHiddenDoesNotVeto,
    ],
    drops: &[],
};

/// A thread's selected plugins.
const CODEX_PR_27893: Definition = Definition {
    name: "codex-pr-27893",
    parent: Some(&CODEX_PR_27607),
    adds: &[
        Rule::SelectedBetweenPluginsAndConfig,
        Rule::SelectedNotConfigured,
        Rule::SelectedFirstSelectedWins,
        Rule::SelectedDisabledIsNoVeto,
        Rule::SelectedReservedName,
        Rule::ThreadExecutorPlugins,
        Rule::SelectedHttpDropped,
        Rule::SelectedEnvironmentBound,
        Rule::SelectedCwdAsWritten,
        Rule::SelectedEnvVarsStay,
        Rule::SelectedInvalidDropped,
        Rule::SelectedRootAbsolute,
    ],
    drops: &[Rule::OverlayDisabledStays],
};

/// The host's credentials go where the field `auth` says, at ChatGPT's origin only.
const CODEX_PR_29924: Definition = Definition {
    name: "codex-pr-29924",
    parent: Some(&CODEX_PR_27893),
    adds: &[
        Rule::GatePassesButAuth,
        Rule::EffectiveOthersPassButAuth,
        Rule::EffectiveAuthAtChatgptOnly,
        Rule::AppsServerAuth,
        Rule::ServerAuth,
        Rule::ServerRemoteStdioUnchecked,
        Rule::CredentialsWhereAuthSays,
    ],
    drops: &[
        Rule::GatePassesRuntime,
        Rule::EffectiveOthersPass,
        Rule::ServerRemoteStdioCwd,
        Rule::CredentialsAppsOnly,
    ],
};

/// The product SKU is `codex` where none is configured, and selected plugins have HTTP servers.
const CODEX_PR_31803: Definition = Definition {
    name: "codex-pr-31803",
    parent: Some(&CODEX_PR_29924),
    adds: &[
        Rule::ThreadReadyEnvironments,
        Rule::SelectedCwdInRoot,
        Rule::SelectedHttpNoEnvironment,
        Rule::RequirementsMatchers,
        Rule::AppsServerSkuDefault,
        Rule::ServerApprovalWrites,
        Rule::LifecycleReloadApplies,
        Rule::LifecycleLatestWins,
        Rule::LifecycleSignInRestores,
        Rule::LifecycleRefreshes,
        Rule::LifecycleLoginEnded,
    ],
    drops: &[
        Rule::SelectedHttpDropped,
        Rule::SelectedCwdAsWritten,
        Rule::AppsServerNoSkuNoHeader,
        Rule::ServerApprovalModes,
        Rule::LifecycleReloadNextTurn,
    ],
};

/// The Apps server is told which program a thread is of.
const CODEX_PR_31481: Definition = Definition {
    name: "codex-pr-31481",
    parent: Some(&CODEX_PR_31803),
    adds: &[Rule::AppsServerOriginator],
    drops: &[],
};

/// A profile of this version of the specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Profile {
    /// `codex-pr-27191`
    #[default]
    CodexPr27191,
    /// `codex-pr-27198`
    CodexPr27198,
    /// `codex-pr-27414`
    CodexPr27414,
    /// `codex-pr-27634`
    CodexPr27634,
    /// `codex-pr-27607`
    CodexPr27607,
    /// `codex-pr-27893`
    CodexPr27893,
    /// `codex-pr-29924`
    CodexPr29924,
    /// `codex-pr-31803`
    CodexPr31803,
    /// `codex-pr-31481`
    CodexPr31481,
}

impl Profile {
    /// Every profile, oldest first.
    pub const ALL: [Profile; 9] = [
        Profile::CodexPr27191,
        Profile::CodexPr27198,
        Profile::CodexPr27414,
        Profile::CodexPr27634,
        Profile::CodexPr27607,
        Profile::CodexPr27893,
        Profile::CodexPr29924,
        Profile::CodexPr31803,
        Profile::CodexPr31481,
    ];

    /// The newest one that a released Codex follows: that of a new host.
    pub const NEWEST_RELEASED: Profile = Profile::CodexPr31803;

    /// What the profile is.
    pub const fn definition(self) -> &'static Definition {
        match self {
            Profile::CodexPr27191 => &CODEX_PR_27191,
            Profile::CodexPr27198 => &CODEX_PR_27198,
            Profile::CodexPr27414 => &CODEX_PR_27414,
            Profile::CodexPr27634 => &CODEX_PR_27634,
            Profile::CodexPr27607 => &CODEX_PR_27607,
            Profile::CodexPr27893 => &CODEX_PR_27893,
            Profile::CodexPr29924 => &CODEX_PR_29924,
            Profile::CodexPr31803 => &CODEX_PR_31803,
            Profile::CodexPr31481 => &CODEX_PR_31481,
        }
    }

    /// The name used in cases and on the command line.
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// The rules that hold in the profile.
    pub const fn rules(self) -> RuleSet {
        // Known when this is compiled: sequences ask at every step.
        match self {
            Profile::CodexPr27191 => const { CODEX_PR_27191.rules() },
            Profile::CodexPr27198 => const { CODEX_PR_27198.rules() },
            Profile::CodexPr27414 => const { CODEX_PR_27414.rules() },
            Profile::CodexPr27634 => const { CODEX_PR_27634.rules() },
            Profile::CodexPr27607 => const { CODEX_PR_27607.rules() },
            Profile::CodexPr27893 => const { CODEX_PR_27893.rules() },
            Profile::CodexPr29924 => const { CODEX_PR_29924.rules() },
            Profile::CodexPr31803 => const { CODEX_PR_31803.rules() },
            Profile::CodexPr31481 => const { CODEX_PR_31481.rules() },
        }
    }

    /// Whether a rule holds in the profile.
    pub const fn has(self, rule: Rule) -> bool {
        self.rules().has(rule)
    }
}

impl From<Profile> for &'static str {
    fn from(profile: Profile) -> Self {
        profile.name()
    }
}

impl TryFrom<String> for Profile {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = Profile::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| {
            let names = Profile::ALL.map(Profile::name).join(", ");
            format!("unknown profile {name:?}, expected one of: {names}")
        })
    }
}
