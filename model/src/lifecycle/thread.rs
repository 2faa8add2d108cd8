//! A thread, and the accounts that it has met.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::config::Config;
use super::signed_in::SignedIn;

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    /// The configuration that its uses follow.
    pub config: Config,
    /// The configurations that reloads replaced; a host may follow them until the next turn where the
    /// rule is `lifecycle.reload-next-turn`.
    pub before: Vec<Config>,
    /// Whether it has made a turn since the last reload.
    pub has_turned: bool,
    /// What was on disk when an account changed since the last reload; a host may have taken it up.
    pub perhaps: Vec<Config>,
    /// The accounts that were signed in while it lived, oldest first, the current one last.
    pub accounts: Vec<Option<SignedIn>>,
    /// The servers whose connections may be gone: the process was killed, or the server was down. The
    /// value has the names under which a use has failed since, so that the host knows.
    pub gone: BTreeMap<String, BTreeSet<String>>,
    /// Whether the last reload was refused.
    pub was_refused: bool,
    /// Whether the last reload was the first good one after a refused one.
    pub is_after_refused: bool,
    /// Whether the last reload gave it a server that held the handshake.
    pub is_opening: bool,
    /// The configurations of reloads that another one replaced while a handshake was held.
    pub slow: Vec<Config>,
    /// The names of the servers that have answered it, so that their connections were there.
    pub answered: BTreeSet<String>,
}

impl Thread {
    /// Whether the process of some server with this command may have ended unnoticed: each name has one.
    pub(super) fn is_unnoticed(&self, command: &str, noticed: &BTreeSet<String>) -> bool {
        let servers = self.config.written().get("mcp_servers").and_then(Value::as_object);
        let is_at = |entry: &Value| {
            entry.get("command").and_then(Value::as_str) == Some(command)
                && entry.get("enabled") != Some(&Value::Bool(false))
        };
        let mut names = servers.into_iter().flatten().filter(|(_, entry)| is_at(entry));
        !command.contains("://")
            && (noticed.is_empty() || names.any(|(name, _)| !noticed.contains(name)))
    }

    /// A reload starts again what ended or did not start, unless it is down. That a process ended may
    /// have gone unnoticed until a use fails.
    pub(super) fn starts_servers_again(&mut self, down: &[String]) {
        let gone = std::mem::take(&mut self.gone).into_iter().filter(|(server, noticed)| {
            down.contains(server) || self.is_unnoticed(server, noticed)
        });
        self.gone = gone.collect();
    }

    /// Whether every connection to this server was there when it answered.
    pub(super) fn is_connected_to(&self, at: &str) -> bool {
        let servers = self.config.written().get("mcp_servers").and_then(Value::as_object);
        let is_at = |entry: &Value| entry.get("url").and_then(Value::as_str) == Some(at);
        let mut names = servers.into_iter().flatten().filter(|(_, entry)| is_at(entry));
        names.all(|(name, _)| self.answered.contains(name))
    }
}
