//! Turns the evidence about a host into an answer, in the same form as the specification's expected
//! observations (`mcp_overlay_model::observation`).

use std::collections::{BTreeMap, BTreeSet};

use mcp_overlay_model::observation::{Account, AuthStatus, Bearer, Observation};
use mcp_overlay_model::{Answer, CODEX_APPS, Case};
use serde_json::Value;

use super::home::{ACCOUNT, ACCOUNT_ID, HOST_BEARER};
use super::local_case::{Entry, LocalCase, Variable};
use super::server_kind::{Elsewhere, Owner, ServerKind};
use super::session::Listed;
use super::stdio_server::Started;
use super::test_servers::{Origin, ReceivedRequest};
use crate::cases::entries::entries;
use crate::subject::process::secrets::holds;

/// `user:`, the userinfo of the only base with one that a black box is given.
const BASIC_OF_USERINFO: &str = "Basic dXNlcjo=";

/// The evidence collected while a host is asked about one case.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) case: &'a Case,
    pub(super) local: &'a LocalCase,
    /// The servers that the host lists.
    pub(super) listed: &'a [Listed],
    /// The requests to the HTTP servers.
    pub(super) asked: &'a [ReceivedRequest],
    /// The reports of the stdio servers, each with the number of its entry.
    pub(super) started: &'a [(usize, Started)],
}

