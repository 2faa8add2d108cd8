//! Which connections a host may have open.

use std::collections::BTreeMap;

use super::config::Config;
use super::state::State;
use super::uses::target;
use crate::rule::Rule;

impl State {
    /// The servers, by URL or command, that some thread uses or that hold a call, each with the most
    /// connections that it may have: one for each thread and name. The Apps server is not among them.
    #[must_use]
    pub fn in_use(&self) -> BTreeMap<String, usize> {
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        for held in &self.held {
            *used.entry(held.at.clone()).or_default() += 1;
        }
        for thread in self.threads.values() {
            let is_late = self.profile.has(Rule::LifecycleReloadNextTurn);
            let before = match is_late && !thread.has_turned {
                true => thread.before.as_slice(),
                false => &[],
            };
            let configs = std::iter::once(&thread.config).chain(&thread.perhaps).chain(before);
            for (at, times) in self.used_by_one_of(configs) {
                *used.entry(at).or_default() += times;
            }
        }
        used
    }

    /// The servers that one of these configurations uses, each with the most names that it has in one.
    fn used_by_one_of<'a>(
        &self,
        configs: impl Iterator<Item = &'a Config>,
    ) -> BTreeMap<String, usize> {
        let mut most: BTreeMap<String, usize> = BTreeMap::new();
        for config in configs {
            let Some(observed) = config.observed(self.known.as_ref()) else { continue };
            let mut times: BTreeMap<String, usize> = BTreeMap::new();
            for (name, _) in observed.iter() {
                if let Some(target) = target(observed, name, None) {
                    *times.entry(target.at.to_string()).or_default() += 1;
                }
            }
            for (at, times) in times {
                let most = most.entry(at).or_default();
                *most = times.max(*most);
            }
        }
        most
    }
}
