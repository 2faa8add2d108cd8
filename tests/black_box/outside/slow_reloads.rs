//! Faults of reloads that come while an earlier one still opens connections.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::shared::LISTS;
use crate::switch::{RELOAD, Switch};

/// The reloads, and the starts that are under way.
#[derive(Default)]
pub(crate) struct SlowReloads {
    /// The configuration of each reload.
    texts: Vec<Option<String>>,
    /// The servers that each app-server is starting.
    starting: BTreeMap<usize, BTreeSet<String>>,
    /// The app-servers that have an older configuration since this reload.
    behind: BTreeSet<(usize, usize)>,
}

impl Switch {
    /// A reload comes; whether it is left out.
    pub(crate) fn is_dropped(&mut self) -> bool {
        let threads = self.slow.starting.iter().filter(|(host, _)| **host != LISTS);
        let starts = threads.into_iter().any(|(_, starting)| !starting.is_empty());
        if starts && self.is("drops-a-reload-while-a-server-starts") {
            return true;
        }
        let text = self.shared.read("config.toml");
        self.slow.texts.push(text);
        false
    }

    /// An app-server tells of the start of a server. One that is cancelled by a reload was slower, and
    /// its reload overwrites the later one.
    pub(crate) async fn start_told(&mut self, host: usize, params: &Value) {
        let name = params["name"].as_str().unwrap_or_default().to_string();
        let starting = self.slow.starting.entry(host).or_default();
        if params["status"] == "starting" {
            starting.insert(name);
            return;
        }
        starting.remove(&name);
        let count = self.slow.texts.len();
        let is_slow = params["status"] == "cancelled" && host != LISTS && count >= 2;
        let fault = "a-slow-reload-overwrites-a-later-one";
        if !is_slow || !self.is(fault) || !self.slow.behind.insert((host, count)) {
            return;
        }
        let Some(Some(text)) = self.slow.texts.get(count - 2).cloned() else { return };
        if let Ok(config) = text.parse() {
            self.write_config(host, config);
            self.ask(&[host], None, RELOAD, Vec::new()).await;
        }
    }
}
