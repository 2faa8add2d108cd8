//! The vocabulary of cases: what an implementation is asked to resolve.
//!
//! A case is written as JSON (`docs/protocol.md`). Server entries and the host config stay raw JSON
//! here, as a user wrote them: reading them is part of what is specified.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::null::null_is_absent;
use crate::profile::Profile;
use crate::wide::{Policy, Requirements, Thread};

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
    /// The thread that asks; `None`: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Thread>,
    /// What an administrator demands; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Requirements>,
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
    /// The apps that it declares: the id of the connector of each name.
    #[serde(
        default,
        deserialize_with = "null_is_absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub apps: BTreeMap<String, String>,
    /// The folder that it is installed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// What the user says of its servers, by their names.
    #[serde(
        default,
        deserialize_with = "null_is_absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub policy: BTreeMap<String, Policy>,
}

impl Plugin {
    /// An active plugin with these servers, of which nothing else is said.
    pub fn new(id: impl Into<String>, mcp_servers: Map<String, Value>) -> Plugin {
        Plugin {
            id: id.into(),
            active: true,
            mcp_servers,
            apps: BTreeMap::new(),
            root: None,
            policy: BTreeMap::new(),
        }
    }
}

fn active() -> bool {
    true
}

fn active_unless_said<'de, D: Deserializer<'de>>(written: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(written)?.unwrap_or(true))
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
    /// The executor-plugins contributor, rule `thread.executor-plugins`.
    ExecutorPlugins,
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
    /// Offer a server of a selected plugin.
    #[serde(rename = "selected_plugin")]
    SelectedPlugin {
        /// The server's name.
        name: String,
        /// The id of the plugin.
        plugin_id: String,
        /// Its place in the selection.
        selection_order: u64,
        /// The entry as written.
        server: Value,
    },
}

impl Contribution {
    /// The name that this contribution is about.
    pub fn name(&self) -> &str {
        match self {
            Contribution::Set { name, .. }
            | Contribution::Remove { name }
            | Contribution::SelectedPlugin { name, .. } => name,
        }
    }

    /// The same, to change it.
    pub fn name_mut(&mut self) -> &mut String {
        match self {
            Contribution::Set { name, .. }
            | Contribution::Remove { name }
            | Contribution::SelectedPlugin { name, .. } => name,
        }
    }

    /// The server that it brings, as written.
    pub fn server(&self) -> Option<&Value> {
        match self {
            Contribution::Set { server, .. } | Contribution::SelectedPlugin { server, .. } => {
                Some(server)
            }
            Contribution::Remove { .. } => None,
        }
    }

    /// The same, to change it.
    pub fn server_mut(&mut self) -> Option<&mut Value> {
        match self {
            Contribution::Set { server, .. } | Contribution::SelectedPlugin { server, .. } => {
                Some(server)
            }
            Contribution::Remove { .. } => None,
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
    /// A key of Amazon Bedrock.
    BedrockApiKey,
    /// Headers that an embedding program supplies.
    Headers,
}

impl Auth {
    /// Every kind of auth, "not signed in" (`None`) aside.
    pub const ALL: [Auth; 7] = [
        Auth::ApiKey,
        Auth::ChatGpt,
        Auth::ChatGptAuthTokens,
        Auth::AgentIdentity,
        Auth::PersonalAccessToken,
        Auth::BedrockApiKey,
        Auth::Headers,
    ];

    /// The kinds that every case can have; the others are in wide cases only.
    pub const PLAIN: [Auth; 5] = [
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
            // Rule `auth.words`: `bedrock_api_key` MUST NOT be backend auth, and `headers` MUST be.
            Auth::BedrockApiKey => false,
            Auth::Headers => true,
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
            Auth::BedrockApiKey => "bedrock_api_key",
            Auth::Headers => "headers",
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

/// A contributor as JSON has it: exactly one of the members besides `id`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenContributor {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hosted_apps: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    executor_plugins: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contributions: Option<Vec<Contribution>>,
}

impl TryFrom<WrittenContributor> for Contributor {
    type Error = String;

    fn try_from(written: WrittenContributor) -> Result<Self, String> {
        let WrittenContributor { id, hosted_apps, executor_plugins, contributions } = written;
        let marked = |marker: Map<String, Value>, word: &str, kind| {
            if marker.is_empty() {
                Ok(kind)
            } else {
                Err(format!("`{word}` of contributor `{id}` must be {{}}"))
            }
        };
        let kind = match (hosted_apps, executor_plugins, contributions) {
            (Some(marker), None, None) => {
                marked(marker, "hosted_apps", ContributorKind::HostedApps)?
            }
            (None, Some(marker), None) => {
                marked(marker, "executor_plugins", ContributorKind::ExecutorPlugins)?
            }
            (None, None, Some(list)) => ContributorKind::Scripted(list),
            _ => {
                return Err(format!(
                    "contributor `{id}` needs exactly one of `hosted_apps`, `executor_plugins` and \
                     `contributions`"
                ));
            }
        };
        Ok(Contributor { id, kind })
    }
}

impl From<Contributor> for WrittenContributor {
    fn from(contributor: Contributor) -> Self {
        let mut written = WrittenContributor {
            id: contributor.id,
            hosted_apps: None,
            executor_plugins: None,
            contributions: None,
        };
        match contributor.kind {
            ContributorKind::HostedApps => written.hosted_apps = Some(Map::new()),
            ContributorKind::ExecutorPlugins => written.executor_plugins = Some(Map::new()),
            ContributorKind::Scripted(list) => written.contributions = Some(list),
        }
        written
    }
}
