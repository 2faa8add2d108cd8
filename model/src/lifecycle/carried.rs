//! What a server gets of its entry besides the address: headers and a bearer in each request, arguments
//! and environment at the start of a process.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::server_at;
use super::config::Config;
use super::sequence::Step;
use super::state::State;
use super::uses::rule_of_use;
use crate::case::CODEX_APPS;
use crate::observation::{Bearer, Observation, Observed};
use crate::rule::Rule;

/// What a request carries, or what a process was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Carried {
    /// The headers of which the sequence speaks, names in lower case, and the product SKU.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The variable whose value is the bearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// The arguments of a process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The variables of a process of which the sequence speaks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

impl Carried {
    fn of(seen: &Observation) -> Self {
        let mut headers = seen.http_headers.clone();
        // A sign-in decides about it too, and the rules about credentials judge it.
        headers.remove("authorization");
        let variable = match &seen.authorization {
            Some(Bearer::Variable(variable)) => Some(variable.clone()),
            _ => None,
        };
        // Others can be those of every process.
        let is_told = |name: &str| name.len() == 1 && name.bytes().all(|b| b.is_ascii_uppercase());
        let env = seen.env.iter().filter(|(name, _)| is_told(name));
        let env = env.map(|(name, value)| (name.clone(), value.clone())).collect();
        Carried { headers, variable, args: seen.args.clone(), env }
    }
}

/// What a use may carry, each with the URL or command of the server.
#[derive(Clone, Debug)]
pub struct UseCarries {
    /// Any of these.
    pub allowed: Vec<(String, Carried)>,
    /// What tells which rule is broken.
    pub wrong: Vec<(String, Carried, Rule)>,
    /// The rule that it breaks to carry what an entry of another configuration says.
    pub rule: Rule,
}

impl State {
    /// What a use of a server may carry; `None` if nothing is said about it. A use is of the
    /// configuration that its thread has, and so is everything that it carries (`uses.rs`).
    #[must_use]
    pub fn use_carries(&self, step: &Step) -> Option<UseCarries> {
        let (name, server) = step.used()?;
        let thread = self.threads.get(name).filter(|_| !self.logins.second.contains_key(name))?;
        let of = |config: &Config| {
            let observed = config.observed(self.known.as_ref())?;
            carried_by(observed)
                .find(|(of, ..)| *of == server)
                .map(|(_, at, carried)| (at, carried))
        };
        let is_late = self.profile.has(Rule::LifecycleReloadNextTurn);
        let rule = rule_of_use(thread, server, is_late);
        let mut configs = vec![&thread.config];
        configs.extend(&thread.perhaps);
        let mut wrong: Vec<(&Config, Rule)> = Vec::new();
        // A reload is of servers, and the product SKU is not of one: a host may leave it.
        if is_late && !thread.has_turned || server == CODEX_APPS {
            configs.extend(&thread.before);
        } else {
            let slow = thread.slow.iter().filter(|_| !is_late);
            wrong.extend(slow.map(|config| (config, Rule::LifecycleLatestWins)));
            wrong.extend(thread.before.iter().map(|config| (config, rule)));
        }
        wrong.push((&self.config, Rule::LifecycleThreadKeeps));
        let allowed: Vec<(String, Carried)> = configs.into_iter().filter_map(of).collect();
        let wrong = wrong.into_iter().filter_map(|(config, rule)| {
            let (at, carried) = of(config)?;
            Some((at, carried, rule))
        });
        let wrong = wrong.collect();
        (!allowed.is_empty()).then_some(UseCarries { allowed, wrong, rule })
    }
}

/// The enabled servers: the name, the URL or command, and what each gets.
fn carried_by(observed: &Observed) -> impl Iterator<Item = (&str, String, Carried)> {
    observed.iter().filter(|(_, seen)| seen.enabled).filter_map(|(name, seen)| {
        let at = seen.url.as_ref().or(seen.command.as_ref())?;
        Some((name.as_str(), at.clone(), Carried::of(seen)))
    })
}

/// What the entries of all configurations so far say.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// The URLs and commands, also of servers that are disabled.
    written: BTreeSet<String>,
    all: Vec<(String, Carried)>,
    /// The last configuration that was looked at.
    last: Option<Config>,
}

impl Entries {
    /// A step was taken; `state` is the one after it.
    pub fn took(&mut self, step: &Step, state: &State) {
        if let Step::Together(steps) = step {
            for step in steps {
                if let Step::Config(written) = step {
                    self.add(&state.configured(written));
                }
            }
        }
        if self.last.as_ref() != Some(&state.config) {
            self.add(&state.config);
            self.last = Some(state.config.clone());
        }
    }

    fn add(&mut self, config: &Config) {
        let servers = config.written().get("mcp_servers").and_then(Value::as_object);
        for entry in servers.into_iter().flat_map(|servers| servers.values()) {
            let at = ["url", "command"].iter().find_map(|key| entry.get(*key)?.as_str());
            self.written.extend(at.map(str::to_string));
        }
        for observed in config.observed_by_anybody() {
            for (_, at, carried) in carried_by(observed) {
                let known = (server_at(&at).to_string(), carried);
                if !self.all.contains(&known) {
                    self.all.push(known);
                }
            }
        }
    }

    /// What the server at this URL, or of this command, gets, the oldest first.
    pub fn at<'a>(&'a self, at: &'a str) -> impl DoubleEndedIterator<Item = &'a Carried> {
        self.all.iter().filter(|(known, _)| known == server_at(at)).map(|(_, carried)| carried)
    }

    /// The URLs that differ from this one only in the query and in slashes at the end of the path.
    pub fn like(&self, url: &str) -> impl Iterator<Item = &str> {
        let path =
            |url: &str| url.split('?').next().map(|url| url.trim_end_matches('/').to_string());
        let of = path(url);
        self.written.iter().map(String::as_str).filter(move |known| path(known) == of)
    }

    /// Whether some configuration has this URL or command.
    #[must_use]
    pub fn have(&self, at: &str) -> bool {
        self.written.contains(at) || self.at(at).next().is_some()
    }
}
