//! What is observed of a step, and what may be.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The call waits for a refresh that the token endpoint of this server holds.
    Refreshing {
        /// The URL of the server, as the configuration has it.
        at: String,
    },
    /// The client got no answer in time.
    Unanswered,
    /// What became of the held calls, in the order in which they were made.
    Released(Vec<Seen>),
    /// The servers, by URL or command, that nothing uses and that the host has not left.
    LeftOver(BTreeSet<String>),
    /// Of each of the steps.
    Together(Vec<Seen>),
}

/// What a host lists of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// With tools: the host asked the server.
    WithTools,
    /// With the tools that the server has since it changed them.
    WithNewTools,
    /// Without tools.
    WithoutTools,
    /// Without tools, because the user is not logged in.
    NotLoggedIn,
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
    /// Allowed observations that do not follow a SHOULD rule.
    pub discouraged: Vec<(Seen, Rule)>,
    /// Whether anything may be observed.
    pub anything: bool,
    /// What may be observed of each of the steps that happen together, and then `allowed` is empty; or
    /// of each call that a release lets go on.
    pub parts: Vec<Expected>,
}

/// An observation that is not as expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong<'a> {
    /// The rule that it does not follow.
    pub rule: Rule,
    /// What was expected.
    pub allowed: &'a [Seen],
    /// The observation.
    pub seen: &'a Seen,
}

impl Expected {
    /// Only this, under this rule.
    #[must_use]
    pub fn only(seen: Seen, rule: Rule) -> Self {
        Self::any_of(vec![seen], rule)
    }

    /// Any of these, under this rule.
    #[must_use]
    pub fn any_of(allowed: Vec<Seen>, rule: Rule) -> Self {
        let (wrong, discouraged, parts) = (Vec::new(), Vec::new(), Vec::new());
        Self { allowed, rule, wrong, discouraged, anything: false, parts }
    }

    /// What a host that follows the specification shows first.
    #[must_use]
    pub fn likely(&self) -> Option<Seen> {
        if let Some(first) = self.allowed.first() {
            return Some(first.clone());
        }
        self.parts.iter().map(Expected::likely).collect::<Option<_>>().map(Seen::Together)
    }

    /// How an observation breaks a rule, if it breaks one.
    #[must_use]
    pub fn broken_by<'a>(&'a self, seen: &'a Seen) -> Option<Wrong<'a>> {
        if self.anything {
            return None;
        }
        if let Seen::Together(all) = seen
            && all.len() == self.parts.len()
        {
            return self.parts.iter().zip(all).find_map(|(part, seen)| part.broken_by(seen));
        }
        if let Seen::Released(all) = seen
            && !self.parts.is_empty()
            && all.len() == self.parts.len()
        {
            return self.parts.iter().zip(all).find_map(|(part, seen)| part.broken_by(seen));
        }
        if self.allowed.contains(seen) {
            return None;
        }
        let known = self.wrong.iter().find(|(wrong, _)| wrong == seen);
        let rule = known.map_or(self.rule, |(_, rule)| *rule);
        Some(Wrong { rule, allowed: &self.allowed, seen })
    }

    /// How an allowed observation does not follow a SHOULD rule.
    #[must_use]
    pub fn discouraged_by<'a>(&'a self, seen: &'a Seen) -> Option<Wrong<'a>> {
        if let Seen::Together(all) = seen {
            return self.parts.iter().zip(all).find_map(|(part, seen)| part.discouraged_by(seen));
        }
        let (_, rule) = self.discouraged.iter().find(|(discouraged, _)| discouraged == seen)?;
        Some(Wrong { rule: *rule, allowed: &self.allowed, seen })
    }
}
