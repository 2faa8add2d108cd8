//! What is observed of a step, and what may be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// What was observed of a step.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// It happened.
    Done,
    /// The host answered with an error, and no server got a request for it.
    Refused,
    /// The servers that the host lists.
    Servers(BTreeMap<String, Listed>),
    /// A server answered the call.
    Answered {
        /// The URL of the server, as the configuration has it.
        by: String,
        /// The account whose credentials the call carried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// A server got the call, and the host answered with an error.
    Failed {
        /// The URL of the server, as the configuration has it.
        at: String,
        /// The account whose credentials the call carried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// A server holds the call.
    Held {
        /// The URL of the server, as the configuration has it.
        at: String,
        /// The account whose credentials the call carried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// The client got no answer in time.
    Unanswered,
    /// What became of the held calls, in the order in which they were made.
    Released(Vec<Seen>),
}

/// What a host lists of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// With tools: the host asked the server.
    WithTools,
    /// Without tools.
    WithoutTools,
}

/// What may be observed of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Any of these.
    pub allowed: Vec<Seen>,
    /// The rule that anything else breaks, if none of `wrong` explains it better.
    pub rule: Rule,
    /// Wrong observations that tell which rule is broken.
    pub wrong: Vec<(Seen, Rule)>,
}

impl Expected {
    /// The rule that this observation breaks, if it breaks one.
    #[must_use]
    pub fn broken_by(&self, seen: &Seen) -> Option<Rule> {
        if self.allowed.contains(seen) {
            return None;
        }
        let known = self.wrong.iter().find(|(wrong, _)| wrong == seen);
        Some(known.map_or(self.rule, |(_, rule)| *rule))
    }
}
