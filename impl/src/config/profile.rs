//! The profiles that a host can resolve by, and what each of them does.
//!
//! This is the only file that knows a profile by its name. Everything else asks its [`Behaviour`].

use std::fmt;
use std::str::FromStr;

/// The rules that a host resolves by: the specification as of one of upstream's changes. A host
/// chooses once, with its [`Environment`](super::Environment).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Upstream's pull request 27191, the seed.
    #[default]
    CodexPr27191,
    /// Pull request 27198: the legacy Apps loader comes before the contributions.
    CodexPr27198,
    /// Pull request 27414: what is disabled stays disabled.
    CodexPr27414,
    /// Pull request 29924: the field `auth` decides which servers get the host's credentials.
    CodexPr29924,
    /// Pull request 31803: the product SKU has a default.
    CodexPr31803,
}

impl Profile {
    /// All profiles, each after its parent.
    pub const ALL: [Self; 5] = [
        Self::CodexPr27191,
        Self::CodexPr27198,
        Self::CodexPr27414,
        Self::CodexPr29924,
        Self::CodexPr31803,
    ];

    /// The name that the specification uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CodexPr27191 => "codex-pr-27191",
            Self::CodexPr27198 => "codex-pr-27198",
            Self::CodexPr27414 => "codex-pr-27414",
            Self::CodexPr29924 => "codex-pr-29924",
            Self::CodexPr31803 => "codex-pr-31803",
        }
    }

    /// What a host of this profile does.
    pub(crate) fn behaviour(self) -> &'static Behaviour {
        match self {
            Self::CodexPr27191 => &CODEX_PR_27191,
            Self::CodexPr27198 => &CODEX_PR_27198,
            Self::CodexPr27414 => &CODEX_PR_27414,
            Self::CodexPr29924 => &CODEX_PR_29924,
            Self::CodexPr31803 => &CODEX_PR_31803,
        }
    }
}

/// What differs between profiles: one switch for each difference, named after what is switched on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behaviour {
    /// The legacy Apps loader works on `runtime`, before the contributions (rule
    /// `legacy.first-in-runtime`). Otherwise it works on `effective` (rule
    /// `legacy.synthesizes-in-effective`).
    pub(crate) loader_before_contributions: bool,
    /// The hosted-apps contributor sets the Apps server at `ps/mcp`: rule `hosted.at-ps-mcp`.
    pub(crate) hosted_at_ps_mcp: bool,
    /// The path override has an effect (rules `features.override-forms` and `endpoint.override-*`).
    /// Otherwise only its shape is checked (rule `features.override-ignored`).
    pub(crate) path_override_counts: bool,
    /// What `configured` disables stays disabled: rule `overlay.disabled-stays`.
    pub(crate) disabled_stays: bool,
    /// HTTP servers have the field `auth`, which decides where the host's credentials go: rules
    /// `server.auth`, `apps-server.auth`, `effective.auth-at-chatgpt-only` and
    /// `credentials.where-auth-says`. Otherwise they go to the Apps server, by its name (rule
    /// `credentials.apps-only`).
    pub(crate) auth_field: bool,
    /// Owners are those of `runtime` (rule `owners.of-runtime`), not of `configured` (rule
    /// `configured.owners-exact`).
    pub(crate) owners_of_runtime: bool,
    /// A stdio server in another environment needs an absolute `cwd`: rule
    /// `server.remote-stdio-cwd`.
    pub(crate) remote_cwd_checked: bool,
    /// The product SKU when none is configured: rules `apps-server.sku-default` and
    /// `apps-server.no-sku-no-header`.
    pub(crate) default_product_sku: Option<&'static str>,
    /// `writes` is an approval mode: rule `server.approval-writes`.
    pub(crate) approval_writes: bool,
}

const CODEX_PR_27191: Behaviour = Behaviour {
    loader_before_contributions: false,
    hosted_at_ps_mcp: false,
    path_override_counts: true,
    disabled_stays: false,
    auth_field: false,
    owners_of_runtime: false,
    remote_cwd_checked: true,
    default_product_sku: None,
    approval_writes: false,
};

const CODEX_PR_27198: Behaviour = Behaviour {
    loader_before_contributions: true,
    hosted_at_ps_mcp: true,
    path_override_counts: false,
    ..CODEX_PR_27191
};

const CODEX_PR_27414: Behaviour = Behaviour { disabled_stays: true, ..CODEX_PR_27198 };

const CODEX_PR_29924: Behaviour = Behaviour {
    auth_field: true,
    owners_of_runtime: true,
    remote_cwd_checked: false,
    ..CODEX_PR_27414
};

const CODEX_PR_31803: Behaviour =
    Behaviour { default_product_sku: Some("codex"), approval_writes: true, ..CODEX_PR_29924 };

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no profile of this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a profile of this host; expected one of: {names}",
    names = Profile::ALL.map(Profile::name).join(", ")
)]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let known = Self::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}
