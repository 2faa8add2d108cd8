//! Sequences about reloads and connections: what has not changed is used before and after, a reload
//! comes while the handshake of an earlier one is held, and servers redirect or answer slowly.

use std::collections::BTreeMap;

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{BASE, Behaviour, Ending, SignIn, Step};
use mcp_overlay_model::{Auth, CODEX_APPS};
use serde_json::{Map, Value, json};

use super::configs::{ACCOUNTS, COMMANDS, NAMES, THREADS, URLS};

/// One sequence in this many of those about everything.
const ONE_IN: u8 = 6;

/// Whether these bytes mean a sequence about reloads.
pub(super) fn is_about_reloads(bytes: &[u8]) -> bool {
    bytes.iter().rev().nth(2).is_some_and(|byte| byte % ONE_IN == 0)
}

/// The steps that these bytes mean.
pub(super) fn steps(bytes: &[u8]) -> Vec<Step> {
    let bytes = Unstructured::new(bytes);
    let (servers, is_signed_in) = (BTreeMap::new(), false);
    let mut generator = Reloads { bytes, steps: Vec::new(), servers, threads: 1, is_signed_in };
    // Without more bytes every choice is the first one, so the sequence ends.
    let _ = generator.fill();
    generator.heal();
    generator.steps
}

struct Reloads<'a> {
    bytes: Unstructured<'a>,
    steps: Vec<Step>,
    /// The address of each server, by name.
    servers: BTreeMap<&'static str, &'static str>,
    threads: usize,
    is_signed_in: bool,
}

impl Reloads<'_> {
    fn fill(&mut self) -> arbitrary::Result<()> {
        for name in NAMES.into_iter().take(self.bytes.int_in_range(1..=3)?) {
            self.moves(name)?;
        }
        self.config();
        self.is_signed_in = self.bytes.ratio(2, 3)?;
        if self.is_signed_in {
            let account = *self.bytes.choose(&ACCOUNTS)?;
            self.steps.push(Step::SignIn(SignIn::by_file(account, Auth::ChatGpt)));
        }
        self.threads = self.bytes.int_in_range(1..=2)?;
        for name in THREADS.iter().take(self.threads) {
            self.steps.push(Step::Thread { name: (*name).into() });
        }
        self.use_all();
        for _ in 0..self.bytes.int_in_range(1..=3)? {
            match self.bytes.int_in_range(0..=6)? {
                0 | 1 => self.slow_reload()?,
                2 => self.refused_reload(),
                3 | 4 => self.unwell()?,
                _ => {
                    self.changes()?;
                    self.config();
                    self.steps.push(Step::Reload);
                }
            }
            self.use_all();
        }
        Ok(())
    }

    /// The server of this name goes to an address that no other has.
    fn moves(&mut self, name: &'static str) -> arbitrary::Result<&'static str> {
        let all = URLS.into_iter().chain(COMMANDS);
        let is_free = |at: &&str| !self.servers.values().any(|used| used == at);
        let free: Vec<&'static str> = all.filter(is_free).collect();
        let at = *self.bytes.choose(&free)?;
        self.servers.insert(name, at);
        Ok(at)
    }

    /// A server goes, comes or is elsewhere.
    fn changes(&mut self) -> arbitrary::Result<()> {
        let name = *self.bytes.choose(&NAMES)?;
        if self.servers.remove(name).is_none() || self.bytes.ratio(1, 2)? {
            self.moves(name)?;
        }
        Ok(())
    }

    fn config(&mut self) {
        let entry = |(name, at): (&&str, &&str)| {
            let key = if at.contains("://") { "url" } else { "command" };
            ((*name).to_string(), json!({key: at}))
        };
        let servers: Map<String, Value> = self.servers.iter().map(entry).collect();
        let config = json!({"chatgpt_base_url": BASE, "mcp_servers": servers});
        self.steps.push(Step::Config(config));
    }

    /// The handshake of a reload is held past the next reloads.
    fn slow_reload(&mut self) -> arbitrary::Result<()> {
        let before = self.servers.clone();
        let name = *self.bytes.choose(&NAMES)?;
        let server = self.moves(name)?;
        let behaviour = Behaviour::HoldStart;
        self.steps.push(Step::World { server: server.into(), behaviour });
        self.config();
        self.steps.push(Step::Reload);
        if self.bytes.ratio(1, 2)? {
            self.use_but(name);
        }
        for _ in 0..*self.bytes.choose(&[1, 1, 2])? {
            match self.bytes.int_in_range(0..=2)? {
                0 => self.servers.clone_from(&before),
                1 => drop(self.servers.remove(name)),
                _ => {
                    // The server that holds is free once the other has its place.
                    self.servers.insert(name, server);
                    self.moves(name)?;
                }
            }
            self.config();
            let config = self.steps.pop();
            match (config, self.bytes.ratio(1, 4)?) {
                (Some(config), true) => {
                    let all = vec![Step::Reload, config, Step::Reload];
                    self.steps.push(Step::Together(all));
                }
                (config, _) => self.steps.extend(config.into_iter().chain([Step::Reload])),
            }
        }
        self.steps.extend([Step::Release { server: server.into() }, Step::View]);
        Ok(())
    }

    fn refused_reload(&mut self) {
        // Neither a command nor a URL.
        let broken = json!({"chatgpt_base_url": BASE, "mcp_servers": {"a": {}}});
        self.steps.extend([Step::Config(broken), Step::Reload]);
        self.config();
        self.steps.push(Step::Reload);
    }

    /// A server sends callers elsewhere, or answers slowly.
    fn unwell(&mut self) -> arbitrary::Result<()> {
        let all: Vec<&'static str> =
            self.servers.values().copied().filter(|at| at.contains("://")).collect();
        let behaviour = *self.bytes.choose(&[Behaviour::Redirect, Behaviour::Slow])?;
        // Only the Apps server gets credentials that could go elsewhere.
        let is_apps = all.is_empty() || self.is_signed_in && self.bytes.ratio(1, 2)?;
        let server = if is_apps { CODEX_APPS } else { *self.bytes.choose(&all)? };
        self.steps.push(Step::World { server: server.into(), behaviour });
        self.use_all();
        self.steps.push(Step::Release { server: server.into() });
        Ok(())
    }

    /// Every thread calls every server.
    fn use_all(&mut self) {
        self.use_but("");
    }

    fn use_but(&mut self, other: &str) {
        for thread in THREADS.iter().take(self.threads) {
            let apps = Some(CODEX_APPS).filter(|_| self.is_signed_in);
            for server in NAMES.into_iter().filter(|name| *name != other).chain(apps) {
                let (thread, server) = ((*thread).into(), server.into());
                self.steps.push(Step::Call { thread, server });
            }
        }
    }

    fn heal(&mut self) {
        self.steps.push(Step::View);
        self.steps.extend([Step::Settle, Step::EndHost { by: Ending::EndOfInput }]);
    }
}
