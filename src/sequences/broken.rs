//! What of a sequence is not allowed.

use mcp_overlay_model::Rule;
use mcp_overlay_model::lifecycle::{Carried, Seen};

/// The first observation that is not allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The step, from 0.
    pub step: usize,
    /// The rule that it breaks.
    pub rule: Rule,
    /// What was allowed.
    pub allowed: Vec<Seen>,
    /// What was observed.
    pub actual: Actual,
}

/// An observation that is not allowed.
#[derive(Clone, Debug, PartialEq)]
pub enum Actual {
    /// Of the step itself.
    Seen(Seen),
    /// Credentials in some request meanwhile.
    Credentials {
        /// The URL of the server, as the configuration has it.
        url: String,
        /// The account.
        account: String,
        /// Whether it has the bearer without the account's id: with none, or with another one's.
        lacks_id: bool,
    },
    /// A request carried something else than any entry of its server says.
    Carried {
        /// The URL or command of the server, as the configuration has it.
        url: String,
        /// What the request is.
        what: String,
        /// What it carried.
        carried: Carried,
        /// What entries say.
        expected: Vec<Carried>,
    },
    /// A request went to an address that no configuration so far has.
    Address {
        /// The address, as a URL of the configuration would be.
        url: String,
        /// What the request is.
        what: String,
        /// The URLs that a configuration has there.
        like: Vec<String>,
    },
    /// A list showed the tools that the Apps server has for this account.
    ListedFor(String),
    /// Servers took one call more than once.
    Repeated {
        /// The URL or command of the server, as the configuration has it.
        at: String,
        /// How often.
        times: usize,
    },
    /// A token endpoint got one refresh token twice.
    Reused {
        /// The URL of the server, as the configuration has it.
        url: String,
        /// When, in relation to the first time.
        when: String,
    },
    /// After a reload a thread used another connection to this server, which had not changed.
    Moved(String),
    /// Older tokens of the login to the server at this URL were stored than the newest ones.
    NotKept(String),
    /// The tokens of the login to the server at this URL were not stored any more.
    LoginLost(String),
}