impl Evidence<'_> {
    /// The answer: the observation of each server.
    pub(super) fn answer(&self) -> Answer {
        let listed = self.listed.iter().map(|listed| listed.name.as_str());
        let started = self.local.entries.iter().enumerate();
        let started = started.filter(|(number, _)| self.was_started(*number));
        let apps = self.contacts_to_apps().next().map(|_| CODEX_APPS);
        let names: BTreeSet<&str> =
            listed.chain(started.map(|(_, entry)| entry.name.as_str())).chain(apps).collect();
        let seen = names.iter().map(|name| ((*name).to_string(), self.observation(name)));
        Answer::Observed { seen: seen.chain(self.credentials_elsewhere()).collect() }
    }

    /// A server that gets the host's credentials counts as started, whatever the request is.
    fn was_started(&self, number: usize) -> bool {
        self.requests_to(number).any(|asked| asked.is_mcp || asked.has_host_credentials())
            || self.started.iter().any(|(of, _)| *of == number)
    }

    /// Requests to an entry's address and below it, discovery included.
    fn requests_to(&self, number: usize) -> impl Iterator<Item = &ReceivedRequest> {
        self.asked.iter().filter(move |asked| entry_of(asked) == Some(number))
    }

    fn requests_to_apps(&self) -> impl Iterator<Item = &ReceivedRequest> {
        self.asked.iter().filter(|asked| asked.origin == Origin::Apps && asked.is_mcp)
    }

    /// All requests that only the Apps server can be meant by, MCP or not.
    fn contacts_to_apps(&self) -> impl Iterator<Item = &ReceivedRequest> {
        self.asked.iter().filter(|asked| asked.is_contact_to_apps())
    }

    /// The host's credentials at the target of a redirect, or at an authorization server. Each is an
    /// observation of its own: another server than the one that the credentials may be for.
    fn credentials_elsewhere(&self) -> BTreeMap<String, Observation> {
        let mut seen = BTreeMap::new();
        for asked in self.asked.iter().filter(|asked| asked.origin == Origin::Elsewhere) {
            let Some(why) = Elsewhere::of_path(&asked.target) else { continue };
            let owner = match why.owner() {
                Owner::Apps => Some(CODEX_APPS),
                Owner::Entry(number) => self.local.entries.get(number).map(|e| e.name.as_str()),
            };
            if let Some(owner) = owner.filter(|_| asked.has_host_credentials()) {
                let name = match why {
                    Elsewhere::Redirect(_) => format!("{owner}, redirected"),
                    Elsewhere::AuthorizationServer(_) => format!("{owner}, authorization server"),
                };
                let not_listed = || Observation::new(AuthStatus::Other("not listed".into()));
                self.record_requests(&[asked], seen.entry(name).or_insert_with(not_listed));
            }
        }
        seen
    }

    /// Whether the host asked a server of this name that offers OAuth.
    fn offers_oauth(&self, name: &str) -> bool {
        let is_offered = |number| ServerKind::of_entry(number) == ServerKind::OffersOauth;
        let mut entries = self.local.entries.iter().enumerate();
        let by_apps = || self.local.apps == ServerKind::OffersOauth;
        entries.any(|(number, entry)| {
            entry.name == name && is_offered(number) && self.was_started(number)
        }) || (name == CODEX_APPS && by_apps() && self.requests_to_apps().next().is_some())
    }

    fn observation(&self, name: &str) -> Observation {
        let mut listed = self.listed.iter().filter(|listed| listed.name == name);
        let first = listed.next();
        let status = first.map_or("not listed", |listed| listed.auth_status.as_str());
        // Codex 0.155.0 and later say so of a server at an address that they cannot ask.
        let is_unusable = name == CODEX_APPS && !self.apps_origin().starts_with("http");
        let status = if is_unusable && status == "unknown" { "unsupported" } else { status };
        // Rule `status.auth` leaves open what is listed for a server that offers OAuth.
        let is_open = status == "notLoggedIn" && self.offers_oauth(name);
        let status = if is_open { "unsupported" } else { status };
        let mut seen = Observation::new(AuthStatus::from(status.to_string()));
        seen.enabled = false;
        // A list has one entry per server. Another entry must not say something else about it.
        if listed.any(|other| Some(other) != first) {
            contradict("auth_status", &mut seen.contradictory);
        }
        let mut requests = Vec::new();
        for (number, entry) in self.local.entries.iter().enumerate() {
            if entry.name != name {
                continue;
            }
            for (_, started) in self.started.iter().filter(|(of, _)| *of == number) {
                record_process(entry, started, &mut seen);
            }
            if self.was_started(number) && self.requests_to(number).next().is_some() {
                record_url(entry.url.as_str().unwrap_or_default().into(), &mut seen);
                requests.extend(self.requests_to(number));
            }
        }
        if name == CODEX_APPS {
            for asked in self.requests_to_apps() {
                record_url(format!("{}{}", self.apps_origin(), asked.target), &mut seen);
                requests.push(asked);
            }
            // With an open gate, discovery and the like come with MCP requests. Alone they do not
            // make a started server, but behind a closed gate there is no server to ask.
            if requests.is_empty()
                && let Some(contact) = self.contacts_to_apps().next()
            {
                seen.url = Some(format!("{}{}", self.apps_origin(), contact.target));
                requests.extend(self.contacts_to_apps());
            }
        }
        self.record_requests(&requests, &mut seen);
        seen
    }

    /// Scheme and authority of the base URL in the case.
    fn apps_origin(&self) -> &str {
        let base = self.case.host.get("chatgpt_base_url").and_then(Value::as_str);
        let base = base.unwrap_or(mcp_overlay_model::endpoint::DEFAULT_BASE_URL);
        let authority = base.find("://").map_or(0, |at| at + 3);
        let end = base.get(authority..).and_then(|rest| rest.find('/'));
        base.get(..end.map_or(base.len(), |end| authority + end)).unwrap_or(base)
    }

    /// Records the credentials and headers of the requests to one server. Every MCP request must
    /// carry what the first one carries.
    fn record_requests(&self, requests: &[&ReceivedRequest], seen: &mut Observation) {
        let mut first: Option<Carried> = None;
        for asked in requests {
            let carried = self.carried_by(asked);
            // One request with the host's credentials outweighs all others, whatever it is.
            if carried.authorization == Some(Bearer::Host) || seen.authorization.is_none() {
                seen.authorization = carried.authorization.clone().or(seen.authorization.take());
            }
            seen.account_id = carried.account_id.or(seen.account_id);
            if !asked.is_mcp {
                continue;
            }
            let Some(first) = &first else {
                seen.http_headers.extend(carried.headers.clone());
                first = Some(carried);
                continue;
            };
            for (field, is_same) in [
                ("authorization", carried.authorization == first.authorization),
                ("account_id", carried.account_id == first.account_id),
                ("http_headers", carried.headers == first.headers),
            ] {
                if !is_same {
                    contradict(field, &mut seen.contradictory);
                }
            }
        }
    }

    fn carried_by(&self, asked: &ReceivedRequest) -> Carried {
        // HTTP clients send the userinfo of a base as Basic credentials, which are no bearer.
        let bearer = asked.authorization.as_ref().filter(|value| *value != BASIC_OF_USERINFO);
        let account = |account: &String| match [ACCOUNT, ACCOUNT_ID].contains(&account.as_str()) {
            true => Account::Host,
            false => Account::Unknown,
        };
        Carried {
            authorization: bearer.map(|bearer| bearer_source(bearer, &self.local.environment)),
            account_id: asked.account.as_ref().map(account),
            headers: self.headers(&asked.headers),
        }
    }

    /// The headers that the case mentions, and the Apps server's own.
    fn headers(&self, headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let written = entries_as_text(self.case);
        let mut seen = BTreeMap::new();
        for (name, value) in headers {
            if name == "x-openai-product-sku" || written.contains(&format!("\"{name}\":")) {
                let variable = self.local.environment.values().find(|v| v.local == *value);
                let value = variable.map_or(value, |variable| &variable.written);
                seen.insert(name.clone(), value.clone());
            }
        }
        seen
    }
}

