//! The vocabulary of answers: what an implementation says about a case (`docs/protocol.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::observation::Observations;

/// A view: servers in canonical form by name.
pub type ServerView = BTreeMap<String, Arc<Value>>;

/// Which plugin a server comes from, by server name.
pub type PluginOwners = BTreeMap<String, String>;

/// An answer without its sequence number.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The case resolved.
    Resolved {
        /// The three views.
        views: Views,
        /// The plugin of every name that comes from one.
        #[serde(default)]
        plugin_owners: PluginOwners,
        /// What was warned about: the paths of the keys that were ignored and of the servers that
        /// were dropped. `None`: the implementation does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warnings: Option<BTreeSet<String>>,
    },
    /// The case was observed on a running host.
    Observed {
        /// What was seen of each server.
        seen: Observations,
    },
    /// The host config or a contributed server is invalid.
    Rejected {
        /// Where and why.
        rejected: Rejected,
    },
    /// The implementation does not do this kind of case.
    Skipped {
        /// Why not.
        skipped: Skipped,
    },
    /// The implementation failed, and says so.
    Errored {
        /// What went wrong.
        errored: Errored,
    },
}

impl Answer {
    /// An answer that says "the implementation failed".
    pub fn errored(message: impl Into<String>) -> Self {
        Answer::Errored { errored: Errored { message: message.into() } }
    }

    /// An answer that says "not supported here".
    pub fn skipped(reason: impl Into<String>) -> Self {
        Answer::Skipped { skipped: Skipped { reason: reason.into(), issue_url: None } }
    }
}

/// The three views of a resolution.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Views {
    /// Config and plugins, before contributions.
    pub configured: ServerView,
    /// `configured` with all contributions applied.
    pub runtime: ServerView,
    /// `runtime` after the gate and the legacy loader.
    pub effective: ServerView,
}

/// Where a config is invalid, and why. Only the path is compared.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Rejected {
    /// Such as `host.mcp_servers.docs`.
    pub path: String,
    /// For people.
    #[serde(default)]
    pub reason: String,
}

/// Why a case was not done.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Skipped {
    /// For people.
    #[serde(default)]
    pub reason: String,
    /// Where the gap is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_url: Option<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Errored {
    /// For people.
    #[serde(default)]
    pub message: String,
}
