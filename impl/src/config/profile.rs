//! Which of upstream's changes the host resolves by.

use std::fmt;
use std::str::FromStr;

/// The rules that a host resolves by: the specification as of one upstream change. A host chooses
/// once, with its [`Environment`](super::Environment); everything else asks the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Upstream's pull request 27191: the legacy Apps loader puts its server into `effective` where
    /// no contribution names it.
    #[default]
    CodexPr27191,
    /// Upstream's pull request 27414, and 27198 before it: the legacy Apps loader comes first and
    /// contributions over it, the hosted Apps server is at `ps/mcp`, and what the user disabled
    /// stays disabled.
    CodexPr27414,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::CodexPr27191, Self::CodexPr27414];

    /// The name that the specification uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CodexPr27191 => "codex-pr-27191",
            Self::CodexPr27414 => "codex-pr-27414",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no profile of this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no profile of this host; expected codex-pr-27191 or codex-pr-27414")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let known = Self::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}