/// The relevant part of a request.
struct Carried {
    authorization: Option<Bearer>,
    account_id: Option<Account>,
    headers: BTreeMap<String, String>,
}

/// The number of the entry that a request is for.
pub(super) fn entry_of(asked: &ReceivedRequest) -> Option<usize> {
    let rest = asked.target.strip_prefix('/').filter(|_| asked.origin == Origin::Servers)?;
    rest.split(['/', '?']).next()?.parse().ok()
}

/// Describes a request with the host's credentials to an address without an entry.
pub(super) fn leak_beside_entries(asked: &[ReceivedRequest], entries: usize) -> Option<String> {
    let beside = |asked: &&ReceivedRequest| {
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

/// Records an observed value. A second, different value of a field contradicts the first.
fn record<T: PartialEq + Default>(
    field: &'static str,
    known: &mut T,
    value: T,
    contradictory: &mut Vec<String>,
) {
    if *known == T::default() {
        *known = value;
    } else if *known != value {
        contradict(field, contradictory);
    }
}

/// Notes that a second, different value of a field was observed.
fn contradict(field: &str, contradictory: &mut Vec<String>) {
    if !contradictory.iter().any(|name| name == field) {
        contradictory.push(field.into());
    }
}

fn record_url(url: String, seen: &mut Observation) {
    seen.enabled = true;
    record("url", &mut seen.url, Some(url), &mut seen.contradictory);
}

fn record_process(entry: &Entry, started: &Started, seen: &mut Observation) {
    seen.enabled = true;
    let command = entry.command.as_str().map(String::from);
    record("command", &mut seen.command, command, &mut seen.contradictory);
    record("args", &mut seen.args, started.args.clone(), &mut seen.contradictory);
    let of_the_case = |(name, _): &(&String, &String)| name.bytes().all(|b| b.is_ascii_uppercase());
    let env = started.env.iter().filter(of_the_case);
    let env = env.map(|(name, value)| (name.clone(), value.clone())).collect();
    record("env", &mut seen.env, env, &mut seen.contradictory);
    if started.has_host_credentials {
        seen.authorization = Some(Bearer::Host);
    }
}

/// The source of a bearer; the bearer itself is not recorded.
fn bearer_source(header: &str, environment: &BTreeMap<String, Variable>) -> Bearer {
    let bearer = header.strip_prefix("Bearer ").unwrap_or(header).trim();
    if holds(bearer.as_bytes(), HOST_BEARER) {
        return Bearer::Host;
    }
    let variable = environment.iter().find(|(_, variable)| variable.local.trim() == bearer);
    variable.map_or(Bearer::Unknown, |(name, _)| Bearer::Variable(name.clone()))
}
