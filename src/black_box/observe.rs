//! From what was seen of a host to an answer: the same words in which the specification says what
//! should be seen (`mcp_overlay_model::observation`).

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::observation::{Account, AuthStatus, Bearer, Observation};
use mcp_overlay_model::{Answer, CODEX_APPS, Case};
use serde_json::Value;

use super::home::{ACCOUNT, HOST_BEARER};
use super::placed::{Entry, Placed, Variable};
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
    /// The answer: what was seen of each server.
    pub(super) fn answer(&self) -> Answer {
        let listed = self.listed.iter().map(|listed| listed.name.as_str());
        let started = self.placed.entries.iter().enumerate();
        let started = started.filter(|(number, _)| self.was_started(*number));
        let apps = self.requests_to_apps().next().map(|_| CODEX_APPS);
        let names: BTreeSet<&str> =
            listed.chain(started.map(|(_, entry)| entry.name.as_str())).chain(apps).collect();
        let seen = names.iter().map(|name| ((*name).to_string(), self.observation(name)));
        Answer::Observed { seen: seen.collect() }
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

    fn observation(&self, name: &str) -> Observation {
        let listed = self.listed.iter().find(|listed| listed.name == name);
        let status = listed.map_or("not listed", |listed| listed.auth_status.as_str());
        let mut seen = Observation::new(AuthStatus::from(status.to_string()));
        seen.enabled = false;
        for (number, entry) in self.placed.entries.iter().enumerate() {
            if entry.name != name {
                continue;
            }
            for (_, started) in self.started.iter().filter(|(of, _)| *of == number) {
                see_process(entry, started, &mut seen);
            }
            if self.was_started(number) && self.requests_to(number).next().is_some() {
                see_url(entry.url.as_str().unwrap_or_default().into(), &mut seen);
                self.see_requests(self.requests_to(number), &mut seen);
            }
        }
        if name == CODEX_APPS
            && let Some(first) = self.requests_to_apps().next()
        {
            see_url(format!("{}{}", self.apps_origin(), first.target), &mut seen);
            self.see_requests(self.requests_to_apps(), &mut seen);
        }
        seen
    }

    /// Scheme and authority of the base as the case has it.
    fn apps_origin(&self) -> &str {
        let base = self.case.host.get("chatgpt_base_url").and_then(Value::as_str);
        let base = base.unwrap_or(mcp_overlay_model::endpoint::DEFAULT_BASE_URL);
        let authority = base.find("://").map_or(0, |at| at + 3);
        let end = base.get(authority..).and_then(|rest| rest.find('/'));
        base.get(..end.map_or(base.len(), |end| authority + end)).unwrap_or(base)
    }

    fn see_requests<'a>(&self, requests: impl Iterator<Item = &'a Asked>, seen: &mut Observation) {
        let mut headers = None;
        for asked in requests {
            if let Some(bearer) = &asked.authorization {
                let whose = whose_bearer(bearer, &self.placed.environment);
                // The host's credentials show, however many requests went without.
                if whose == Bearer::Host || seen.authorization.is_none() {
                    seen.authorization = Some(whose);
                }
            }
            if let Some(account) = &asked.account {
                let is_known = account == ACCOUNT;
                seen.account_id = Some(if is_known { Account::Host } else { Account::Unknown });
            }
            if asked.is_mcp && headers.is_none() {
                headers = Some(self.headers(&asked.headers));
            }
        }
        seen.http_headers.extend(headers.unwrap_or_default());
    }

    /// The headers of which the case speaks, and the Apps server's own.
    fn headers(&self, headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let written = entries_as_text(self.case);
        let mut seen = BTreeMap::new();
        for (name, value) in headers {
            if name == "x-openai-product-sku" || written.contains(&format!("\"{name}\":")) {
                let variable = self.placed.environment.values().find(|v| v.placed == *value);
                let value = variable.map_or(value, |variable| &variable.written);
                seen.insert(name.clone(), value.clone());
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

/// Takes note of what was seen. A second, different value of a field contradicts the first.
fn see<T: PartialEq + Default>(
    field: &'static str,
    known: &mut T,
    value: T,
    contradictory: &mut Vec<String>,
) {
    if *known == T::default() {
        *known = value;
    } else if *known != value && !contradictory.iter().any(|name| name == field) {
        contradictory.push(field.into());
    }
}

fn see_url(url: String, seen: &mut Observation) {
    seen.enabled = true;
    see("url", &mut seen.url, Some(url), &mut seen.contradictory);
}

fn see_process(entry: &Entry, started: &Started, seen: &mut Observation) {
    seen.enabled = true;
    let command = entry.command.as_str().map(String::from);
    see("command", &mut seen.command, command, &mut seen.contradictory);
    see("args", &mut seen.args, started.args.clone(), &mut seen.contradictory);
    let of_the_case = |(name, _): &(&String, &String)| name.bytes().all(|b| b.is_ascii_uppercase());
    let env = started.env.iter().filter(of_the_case);
    let env = env.map(|(name, value)| (name.clone(), value.clone())).collect();
    see("env", &mut seen.env, env, &mut seen.contradictory);
    if started.has_host_credentials {
        seen.authorization = Some(Bearer::Host);
    }
}

/// Whose secret a bearer is; the bearer itself goes nowhere.
fn whose_bearer(header: &str, environment: &BTreeMap<String, Variable>) -> Bearer {
    let bearer = header.strip_prefix("Bearer ").unwrap_or(header).trim();
    if bearer.contains(HOST_BEARER) {
        return Bearer::Host;
    }
    let variable = environment.iter().find(|(_, variable)| variable.placed.trim() == bearer);
    variable.map_or(Bearer::Unknown, |(name, _)| Bearer::Variable(name.clone()))
}
