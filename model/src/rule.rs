//! The rules of `docs/semantics.md` by id, and sets of them.
//!
//! A test holds this list to the page: the same ids, in the same order, at the same level.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much a rule asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Breaking the rule is a finding.
    Must,
    /// This project asks for more than upstream does, on purpose. An implementation that does here
    /// what upstream does gets an advisory.
    Should,
}

/// Declares [`Rule`] with a variant, an id and a level for each rule.
macro_rules! rules {
    ($($variant:ident, $id:literal, $level:ident;)+) => {
        /// A rule of `docs/semantics.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        #[serde(try_from = "String", into = "&'static str")]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = concat!("`", $id, "`")] $variant,)+
        }

        impl Rule {
            /// Every rule of the page, in its order.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)+];

            /// The id, such as `gate.closed-removes`.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Rule::$variant => $id,)+
                }
            }

            /// Whether the rule says MUST or SHOULD.
            pub const fn level(self) -> Level {
                match self {
                    $(Rule::$variant => Level::$level,)+
                }
            }
        }
    };
}

rules! {
    ResolutionPure, "resolution.pure", Must;
    ConfiguredUnion, "configured.union", Must;
    ConfiguredConfigOverPlugin, "configured.config-over-plugin", Must;
    ConfiguredFirstPluginWins, "configured.first-plugin-wins", Must;
    ConfiguredOwnersExact, "configured.owners-exact", Must;
    OwnersOfRuntime, "owners.of-runtime", Must;
    RouteAppHidesServer, "route.app-hides-server", Must;
    RouteAuthAlone, "route.auth-alone", Must;
    RouteBlankAppIsNone, "route.blank-app-is-none", Must;
    RouteHiddenDoesNotVeto, "route.hidden-does-not-veto", Must;
    AuthWords, "auth.words", Must;
    ConfiguredInactivePluginIgnored, "configured.inactive-plugin-ignored", Must;
    ConfiguredInvalidPluginServerDropped, "configured.invalid-plugin-server-dropped", Must;
    PluginEntryShape, "plugin.entry-shape", Must;
    PluginRelativeCwd, "plugin.relative-cwd", Must;
    PluginUserPolicy, "plugin.user-policy", Must;
    ContributionOrder, "contribution.order", Must;
    OverlaySetReplacesWhole, "overlay.set-replaces-whole", Must;
    OverlaySetReplacesButDisabled, "overlay.set-replaces-but-disabled", Must;
    OverlayRemoveDeletes, "overlay.remove-deletes", Must;
    OverlayLastWins, "overlay.last-wins", Must;
    OverlayUntouchedStays, "overlay.untouched-stays", Must;
    OverlayOthersUntouchedStay, "overlay.others-untouched-stay", Must;
    OverlayDisabledStays, "overlay.disabled-stays", Must;
    RuntimeIsOverlaidConfigured, "runtime.is-overlaid-configured", Must;
    RuntimeThreePhases, "runtime.three-phases", Must;
    RuntimeAuthBlind, "runtime.auth-blind", Must;
    SelectedBetweenPluginsAndConfig, "selected.between-plugins-and-config", Must;
    SelectedNotConfigured, "selected.not-configured", Must;
    SelectedFirstSelectedWins, "selected.first-selected-wins", Must;
    SelectedDisabledIsNoVeto, "selected.disabled-is-no-veto", Must;
    SelectedReservedName, "selected.reserved-name", Must;
    ThreadExecutorPlugins, "thread.executor-plugins", Must;
    ThreadReadyEnvironments, "thread.ready-environments", Must;
    SelectedHttpDropped, "selected.http-dropped", Must;
    SelectedEnvironmentBound, "selected.environment-bound", Must;
    SelectedCwdAsWritten, "selected.cwd-as-written", Must;
    SelectedCwdInRoot, "selected.cwd-in-root", Must;
    SelectedEnvVarsStay, "selected.env-vars-stay", Must;
    SelectedHttpNoEnvironment, "selected.http-no-environment", Must;
    SelectedInvalidDropped, "selected.invalid-dropped", Must;
    SelectedRootAbsolute, "selected.root-absolute", Must;
    RequirementsAllowList, "requirements.allow-list", Must;
    RequirementsEmptyList, "requirements.empty-list", Must;
    RequirementsPlugins, "requirements.plugins", Must;
    RequirementsAppsServerFree, "requirements.apps-server-free", Must;
    RequirementsIdentity, "requirements.identity", Must;
    RequirementsMatchers, "requirements.matchers", Must;
    RequirementsInvalid, "requirements.invalid", Must;
    RequirementsFeatures, "requirements.features", Must;
    HostedAlwaysSpeaks, "hosted.always-speaks", Must;
    HostedDisabledRemoves, "hosted.disabled-removes", Must;
    HostedEnabledSets, "hosted.enabled-sets", Must;
    HostedAtPsMcp, "hosted.at-ps-mcp", Must;
    LegacyOnlyWhenSilent, "legacy.only-when-silent", Must;
    LegacySynthesizesInEffective, "legacy.synthesizes-in-effective", Must;
    LegacyFirstInRuntime, "legacy.first-in-runtime", Must;
    GateOpen, "gate.open", Must;
    GateClosedRemoves, "gate.closed-removes", Must;
    GateNeverSynthesizes, "gate.never-synthesizes", Must;
    GatePassesRuntime, "gate.passes-runtime", Must;
    GatePassesButAuth, "gate.passes-but-auth", Must;
    EffectiveOthersPass, "effective.others-pass", Must;
    EffectiveOthersPassButAuth, "effective.others-pass-but-auth", Must;
    EffectiveAuthAtChatgptOnly, "effective.auth-at-chatgpt-only", Must;
    EndpointBaseDefault, "endpoint.base-default", Must;
    EndpointBaseValid, "endpoint.base-valid", Should;
    EndpointBaseTrimmed, "endpoint.base-trimmed", Must;
    EndpointChatgptHost, "endpoint.chatgpt-host", Must;
    EndpointWholeHost, "endpoint.whole-host", Should;
    EndpointWholeSegments, "endpoint.whole-segments", Should;
    EndpointOtherHost, "endpoint.other-host", Must;
    EndpointDefaultPath, "endpoint.default-path", Must;
    EndpointLegacyPath, "endpoint.legacy-path", Must;
    EndpointOverridePath, "endpoint.override-path", Must;
    EndpointOverrideNotEmpty, "endpoint.override-not-empty", Should;
    AppsServerShape, "apps-server.shape", Must;
    AppsServerSkuHeader, "apps-server.sku-header", Must;
    AppsServerNoSkuNoHeader, "apps-server.no-sku-no-header", Must;
    AppsServerSkuDefault, "apps-server.sku-default", Must;
    AppsServerAuth, "apps-server.auth", Must;
    AppsServerOriginator, "apps-server.originator", Must;
    AppsServerBearerEnv, "apps-server.bearer-env", Must;
    FeaturesAppsDefaultOn, "features.apps-default-on", Must;
    FeaturesConnectorsAlias, "features.connectors-alias", Must;
    FeaturesBoolean, "features.boolean", Must;
    FeaturesOverrideForms, "features.override-forms", Must;
    FeaturesOverrideIgnored, "features.override-ignored", Must;
    ValueNullIsAbsent, "value.null-is-absent", Must;
    ServerTransport, "server.transport", Must;
    ServerForeignField, "server.foreign-field", Must;
    ServerAuth, "server.auth", Must;
    ServerApprovalModes, "server.approval-modes", Must;
    ServerApprovalWrites, "server.approval-writes", Must;
    ServerDurations, "server.durations", Must;
    ServerEnvVars, "server.env-vars", Must;
    ServerRemoteStdioCwd, "server.remote-stdio-cwd", Must;
    ServerRemoteStdioUnchecked, "server.remote-stdio-unchecked", Must;
    ServerUnknownField, "server.unknown-field", Must;
    ServerFieldsKept, "server.fields-kept", Must;
    HostWrongType, "host.wrong-type", Must;
    ServerInvalidRejectsConfig, "server.invalid-rejects-config", Must;
    RejectionSmallestPath, "rejection.smallest-path", Must;
    StartExactlyEnabled, "start.exactly-enabled", Must;
    StatusAuth, "status.auth", Must;
    CredentialsAppsOnly, "credentials.apps-only", Must;
    CredentialsWhereAuthSays, "credentials.where-auth-says", Must;
    CredentialsEnvironmentInstead, "credentials.environment-instead", Must;
    CredentialsNeverShown, "credentials.never-shown", Must;
    DeliveryAnyWay, "delivery.any-way", Must;
    LifecycleViewNow, "lifecycle.view-now", Must;
    LifecycleReadNow, "lifecycle.read-now", Must;
    LifecycleThreadStarts, "lifecycle.thread-starts", Must;
    LifecycleThreadKeeps, "lifecycle.thread-keeps", Must;
    LifecycleReloadApplies, "lifecycle.reload-applies", Must;
    LifecycleReloadNextTurn, "lifecycle.reload-next-turn", Must;
    LifecycleLatestWins, "lifecycle.latest-wins", Must;
    LifecycleBrokenKeeps, "lifecycle.broken-keeps", Must;
    LifecycleSignedOut, "lifecycle.signed-out", Must;
    LifecycleOtherAccount, "lifecycle.other-account", Must;
    LifecycleSignInRestores, "lifecycle.sign-in-restores", Must;
    LifecycleFileCounts, "lifecycle.file-counts", Should;
    LifecycleInFlight, "lifecycle.in-flight", Must;
    LifecycleApart, "lifecycle.apart", Must;
    LifecycleRecovers, "lifecycle.recovers", Must;
    LifecycleRestarts, "lifecycle.restarts", Should;
    LifecycleAtMostOnce, "lifecycle.at-most-once", Must;
    LifecycleRefreshOnce, "lifecycle.refresh-once", Must;
    LifecycleRefreshes, "lifecycle.refreshes", Must;
    LifecycleLoginEnded, "lifecycle.login-ended", Must;
    LifecycleListChanged, "lifecycle.list-changed", Must;
    LifecycleSupersededEnds, "lifecycle.superseded-ends", Must;
    LifecycleSameStays, "lifecycle.same-stays", Should;
    LifecycleDurable, "lifecycle.durable", Must;
    LifecycleEnds, "lifecycle.ends", Must;
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl From<Rule> for &'static str {
    fn from(rule: Rule) -> Self {
        rule.id()
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let known = Rule::ALL.iter().find(|rule| rule.id() == id);
        known.copied().ok_or_else(|| format!("no rule {id:?} in docs/semantics.md"))
    }
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        id.parse()
    }
}

