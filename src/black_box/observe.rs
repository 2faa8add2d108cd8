//! From what was seen of a host to an answer: the same words in which the specification says what
//! should be seen (`mcp_overlay_model::observation`).

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::{Answer, CODEX_APPS, Case, PluginOwners, Views};
use serde_json::{Map, Value};

use super::home::{ACCOUNT, HOST_BEARER};
use super::placed::{Placed, Variable};
use super::session::Listed;
use super::stdio_server::Started;
use super::world::{Asked, Origin};
use crate::cases::entries::entries;

/// Everything that was seen of a host while it was asked about one case.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) case: &'a Case,
    pub(super) placed: &'a Placed,
    /// What it said.
    pub(super) listed: &'a [Listed],
    /// What the HTTP servers heard.
    pub(super) asked: &'a [Asked],
    /// What the stdio servers were started with, and which entry each is.
    pub(super) started: &'a [(usize, Started)],
}

impl Seen<'_> {
    /// The answer: `effective` as it was seen.
    pub(super) fn answer(&self) -> Answer {
        let listed = self.listed.iter().map(|listed| listed.name.as_str());
        let started = self.placed.entries.iter().enumerate();
        let started = started.filter(|(number, _)| self.was_started(*number));
        let apps = self.requests_to_apps().next().map(|_| CODEX_APPS);
        let names: BTreeSet<&str> =
            listed.chain(started.map(|(_, entry)| entry.name.as_str())).chain(apps).collect();
        let effective =
            names.iter().map(|name| ((*name).to_string(), self.observation(name).into()));
        let views = Views { effective: effective.collect(), ..Views::default() };
        Answer::Resolved { views, plugin_owners: PluginOwners::new() }
    }

    /// One that gets the host's credentials is in use, whatever is asked of it.
    /// Whether the Apps server is listed with tools that nobody was asked for.
    pub(super) fn is_remembered(&self) -> bool {
        let apps = self.listed.iter().find(|listed| listed.name == CODEX_APPS);
        apps.is_some_and(|apps| apps.has_tools) && self.requests_to_apps().next().is_none()
    }

    fn was_started(&self, number: usize) -> bool {
        self.requests_to(number).any(|asked| asked.is_mcp || asked.has_host_credentials())
            || self.started.iter().any(|(of, _)| *of == number)
    }

    /// Requests to an entry's address and below it, discovery included.
    fn requests_to(&self, number: usize) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(move |asked| entry_of(asked) == Some(number))
    }

    fn requests_to_apps(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.origin == Origin::Apps && asked.is_mcp)
    }

    fn observation(&self, name: &str) -> Value {
        let mut seen = Map::new();
        for (number, entry) in self.placed.entries.iter().enumerate() {
            if entry.name != name {
                continue;
            }
            for (_, started) in self.started.iter().filter(|(of, _)| *of == number) {
                put(&mut seen, "command", entry.command.clone());
                see_process(started, &mut seen);
            }
            if self.was_started(number) && self.requests_to(number).next().is_some() {
                put(&mut seen, "url", entry.url.clone());
                self.see_requests(self.requests_to(number), &mut seen);
            }
        }
        if name == CODEX_APPS
            && let Some(first) = self.requests_to_apps().next()
        {
            put(&mut seen, "url", format!("{}{}", self.apps_origin(), first.target).into());
            self.see_requests(self.requests_to_apps(), &mut seen);
        }
        if seen.is_empty() {
            seen.insert("enabled".into(), Value::Bool(false));
        }
        let said = self.listed.iter().find(|listed| listed.name == name);
        let status = said.map_or("not listed", |listed| listed.auth_status.as_str());
        seen.insert("auth_status".into(), status.into());
        Value::Object(seen)
    }

    /// Scheme and authority of the base as the case has it.
    fn apps_origin(&self) -> &str {
        let base = self.case.host.get("chatgpt_base_url").and_then(Value::as_str);
        let base = base.unwrap_or(mcp_overlay_model::endpoint::DEFAULT_BASE_URL);
        let authority = base.find("://").map_or(0, |at| at + 3);
        let end = base.get(authority..).and_then(|rest| rest.find('/'));
        base.get(..end.map_or(base.len(), |end| authority + end)).unwrap_or(base)
    }

    fn see_requests<'a>(
        &self,
        requests: impl Iterator<Item = &'a Asked>,
        seen: &mut Map<String, Value>,
    ) {
        let mut headers = None;
        for asked in requests {
            if let Some(bearer) = &asked.authorization {
                let whose = whose_bearer(bearer, &self.placed.environment);
                // The host's credentials show, however many requests went without.
                if whose == "host" || !seen.contains_key("authorization") {
                    seen.insert("authorization".into(), whose.into());
                }
            }
            if let Some(account) = &asked.account {
                let known = account == ACCOUNT;
                let word = if known { Value::Bool(true) } else { "another account".into() };
                seen.insert("account_id".into(), word);
            }
            if asked.is_mcp && headers.is_none() {
                headers = Some(self.headers(&asked.headers));
            }
        }
        if let Some(headers) = headers.filter(|headers| !headers.is_empty()) {
            seen.insert("http_headers".into(), headers.into());
        }
    }

    /// The headers of which the case speaks, and the Apps server's own.
    fn headers(&self, headers: &BTreeMap<String, String>) -> Map<String, Value> {
        let written = entries_as_text(self.case);
        let mut seen = Map::new();
        for (name, value) in headers {
            if name == "x-openai-product-sku" || written.contains(&format!("\"{name}\":")) {
                let variable = self.placed.environment.values().find(|v| v.placed == *value);
                let value = variable.map_or(value, |variable| &variable.written);
                seen.insert(name.clone(), value.as_str().into());
            }
        }
        seen
    }
}

