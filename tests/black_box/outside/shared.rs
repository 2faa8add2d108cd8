//! What the app-servers, the servers in between and the faults know of one another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

/// The app-server that lists; those of threads count from 1.
pub(crate) const LISTS: usize = 0;

#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) fault: Arc<str>,
    /// The folder that the client writes.
    pub(crate) home: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The configuration that each app-server has on its disk.
    pub(crate) configs: BTreeMap<usize, toml::Table>,
    /// Servers of an app-server that are not started again.
    pub(crate) dead: BTreeSet<(usize, String)>,
    /// Addresses that an app-server does not try again.
    pub(crate) unreachable: BTreeSet<(usize, String)>,
    /// The credentials that a session was opened with, with the address.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// The addresses at which there was a session.
    pub(crate) had_session: BTreeSet<String>,
    pub(crate) is_ending: bool,
}

#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) uri: hyper::Uri,
    pub(crate) headers: hyper::HeaderMap,
}

impl Shared {
    pub(crate) fn new(fault: String, home: PathBuf) -> Self {
        Shared { fault: fault.into(), home, state: Arc::default() }
    }

    pub(crate) fn is(&self, fault: &str) -> bool {
        *self.fault == *fault
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    /// A server of an app-server's configuration, if it is there and enabled.
    pub(crate) fn server(&self, host: usize, name: &str) -> Option<&toml::Table> {
        let server = self.configs.get(&host)?.get("mcp_servers")?.get(name)?.as_table()?;
        let is_disabled = server.get("enabled").and_then(toml::Value::as_bool) == Some(false);
        (!is_disabled).then_some(server)
    }

    pub(crate) fn is_stdio(&self, host: usize, name: &str) -> bool {
        self.server(host, name).is_some_and(|server| server.contains_key("command"))
    }
}
