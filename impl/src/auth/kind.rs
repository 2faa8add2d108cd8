//! How the user is signed in.

use std::str::FromStr;

/// How the user is signed in. Signed out is `Option::None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Auth {
    /// An API key, which gives access to the API but not to the user's ChatGPT account.
    ApiKey,
    /// ChatGPT, with tokens that this host stores.
    ChatGpt,
    /// ChatGPT, with tokens that another application stores and supplies.
    ChatGptAuthTokens,
    /// An agent's own identity.
    AgentIdentity,
    /// A personal access token.
    PersonalAccessToken,
}

/// A text that names no kind of auth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown auth; expected api_key, chatgpt, chatgpt_auth_tokens, agent_identity or \
     personal_access_token"
)]
pub struct UnknownAuth;

impl Auth {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::ApiKey,
        Self::ChatGpt,
        Self::ChatGptAuthTokens,
        Self::AgentIdentity,
        Self::PersonalAccessToken,
    ];

    /// Whether this is backend auth ("ChatGPT auth"): everything but an API key. Rule `gate.open`.
    #[must_use]
    pub fn uses_codex_backend(self) -> bool {
        match self {
            Self::ApiKey => false,
            Self::ChatGpt
            | Self::ChatGptAuthTokens
            | Self::AgentIdentity
            | Self::PersonalAccessToken => true,
        }
    }

    /// The name of this kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::ChatGpt => "chatgpt",
            Self::ChatGptAuthTokens => "chatgpt_auth_tokens",
            Self::AgentIdentity => "agent_identity",
            Self::PersonalAccessToken => "personal_access_token",
        }
    }
}

impl FromStr for Auth {
    type Err = UnknownAuth;

    fn from_str(word: &str) -> Result<Self, UnknownAuth> {
        Self::ALL.into_iter().find(|auth| auth.as_str() == word).ok_or(UnknownAuth)
    }
}
