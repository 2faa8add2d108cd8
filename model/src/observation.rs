//! The vocabulary of observations: what a running host shows of a server to its client and to the
//! server itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decision::Reason;

/// What should be seen, by server name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed(pub BTreeMap<String, Expected>);

/// What should be seen of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The observation, or `None`: nothing of this name.
    pub observation: Option<Observation>,
    /// Why.
    pub reason: Reason,
}

impl Observed {
    /// The names of which something should be seen.
    pub fn present(&self) -> Observations {
        let present =
            self.0.iter().filter_map(|(name, e)| Some((name.clone(), e.observation.clone()?)));
        present.collect()
    }

    /// What should be seen, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Observation)> {
        self.0.iter().filter_map(|(name, expected)| Some((name, expected.observation.as_ref()?)))
    }

    /// What should be seen of the server of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Observation> {
        self.0.get(name)?.observation.as_ref()
    }
}

/// What was seen, by server name.
pub type Observations = BTreeMap<String, Observation>;

/// What is seen of one server. A disabled one has nothing but its auth status.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Whether the host started the server: ran its command or sent it a request.
    #[serde(default = "started", skip_serializing_if = "Clone::clone")]
    pub enabled: bool,
    /// The command that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The environment variables of which the case speaks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The URL that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whose bearer the requests carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Bearer>,
    /// Whose account id the requests carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Account>,
    /// The headers of which the case speaks, names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub http_headers: BTreeMap<String, String>,
    /// What the host lists as the server's auth status.
    pub auth_status: AuthStatus,
    /// Fields of which a second, different value was seen. Never expected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictory: Vec<String>,
}

fn started() -> bool {
    true
}

impl Observation {
    /// A started server of which nothing else was seen.
    pub fn new(auth_status: AuthStatus) -> Observation {
        Observation {
            enabled: true,
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            url: None,
            authorization: None,
            account_id: None,
            http_headers: BTreeMap::new(),
            auth_status,
            contradictory: Vec::new(),
        }
    }

    /// Whether the host's own credentials were sent.
    pub fn has_host_credentials(&self) -> bool {
        self.authorization == Some(Bearer::Host) || self.account_id.is_some()
    }
}

/// Whose bearer a request carried; never the bearer itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bearer {
    /// The host's own.
    Host,
    /// The value of an environment variable of the case.
    Variable(String),
    /// One that the checker did not give to the host.
    Unknown,
}

/// Whose account id a request carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// The signed-in user's.
    Host,
    /// One that the checker did not give to the host.
    Unknown,
}

/// The auth status that a host lists for a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub enum AuthStatus {
    /// `bearerToken`
    BearerToken,
    /// `unsupported`
    Unsupported,
    /// Any other word, or that the server is not listed.
    Other(String),
}

impl From<String> for AuthStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            "bearerToken" => AuthStatus::BearerToken,
            "unsupported" => AuthStatus::Unsupported,
            _ => AuthStatus::Other(word),
        }
    }
}

impl From<AuthStatus> for String {
    fn from(status: AuthStatus) -> Self {
        match status {
            AuthStatus::BearerToken => "bearerToken".into(),
            AuthStatus::Unsupported => "unsupported".into(),
            AuthStatus::Other(word) => word,
        }
    }
}
