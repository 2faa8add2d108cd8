//! Which connections must stay over a reload.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config::Config;
use super::seen::Seen;
use super::sequence::{Behaviour, Step};
use super::state::State;
use crate::observation::Observation;

/// The connections on which servers answered the uses of threads, as long as nothing gave the host a
/// reason to open others.
#[derive(Clone, Debug, Default)]
pub struct Stays(BTreeMap<(String, String), Connection>);

/// A connection of a thread to the server of a name.
#[derive(Clone, Debug)]
struct Connection {
    entry: Entry,
    number: u64,
    /// Whether a reload came since.
    was_reloaded: bool,
}

/// The entry of a server as the user wrote it, and as the host resolves it.
#[derive(Clone, Debug, PartialEq)]
struct Entry(Option<Value>, Observation);

impl Stays {
    /// A server has answered a use on this connection. The connection that it must have been instead,
    /// if there was a reload, and nothing else that could be a reason for another one.
    ///
    /// Rule `lifecycle.same-stays`: A server whose entry is the same before and after a reload SHOULD
    /// keep its connection on each thread, unless the server failed or an account or a login changed.
    pub fn used(&mut self, step: &Step, number: u64, state: &State) -> Option<u64> {
        let (thread, name) = step.used()?;
        let key = (thread.to_string(), name.to_string());
        let before = self.0.remove(&key);
        let known = state.threads.get(thread)?;
        // It is not certain which configuration such a thread has.
        if !known.perhaps.is_empty() || state.logins.second.contains_key(thread) {
            return None;
        }
        let entry = entry(state, &known.config, name)?;
        let stays = before.filter(|before| before.was_reloaded && before.entry == entry);
        self.0.insert(key, Connection { entry, number, was_reloaded: false });
        stays.map(|before| before.number)
    }

    /// A step was taken; `state` is the one after it.
    pub fn took(&mut self, step: &Step, seen: &Seen, state: &State) {
        match (step, seen) {
            (Step::Together(steps), Seen::Together(all)) => {
                let steps = steps.iter().filter(|step| step.can_be_together());
                steps.zip(all).for_each(|(step, seen)| self.took(step, seen, state));
            }
            (Step::Config(written), _) => {
                let config = state.configured(written);
                // A refused one is never taken up.
                if config.observed(state.known.as_ref()).is_some() {
                    self.0.retain(|(_, name), before| {
                        entry(state, &config, name).as_ref() == Some(&before.entry)
                    });
                }
            }
            (Step::Reload, Seen::Done | Seen::Refused) => self.reloaded(state),
            (
                Step::World {
                    behaviour: Behaviour::Well | Behaviour::Hold | Behaviour::Slow, ..
                },
                _,
            )
            | (Step::View | Step::Settle | Step::SecondThread { .. }, _) => {}
            (Step::World { server, .. } | Step::KillServer { server }, _) => self.failed(server),
            (Step::Release { server }, Seen::Released(all)) => {
                if !all.iter().all(|seen| matches!(seen, Seen::Answered { .. })) {
                    self.failed(server);
                }
            }
            (Step::Thread { name }, _) => self.0.retain(|(thread, _), _| thread != name),
            (Step::Call { .. } | Step::Read { .. }, Seen::Answered { .. } | Seen::Held { .. }) => {}
            (Step::Call { server, .. } | Step::Read { server, .. }, _) => {
                self.0.retain(|(_, name), _| name != server);
            }
            // The account or a login changes, the host ends, or a reload is open.
            _ => self.0.clear(),
        }
    }

    fn reloaded(&mut self, state: &State) {
        self.0.retain(|(thread, name), before| {
            let known = state.threads.get(thread);
            before.was_reloaded = true;
            known.and_then(|known| entry(state, &known.config, name)).as_ref()
                == Some(&before.entry)
        });
    }

    fn failed(&mut self, server: &str) {
        self.0.retain(|_, Connection { entry: Entry(_, seen), .. }| {
            let at = seen.url.as_deref().or(seen.command.as_deref()).unwrap_or_default();
            super::address::server_at(at) != server
        });
    }
}

/// What a configuration says of the server of this name, if that is enabled.
fn entry(state: &State, config: &Config, name: &str) -> Option<Entry> {
    let observed = config.observed(state.known.as_ref())?;
    let seen = observed.get(name).filter(|seen| seen.enabled)?.clone();
    let written =
        config.written().get("mcp_servers").and_then(|servers| servers.get(name)).cloned();
    Some(Entry(written, seen))
}
