//! The vocabulary of cases: what an implementation is asked to resolve.
//!
//! A case is written as JSON (`docs/protocol.md`). Server entries and the host config stay raw JSON
//! here, as a user wrote them: reading them is part of what is specified.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::profile::Profile;

/// The reserved name of the host-owned Apps server.
pub const CODEX_APPS: &str = "codex_apps";

/// One question: a host config, its plugins and contributors, and the auth at this moment.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A name for people; no rule looks at it.
    #[serde(
        default,
        deserialize_with = "null_is_absent",
        skip_serializing_if = "String::is_empty"
    )]
    pub id: String,
    /// The profile whose rules count.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub profile: Profile,
    /// The host config as the user wrote it.
    #[serde(default = "empty_table")]
    pub host: Value,
    /// Plugins in discovery order.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Plugin>,
    /// Contributors in registration order.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Vec::is_empty")]
    pub contributors: Vec<Contributor>,
    /// The auth at this moment; `None` is "not signed in".
    #[serde(default)]
    pub auth: Option<Auth>,
}

fn empty_table() -> Value {
    Value::Object(Map::new())
}

/// A plugin and the servers that it brings.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// Names the plugin in `plugin_owners`.
    pub id: String,
    /// An inactive plugin adds nothing.
    #[serde(default = "active", deserialize_with = "active_unless_said")]
    pub active: bool,
    /// Server entries by name, as written.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub mcp_servers: Map<String, Value>,
}

fn active() -> bool {
    true
}

fn active_unless_said<'de, D: Deserializer<'de>>(written: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(written)?.unwrap_or(true))
}

/// Null for an optional member of a case is an absent member, as everywhere else.
fn null_is_absent<'de, D, T>(written: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(written)?.unwrap_or_default())
}

/// An extension of the host.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "WrittenContributor", into = "WrittenContributor")]
pub struct Contributor {
    /// Names the contributor in reasons; no rule orders by it.
    pub id: String,
    /// What it contributes.
    pub kind: ContributorKind,
}

/// What a contributor contributes.
#[derive(Clone, Debug, PartialEq)]
pub enum ContributorKind {
    /// The hosted-apps contributor, rules `hosted.*`.
    HostedApps,
    /// A fixed list, in order.
    Scripted(Vec<Contribution>),
}

/// One overlay on the map of servers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Contribution {
    /// Insert or replace the named server.
    Set {
        /// The server's name.
        name: String,
        /// The entry as written.
        server: Value,
    },
    /// Delete the named server.
    Remove {
        /// The server's name.
        name: String,
    },
}

impl Contribution {
    /// The name that this contribution decides.
    pub fn name(&self) -> &str {
        match self {
            Contribution::Set { name, .. } | Contribution::Remove { name } => name,
        }
    }
}

/// How the user is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Auth {
    /// An API key; not a ChatGPT account.
    ApiKey,
    /// A ChatGPT account through the browser.
    ChatGpt,
    /// ChatGPT tokens that an embedding program supplies.
    ChatGptAuthTokens,
    /// An agent's own identity.
    AgentIdentity,
    /// A personal access token.
    PersonalAccessToken,
}

impl Auth {
    /// Every kind of auth, "not signed in" (`None`) aside.
    pub const ALL: [Auth; 5] = [
        Auth::ApiKey,
        Auth::ChatGpt,
        Auth::ChatGptAuthTokens,
        Auth::AgentIdentity,
        Auth::PersonalAccessToken,
    ];

    /// Whether this is ChatGPT auth, which opens the gate.
    pub fn is_backend(self) -> bool {
        match self {
            Auth::ApiKey => false,
            Auth::ChatGpt
            | Auth::ChatGptAuthTokens
            | Auth::AgentIdentity
            | Auth::PersonalAccessToken => true,
        }
    }

    /// The word used in cases and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Auth::ApiKey => "api_key",
            Auth::ChatGpt => "chatgpt",
            Auth::ChatGptAuthTokens => "chatgpt_auth_tokens",
            Auth::AgentIdentity => "agent_identity",
            Auth::PersonalAccessToken => "personal_access_token",
        }
    }
}

impl From<Auth> for &'static str {
    fn from(auth: Auth) -> Self {
        auth.word()
    }
}

impl TryFrom<String> for Auth {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let known = Auth::ALL.into_iter().find(|auth| auth.word() == word);
        known.ok_or_else(|| {
            format!(
                "unknown auth {word:?}, expected one of: {}",
                Auth::ALL.map(Auth::word).join(", ")
            )
        })
    }
}

/// A contributor as JSON has it: exactly one of the two members besides `id`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenContributor {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hosted_apps: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contributions: Option<Vec<Contribution>>,
}

impl TryFrom<WrittenContributor> for Contributor {
    type Error = String;

    fn try_from(written: WrittenContributor) -> Result<Self, String> {
        let kind = match (written.hosted_apps, written.contributions) {
            (Some(marker), None) if marker.is_empty() => ContributorKind::HostedApps,
            (Some(_), None) => {
                return Err(format!("`hosted_apps` of contributor `{}` must be {{}}", written.id));
            }
            (None, Some(list)) => ContributorKind::Scripted(list),
            (Some(_), Some(_)) | (None, None) => {
                return Err(format!(
                    "contributor `{}` needs exactly one of `hosted_apps` and `contributions`",
                    written.id
                ));
            }
        };
        Ok(Contributor { id: written.id, kind })
    }
}

impl From<Contributor> for WrittenContributor {
    fn from(contributor: Contributor) -> Self {
        let (hosted_apps, contributions) = match contributor.kind {
            ContributorKind::HostedApps => (Some(Map::new()), None),
            ContributorKind::Scripted(list) => (None, Some(list)),
        };
        WrittenContributor { id: contributor.id, hosted_apps, contributions }
    }
}
