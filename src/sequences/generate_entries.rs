//! What the entries of a sequence say besides an address, and reloads that change only that: headers,
//! the variable of a bearer, arguments and environment, the product SKU, and a query or a slash of a URL.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{Behaviour, Sequence, State, Step};
use mcp_overlay_model::{CODEX_APPS, Profile};
use serde_json::{Map, Value, json};

use super::configs::{NAMES, URLS};

/// The bytes of these choices are these positions on.
const FROM: usize = 300;

/// The URLs in place of those of the generator: they differ only in what a careless host drops.
const ALIKE: [&str; 3] =
    ["https://one.example/mcp/", "https://one.example/mcp?v=1", "https://one.example/mcp?v=2"];

/// A thread beside those of the generator.
const NEW_THREAD: &str = "t4";

/// The texts of the generator's entries: of none, of the first and of the second kind.
const VERSIONS: u8 = 3;

/// The steps with more in their entries, in half of the sequences. Those that are there stay.
pub(super) fn with_entries(profile: Profile, steps: Vec<Step>, bytes: &[u8]) -> Vec<Step> {
    let mut bytes = Unstructured::new(bytes.get(FROM..).unwrap_or_default());
    let is_on = bytes.ratio(1, 2).unwrap_or_default();
    if !is_on {
        return steps;
    }
    let state = State::before(&Sequence { profile, ..Sequence::default() }, true);
    let (versions, unwell, last) = (BTreeMap::new(), BTreeSet::new(), None);
    let is_alike = bytes.ratio(1, 3).unwrap_or_default();
    let mut entries = Entries { bytes, state, versions, is_alike, unwell, last, all: Vec::new() };
    for name in NAMES.iter().chain([&CODEX_APPS]) {
        // Without more bytes an entry is as it was.
        let version = entries.bytes.int_in_range(0..=VERSIONS - 1).unwrap_or_default();
        entries.versions.insert(name, version);
    }
    for step in steps {
        entries.take(step);
    }
    entries.all
}

struct Entries<'a> {
    bytes: Unstructured<'a>,
    state: State,
    /// What each entry says now.
    versions: BTreeMap<&'static str, u8>,
    is_alike: bool,
    /// The servers that are not well.
    unwell: BTreeSet<String>,
    /// The last config without this, unless it is broken.
    last: Option<Value>,
    all: Vec<Step>,
}

impl Entries<'_> {
    fn take(&mut self, step: Step) {
        if let Step::Config(config) = &step {
            self.last = Some(config.clone()).filter(is_whole);
        }
        let is_reload = step == Step::Reload;
        let step = self.with_more(step);
        match &step {
            Step::World { server, behaviour } if *behaviour != Behaviour::Well => {
                self.unwell.insert(server.clone());
            }
            Step::KillServer { server } => {
                self.unwell.insert(server.clone());
            }
            Step::Release { server } => {
                self.unwell.remove(server);
            }
            _ => {}
        }
        self.push(step);
        if is_reload && self.unwell.is_empty() {
            // Without more bytes nothing changes.
            let _ = self.edit();
        }
    }

    fn push(&mut self, step: Step) {
        self.state.step(&step);
        self.all.push(step);
    }

    /// One entry says something else. Threads must keep what they have until a reload.
    fn edit(&mut self) -> arbitrary::Result<()> {
        let Some(config) = self.last.clone().filter(|_| !self.bytes.is_empty()) else {
            return Ok(());
        };
        let threads: Vec<String> = self.state.threads().map(str::to_string).collect();
        if threads.is_empty() || !self.bytes.ratio(1, 2)? {
            return Ok(());
        }
        let servers = config.get("mcp_servers").and_then(Value::as_object);
        let is_there = |name: &&str| servers.is_some_and(|servers| servers.contains_key(*name));
        let mut names: Vec<&'static str> = NAMES.into_iter().filter(is_there).collect();
        // Without a sign-in there is no Apps server.
        names.extend(self.state.account().map(|_| CODEX_APPS));
        if names.is_empty() {
            return Ok(());
        }
        let name = *self.bytes.choose(&names)?;
        let more = self.bytes.int_in_range(1..=VERSIONS - 1)?;
        let calls = |all: &mut Self| {
            for thread in &threads {
                all.push(Step::Call { thread: thread.clone(), server: name.into() });
            }
        };
        // The connection must be there.
        calls(self);
        let version = self.versions.entry(name).or_default();
        *version = (*version + more) % VERSIONS;
        let step = self.with_more(Step::Config(config));
        self.push(step);
        if self.bytes.ratio(1, 4)? {
            calls(self);
        }
        if name == CODEX_APPS {
            // What reloads need not take up, a new thread does.
            self.push(Step::Thread { name: NEW_THREAD.into() });
            self.push(Step::Call { thread: NEW_THREAD.into(), server: name.into() });
        }
        self.push(Step::Reload);
        calls(self);
        Ok(())
    }

    fn with_more(&self, step: Step) -> Step {
        let at = |server: String| self.alike(&server).map_or(server, str::to_string);
        match step {
            Step::Config(config) => Step::Config(self.config(config)),
            Step::Together(steps) => {
                Step::Together(steps.into_iter().map(|step| self.with_more(step)).collect())
            }
            Step::World { server, behaviour } => Step::World { server: at(server), behaviour },
            Step::Release { server } => Step::Release { server: at(server) },
            step => step,
        }
    }

    /// The other URL in place of this one.
    fn alike(&self, url: &str) -> Option<&'static str> {
        let position = URLS.iter().position(|known| *known == url).filter(|_| self.is_alike);
        position.and_then(|position| ALIKE.get(position)).copied()
    }

    fn config(&self, mut config: Value) -> Value {
        let Some(members) = config.as_object_mut() else { return config };
        let servers = members.get_mut("mcp_servers").and_then(Value::as_object_mut);
        for (name, entry) in servers.into_iter().flatten() {
            if let (Some(entry), Some(version)) =
                (entry.as_object_mut(), self.versions.get(name.as_str()))
            {
                self.entry(entry, name, *version);
            }
        }
        if let Some(version @ 1..) = self.versions.get(CODEX_APPS) {
            members.insert("apps_mcp_product_sku".into(), format!("sku-{version}").into());
        }
        config
    }

    fn entry(&self, entry: &mut Map<String, Value>, name: &str, version: u8) {
        let url = entry.get("url").and_then(Value::as_str);
        if let Some(alike) = url.and_then(|url| self.alike(url)) {
            entry.insert("url".into(), alike.into());
        }
        if version == 0 {
            return;
        }
        if entry.contains_key("url") {
            // Half of the servers have headers, the others a bearer.
            match name {
                "b" => entry.insert("bearer_token_env_var".into(), format!("T{version}").into()),
                _ => entry
                    .insert("http_headers".into(), json!({"X-Team": format!("{name}{version}")})),
            };
        } else if entry.contains_key("command") {
            entry.insert("args".into(), json!([format!("--version={version}")]));
            entry.insert("env".into(), json!({"K": format!("{name}{version}")}));
        }
    }
}

/// Whether each server has an address.
fn is_whole(config: &Value) -> bool {
    let servers = config.get("mcp_servers").and_then(Value::as_object);
    let has_address = |entry: &Value| ["url", "command"].iter().any(|key| entry.get(key).is_some());
    servers.is_some_and(|servers| servers.values().all(has_address))
}
