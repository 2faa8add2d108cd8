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
    /// Pull request 27634: owners are those of the runtime view, and requirements and policies count.
    CodexPr27634,
    /// Pull request 27607: an app of a plugin hides the server of that name.
    CodexPr27607,
    /// Pull request 27893: a thread selects plugins.
    CodexPr27893,
    /// Pull request 29924: the field `auth` decides which servers get the host's credentials.
    CodexPr29924,
    /// Pull request 31803: the product SKU has a default.
    CodexPr31803,
    /// Pull request 31481: the Apps server is told the originator of a thread.
    CodexPr31481,
}

impl Profile {
    /// All profiles, each after its parent.
    pub const ALL: [Self; 9] = [
        Self::CodexPr27191,
        Self::CodexPr27198,
        Self::CodexPr27414,
        Self::CodexPr27634,
        Self::CodexPr27607,
        Self::CodexPr27893,
        Self::CodexPr29924,
        Self::CodexPr31803,
        Self::CodexPr31481,
    ];

    /// The name that the specification uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CodexPr27191 => "codex-pr-27191",
            Self::CodexPr27198 => "codex-pr-27198",
            Self::CodexPr27414 => "codex-pr-27414",
            Self::CodexPr27634 => "codex-pr-27634",
            Self::CodexPr27607 => "codex-pr-27607",
            Self::CodexPr27893 => "codex-pr-27893",
            Self::CodexPr29924 => "codex-pr-29924",
            Self::CodexPr31803 => "codex-pr-31803",
            Self::CodexPr31481 => "codex-pr-31481",
        }
    }

    /// Whether a thread can select plugins: rules `selected.*` and `thread.*`.
    #[must_use]
    pub fn selects_plugins(self) -> bool {
        self.behaviour().selected_plugins
    }

    /// What a host of this profile does.
    pub(crate) fn behaviour(self) -> &'static Behaviour {
        match self {
            Self::CodexPr27191 => &CODEX_PR_27191,
            Self::CodexPr27198 => &CODEX_PR_27198,
            Self::CodexPr27414 => &CODEX_PR_27414,
            Self::CodexPr27634 => &CODEX_PR_27634,
            Self::CodexPr27607 => &CODEX_PR_27607,
            Self::CodexPr27893 => &CODEX_PR_27893,
            Self::CodexPr29924 => &CODEX_PR_29924,
            Self::CodexPr31803 => &CODEX_PR_31803,
            Self::CodexPr31481 => &CODEX_PR_31481,
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
    /// A plugin's entry is read as a plugin writes it, and the user has a policy for it: rules
    /// `plugin.*`.
    pub(crate) plugin_entries: bool,
    /// An administrator's requirements count: rules `requirements.*`.
    pub(crate) requirements: bool,
    /// Requirements can have matchers: rule `requirements.matchers`.
    pub(crate) requirement_matchers: bool,
    /// With backend auth an app hides a server: rules `route.*`.
    pub(crate) apps_hide_servers: bool,
    /// A thread can select plugins: rules `selected.*` and `thread.*`.
    pub(crate) selected_plugins: bool,
    /// The HTTP servers of selected plugins count; otherwise rule `selected.http-dropped`.
    pub(crate) selected_http: bool,
    /// Rule `selected.cwd-in-root`; otherwise rule `selected.cwd-as-written`.
    pub(crate) selected_cwd_in_root: bool,
    /// Only plugins of ready environments count: rule `thread.ready-environments`.
    pub(crate) ready_environments: bool,
    /// The Apps server is told a thread's originator: rule `apps-server.originator`.
    pub(crate) originator: bool,
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
    plugin_entries: false,
    requirements: false,
    requirement_matchers: false,
    apps_hide_servers: false,
    selected_plugins: false,
    selected_http: false,
    selected_cwd_in_root: false,
    ready_environments: false,
    originator: false,
};

const CODEX_PR_27198: Behaviour = Behaviour {
    loader_before_contributions: true,
    hosted_at_ps_mcp: true,
    path_override_counts: false,
    ..CODEX_PR_27191
};

const CODEX_PR_27414: Behaviour = Behaviour { disabled_stays: true, ..CODEX_PR_27198 };

const CODEX_PR_27634: Behaviour = Behaviour {
    owners_of_runtime: true,
    plugin_entries: true,
    requirements: true,
    ..CODEX_PR_27414
};

const CODEX_PR_27607: Behaviour = Behaviour { apps_hide_servers: true, ..CODEX_PR_27634 };

const CODEX_PR_27893: Behaviour = Behaviour { selected_plugins: true, ..CODEX_PR_27607 };

const CODEX_PR_29924: Behaviour =
    Behaviour { auth_field: true, remote_cwd_checked: false, ..CODEX_PR_27893 };

const CODEX_PR_31803: Behaviour = Behaviour {
    default_product_sku: Some("codex"),
    approval_writes: true,
    requirement_matchers: true,
    selected_http: true,
    selected_cwd_in_root: true,
    ready_environments: true,
    ..CODEX_PR_29924
};

const CODEX_PR_31481: Behaviour = Behaviour { originator: true, ..CODEX_PR_31803 };

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
