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
    /// A key of Amazon Bedrock, which gives no access to the user's ChatGPT account.
    BedrockApiKey,
    /// ChatGPT, with headers that another application supplies.
    Headers,
}

/// A text that names no kind of auth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown auth; expected api_key, chatgpt, chatgpt_auth_tokens, agent_identity, \
     personal_access_token, bedrock_api_key or headers"
)]
pub struct UnknownAuth;

impl Auth {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::ApiKey,
        Self::ChatGpt,
        Self::ChatGptAuthTokens,
        Self::AgentIdentity,
        Self::PersonalAccessToken,
        Self::BedrockApiKey,
        Self::Headers,
    ];

    /// Whether this is backend auth ("ChatGPT auth"): everything but a key. Rules `gate.open` and
    /// `auth.words`.
    #[must_use]
    pub fn uses_codex_backend(self) -> bool {
        match self {
            Self::ApiKey | Self::BedrockApiKey => false,
            Self::ChatGpt
            | Self::ChatGptAuthTokens
            | Self::AgentIdentity
            | Self::PersonalAccessToken
            | Self::Headers => true,
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
            Self::BedrockApiKey => "bedrock_api_key",
            Self::Headers => "headers",
        }
    }
}

impl FromStr for Auth {
    type Err = UnknownAuth;

    fn from_str(word: &str) -> Result<Self, UnknownAuth> {
        Self::ALL.into_iter().find(|auth| auth.as_str() == word).ok_or(UnknownAuth)
    }
}