/// The number of the entry that a request was for.
fn entry_of(asked: &Asked) -> Option<usize> {
    let rest = asked.target.strip_prefix('/').filter(|_| asked.origin == Origin::Servers)?;
    rest.split(['/', '?']).next()?.parse().ok()
}

/// The host's credentials where no entry is, in words.
pub(super) fn beside_entries(asked: &[Asked], entries: usize) -> Option<String> {
    let beside = |asked: &&Asked| {
        asked.origin == Origin::Servers && entry_of(asked).is_none_or(|number| number >= entries)
    };
    let sent = asked.iter().filter(beside).find(|asked| asked.has_host_credentials())?;
    Some(format!("sent the host's credentials to {}, where no server is", sent.target))
}

/// All entries of a case in one text, in lower case.
fn entries_as_text(case: &Case) -> String {
    let text: String = entries(case).map(Value::to_string).collect();
    text.to_ascii_lowercase()
}

/// Puts what was seen; what is seen a second time and is another thing is seen beside it.
fn put(seen: &mut Map<String, Value>, field: &str, value: Value) {
    match seen.get_mut(field) {
        Some(known) if *known != value => *known = Value::Array(vec![known.take(), value]),
        Some(_) => {}
        None => drop(seen.insert(field.into(), value)),
    }
}

fn see_process(started: &Started, seen: &mut Map<String, Value>) {
    if !started.args.is_empty() {
        put(seen, "args", started.args.as_slice().into());
    }
    let env = started.env.iter().filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase()));
    let env: Map<String, Value> =
        env.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    if !env.is_empty() {
        put(seen, "env", env.into());
    }
    if started.has_host_credentials {
        seen.insert("authorization".into(), "host".into());
    }
}

/// Whose secret a bearer is; the bearer itself goes nowhere.
fn whose_bearer(header: &str, environment: &BTreeMap<String, Variable>) -> String {
    let bearer = header.strip_prefix("Bearer ").unwrap_or(header).trim();
    if bearer.contains(HOST_BEARER) {
        return "host".into();
    }
    let variable = environment.iter().find(|(_, variable)| variable.placed.trim() == bearer);
    variable.map_or_else(|| "something else".into(), |(name, _)| name.clone())
}