/// A set of rules, one bit each: those of the first half of the bits, and the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleSet(u128, u128);

/// How many rules have their bit in the first half.
const HALF: usize = 128;

// A bit for every rule.
const _: () = assert!(Rule::ALL.len() <= 2 * HALF);

impl RuleSet {
    /// The set without a rule in it.
    pub const EMPTY: RuleSet = RuleSet(0, 0);

    /// Whether a rule is in the set.
    pub const fn has(self, rule: Rule) -> bool {
        let RuleSet(first, rest) = self.and(RuleSet::only(rule));
        first | rest != 0
    }

    /// The set with one more rule.
    #[must_use]
    pub const fn with(self, rule: Rule) -> RuleSet {
        self.or(RuleSet::only(rule))
    }

    /// The set with one rule less.
    #[must_use]
    pub const fn without(self, rule: Rule) -> RuleSet {
        let RuleSet(first, rest) = RuleSet::only(rule);
        RuleSet(self.0 & !first, self.1 & !rest)
    }

    /// The rules that are in one of two sets.
    #[must_use]
    pub const fn or(self, other: RuleSet) -> RuleSet {
        RuleSet(self.0 | other.0, self.1 | other.1)
    }

    /// The rules that are in both of two sets.
    #[must_use]
    pub const fn and(self, other: RuleSet) -> RuleSet {
        RuleSet(self.0 & other.0, self.1 & other.1)
    }

