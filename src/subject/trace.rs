//! What a sequence of steps came to.

use std::time::Duration;

use mcp_overlay_model::lifecycle::{Carried, Seen};
use serde::{Deserialize, Serialize};

/// The observations of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// What was observed of each step.
    pub steps: Vec<Observed>,
    /// The requests that carried the credentials of an account.
    pub credentials: Vec<Credentials>,
    /// What servers got of their entries, if the checker sees requests.
    #[serde(default)]
    pub requests: Vec<Request>,
    /// The calls that reached servers more than once.
    #[serde(default)]
    pub repeated: Vec<Repeated>,
    /// The refresh tokens that came to a token endpoint again.
    #[serde(default)]
    pub reused: Vec<Reused>,
    /// What became of the tokens of logins, and which of them were found stored.
    #[serde(default)]
    pub stored: Vec<StoredTokens>,
    /// The accounts whose tools of the Apps server were listed.
    #[serde(default)]
    pub listed: Vec<ListedFor>,
    /// The connections on which servers answered uses, if the checker sees connections.
    #[serde(default)]
    pub connections: Vec<UsedConnection>,
    /// How late the machine was at worst meanwhile.
    #[serde(default)]
    pub lag: Duration,
}

/// The connection on which a server answered a use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsedConnection {
    /// The step of the use, from 0.
    pub step: usize,
    /// The URL or command of the server, as the configuration has it.
    pub at: String,
    /// Of the HTTP session or the process.
    pub number: u64,
}

/// The model provider of a host, in place of the URL of a server.
pub const MODEL_PROVIDER: &str = "the model provider";

/// A refresh token that came again, and must not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reused {
    /// When it came again, since the beginning of the sequence.
    pub at: Duration,
    /// The URL of the server, as the configuration has it.
    pub url: String,
    /// When, in relation to the first time.
    pub when: String,
}

/// Something that the stored tokens of a login went through, since the beginning of the sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredTokens {
    /// The name of the server.
    pub server: String,
    /// Its URL, as the configuration has it.
    pub url: String,
    /// Not before this.
    pub from: Duration,
    /// Not after this. `None` if the host may have done it later, or not at all.
    pub until: Option<Duration>,
    /// What it is.
    pub change: TokenChange,
}

/// A change of stored tokens, or a look at them. A number stands for a pair of tokens: `(1, 2)` is what
/// the third refresh of the second login gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenChange {
    /// Another program wrote these.
    Written {
        /// The tokens.
        tokens: (usize, usize),
    },
    /// A host refreshed the old ones and got the new ones, which are to be stored.
    Refreshed {
        /// The tokens that were refreshed.
        old: (usize, usize),
        /// The tokens in their place.
        new: (usize, usize),
    },
    /// These were stored.
    Found {
        /// The tokens.
        tokens: (usize, usize),
    },
    /// No tokens of the login were stored, although nobody had used them up or ended the login, and those
    /// of another login were.
    Missing,
}

/// A list that had the tools of the Apps server that an account has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListedFor {
    /// The step that asked for the list, from 0.
    pub step: usize,
    /// The account whose credentials the request for the tools carried.
    pub account: String,
}

/// A call that reached servers more than once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeated {
    /// The step that made the call, from 0.
    pub step: usize,
    /// The URL or command of the server, as the configuration has it.
    pub at: String,
    /// How often.
    pub times: usize,
}

/// What was observed of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// What.
    pub seen: Seen,
    /// When the step had ended, since the beginning of the sequence.
    pub ended: Duration,
}

/// In place of the value of a header that no configuration has: it may be a secret.
pub const ANOTHER_VALUE: &str = "another value";

/// A request to a server, or a process of it, the first time that it carries this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// When it arrived, since the beginning of the sequence.
    pub at: Duration,
    /// The step of the use that it is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_use: Option<usize>,
    /// What it is: a method of MCP or of HTTP, or a process.
    pub what: String,
    /// The URL or command of the server, as the configuration has it.
    pub url: String,
    /// What it carries.
    pub carried: Carried,
}

/// A request with the host's credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credentials {
    /// When its head arrived, since the beginning of the sequence.
    pub at: Duration,
    /// The URL of the server, as the configuration has it.
    pub url: String,
    /// The account.
    pub account: String,
    /// Whether it has the bearer without the account's id: with none, or with another one's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lacks_id: bool,
}