    /// The rules of the set, in the order of the page.
    pub fn iter(self) -> Rules {
        Rules(self)
    }

    /// The set of one rule.
    const fn only(rule: Rule) -> RuleSet {
        let bit = rule as usize;
        if bit < HALF { RuleSet(1 << bit, 0) } else { RuleSet(0, 1 << (bit - HALF)) }
    }

    /// The smallest bit in the set.
    const fn first(self) -> usize {
        match self.0 {
            0 => HALF + self.1.trailing_zeros() as usize,
            first => first.trailing_zeros() as usize,
        }
    }
}

/// The rules of a set, in the order of the page.
#[derive(Clone, Debug)]
pub struct Rules(RuleSet);

impl Iterator for Rules {
    type Item = Rule;

    fn next(&mut self) -> Option<Rule> {
        let rule = *Rule::ALL.get(self.0.first())?;
        self.0 = self.0.without(rule);
        Some(rule)
    }
}

impl IntoIterator for RuleSet {
    type Item = Rule;
    type IntoIter = Rules;

    fn into_iter(self) -> Rules {
        Rules(self)
    }
}

impl Extend<Rule> for RuleSet {
    fn extend<I: IntoIterator<Item = Rule>>(&mut self, rules: I) {
        *self = rules.into_iter().fold(*self, RuleSet::with);
    }
}

impl FromIterator<Rule> for RuleSet {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        rules.into_iter().fold(RuleSet::EMPTY, RuleSet::with)
    }
}
