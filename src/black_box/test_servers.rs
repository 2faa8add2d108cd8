//! The servers of all cases: the Apps endpoint, every other HTTP server, and the place to which some
//! of them redirect, hosted by `wiremock` on loopback, at three origins. They answer MCP and record
//! each request with its credentials.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::account_id;
use super::home::HOST_BEARER;
use super::server_kind::{Elsewhere, Owner, ServerKind, metadata};
use super::stdio_server;
use crate::subject::process::secrets::holds;

/// The most requests to record for one case; of later ones only credentials are recorded.
const MOST_REQUESTS: usize = 1_000;

/// The length of the mark of a case: `n`, the kind of the Apps endpoint, and a nonce.
const MARK: usize = 22;

/// The start of a discovery document's path.
const METADATA: &str = "/.well-known/oauth-authorization-server";

/// All origins; dropping it stops them.
#[derive(Debug)]
pub(super) struct TestServers {
    apps: MockServer,
    servers: MockServer,
    _elsewhere: MockServer,
    records: Arc<Records>,
}

/// The origin of a request's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Apps,
    Servers,
    /// The targets of redirects, and the authorization servers.
    Elsewhere,
}

/// The relevant parts of a request.
#[derive(Clone, Debug)]
pub(super) struct ReceivedRequest {
    pub(super) origin: Origin,
    /// The path and query after the case's mark.
    pub(super) target: String,
    /// Whether it is an MCP message, and not a discovery request or any other request.
    pub(super) is_mcp: bool,
    /// Whether it is one of the requests that a host sends to ChatGPT's backend on its own account.
    pub(super) is_for_backend: bool,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
    /// The `ChatGPT-Account-ID` header, or the id of an account elsewhere in the request.
    pub(super) account: Option<String>,
    /// Headers whose names begin with `x-`.
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Records {
    /// By the mark of the case.
    by_case: Mutex<BTreeMap<String, Vec<ReceivedRequest>>>,
    /// Descriptions of credentials outside of any case.
    strays: Mutex<Vec<String>>,
    /// The case to which requests without a mark belong.
    unmarked: Mutex<Option<String>>,
}

impl TestServers {
    /// Starts both origins.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let records = Arc::new(Records::default());
        let elsewhere = runtime.block_on(host(Origin::Elsewhere, None, &records));
        let there = Some(*elsewhere.address());
        Ok(TestServers {
            apps: runtime.block_on(host(Origin::Apps, there, &records)),
            servers: runtime.block_on(host(Origin::Servers, there, &records)),
            _elsewhere: elsewhere,
            records,
        })
    }

    pub(super) fn apps(&self) -> SocketAddr {
        *self.apps.address()
    }

    pub(super) fn servers(&self) -> SocketAddr {
        *self.servers.address()
    }

    /// Starts recording the requests of this case.
    pub(super) fn expect(&self, mark: &str) {
        lock(&self.records.by_case).insert(mark.into(), Vec::new());
    }

    /// Assigns requests without a mark to this case.
    pub(super) fn expect_unmarked(&self, mark: &str) {
        *lock(&self.records.unmarked) = Some(mark.into());
    }

    /// Removes and returns the requests of a case, and stops recording them.
    pub(super) fn take(&self, mark: &str) -> Vec<ReceivedRequest> {
        lock(&self.records.by_case).remove(mark).unwrap_or_default()
    }

    /// Removes and returns the descriptions of credentials outside of any case.
    pub(super) fn take_strays(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.records.strays))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn host(origin: Origin, elsewhere: Option<SocketAddr>, records: &Arc<Records>) -> MockServer {
    let server = MockServer::builder().disable_request_recording().start().await;
    let answers = Answers { origin, elsewhere, records: Arc::clone(records) };
    Mock::given(any()).respond_with(answers).mount(&server).await;
    server
}

struct Answers {
    origin: Origin,
    /// The origin to redirect to; `None` at that origin itself.
    elsewhere: Option<SocketAddr>,
    records: Arc<Records>,
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let is_mcp = request.method.as_str() == "POST" && message.get("jsonrpc").is_some();
        self.records.note(self.origin, request, is_mcp);
        if let Some(answer) = self.answer_of_kind(request, is_mcp) {
            return answer;
        }
        match request.method.as_str() {
            "POST" if is_mcp => answer(&message),
            "DELETE" => ResponseTemplate::new(200),
            "GET" if is_event_stream(request) => ResponseTemplate::new(405),
            _ => ResponseTemplate::new(404),
        }
    }
}

impl Answers {
    /// The answer of a server that redirects or offers OAuth, where it is not that of any server.
    fn answer_of_kind(&self, request: &Request, is_mcp: bool) -> Option<ResponseTemplate> {
        let path = request.url.path();
        let (mark, rest) = marked(path)?;
        let (kind, owner) = match self.origin {
            Origin::Apps => (ServerKind::of_letter(mark.chars().nth(1)?), Owner::Apps),
            Origin::Servers => {
                let number = rest.split('/').nth(1)?.parse().ok()?;
                (ServerKind::of_entry(number), Owner::Entry(number))
            }
            Origin::Elsewhere => return None,
        };
        let base =
            |why: Elsewhere| Some(format!("http://{}/{mark}{}", self.elsewhere?, why.path()));
        match (kind, path.split_once(METADATA)) {
            (ServerKind::Redirects, None) if is_mcp => {
                let target = base(Elsewhere::Redirect(owner))?;
                Some(ResponseTemplate::new(307).insert_header("location", target))
            }
            (ServerKind::OffersOauth, Some((before, after))) => {
                let authority = header(request, "host")?;
                let issuer = format!("http://{authority}{before}{after}");
                let body = metadata(&issuer, &base(Elsewhere::AuthorizationServer(owner))?);
                Some(ResponseTemplate::new(200).set_body_json(body))
            }
            _ => None,
        }
    }
}

fn is_event_stream(request: &Request) -> bool {
    header(request, "accept").is_some_and(|accept| accept.contains("text/event-stream"))
}

fn header(request: &Request, name: &str) -> Option<String> {
    let value = request.headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A small MCP server: one tool, nothing else.
fn answer(message: &Value) -> ResponseTemplate {
    match stdio_server::answer(message) {
        Some(answer) => ResponseTemplate::new(200).set_body_json(answer),
        None => ResponseTemplate::new(202),
    }
}

impl Records {
    fn note(&self, origin: Origin, request: &Request, is_mcp: bool) {
        let path = match request.url.query() {
            Some(query) => format!("{}?{query}", request.url.path()),
            None => request.url.path().to_string(),
        };
        let headers = request.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-"));
        let words = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let asked = ReceivedRequest {
            origin,
            target: String::new(),
            is_mcp,
            is_for_backend: origin == Origin::Apps
                && is_for_backend(request.method.as_str(), request.url.path(), request.url.query()),
            authorization: header(request, "authorization"),
            account: header(request, account_id::HEADER).or_else(|| account_beside(request)),
            headers: headers
                .map(|(name, value)| (name.as_str().to_string(), words(value.as_bytes())))
                .collect(),
        };
        let is_discovery = path.contains("/.well-known/");
        if carries_a_secret(request) {
            let words = format!("sent a secret outside of `Authorization` to {}", origin.word());
            lock(&self.strays).push(words);
        }
        let unmarked = lock(&self.unmarked).clone().filter(|_| origin == Origin::Apps);
        if is_discovery && origin == Origin::Apps {
            self.note_stray(&asked, request);
        }
        match marked(&path).or(unmarked.map(|mark| (mark, path.clone()))) {
            Some((mark, target)) => {
                let mut by_case = lock(&self.by_case);
                match by_case.get_mut(&mark) {
                    Some(of_case) if of_case.len() < MOST_REQUESTS => {
                        of_case.push(ReceivedRequest { target, ..asked });
                    }
                    Some(_) => self.note_stray(&asked, request),
                    // The case has ended; a late request can still be a leak.
                    None if origin != Origin::Apps => self.note_stray(&asked, request),
                    None => {}
                }
            }
            None => self.note_stray(&asked, request),
        }
    }

    /// The message omits the path, which may contain anything.
    fn note_stray(&self, asked: &ReceivedRequest, request: &Request) {
        if asked.has_host_credentials() {
            let (method, origin) = (&request.method, asked.origin.word());
            let words = format!("sent the host's credentials with a stray {method} to {origin}");
            lock(&self.strays).push(words);
        }
    }
}

/// Whether this is no request to the Apps server, although it is below the same base: released hosts
/// ask ChatGPT's backend about the account, about plugins and, in a turn, about settings, whether the
/// gate is open or not. Below a base with a query, their path is at the end of that query.
pub(super) fn is_for_backend(method: &str, path: &str, query: Option<&str>) -> bool {
    let below = query.and_then(|query| Some(query.split_once('/')?.1)).unwrap_or_default();
    let is_plugins =
        path.split('/').any(|segment| segment == "plugins") || below.starts_with("plugins/");
    let is_account = ["/accounts/check", "/settings/user"].iter().any(|end| path.ends_with(end));
    method == "GET" && (is_plugins || is_account)
}

/// The id of an account in the address, another header or the body.
fn account_beside(request: &Request) -> Option<String> {
    let others = request.headers.iter().filter(|(name, _)| name.as_str() != "authorization");
    let others = others.map(|(_, value)| value.as_bytes());
    account_id::found(others.chain([request.url.as_str().as_bytes(), request.body.as_slice()]))
}

/// Whether a secret, as it is or encoded, is anywhere other than in `Authorization`: in the address,
/// another header or the body.
fn carries_a_secret(request: &Request) -> bool {
    let holds = |bytes: &[u8]| holds(bytes, HOST_BEARER);
    let mut others = request.headers.iter().filter(|(name, _)| name.as_str() != "authorization");
    holds(request.url.as_str().as_bytes())
        || holds(&request.body)
        || others.any(|(_, value)| holds(value.as_bytes()))
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Origin::Apps => "the origin of the Apps endpoint",
            Origin::Servers => "the origin of all other servers",
            Origin::Elsewhere => "the origin to which servers redirect",
        }
    }
}

impl ReceivedRequest {
    /// Whether it is a request to the Apps server, MCP or not.
    pub(super) fn is_contact_to_apps(&self) -> bool {
        self.origin == Origin::Apps && !self.is_for_backend
    }

    /// Whether it has credentials of a host of this run.
    pub(super) fn has_host_credentials(&self) -> bool {
        self.authorization.as_ref().is_some_and(|bearer| holds(bearer.as_bytes(), HOST_BEARER))
            || self.account.is_some()
    }
}

/// The mark of the case in a path, and the rest after it. Discovery puts a prefix before the mark.
fn marked(path: &str) -> Option<(String, String)> {
    let is_mark = |segment: &&str| segment.len() == MARK && segment.starts_with('n');
    let mark = path.split(['/', '?']).find(is_mark)?;
    let at = path.find(mark)?;
    Some((mark.to_string(), path.get(at + mark.len()..)?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::is_for_backend;

    #[test]
    fn requests_of_the_host_itself_are_not_for_the_apps_server() {
        for (method, path, query, expected) in [
            ("GET", "/n1/backend-api/ps/plugins/installed", None, true),
            ("GET", "/n1/plugins/featured", Some("platform=codex"), true),
            ("GET", "/n1/", Some("q=1/plugins/featured&platform=codex"), true),
            ("GET", "/n1/api/codex/accounts/check", None, true),
            ("POST", "/n1/plugins/featured", None, false),
            ("GET", "/n1/ps/mcp", None, false),
            ("GET", "/n1/ps/mcp", Some("a=plugins/"), false),
            ("GET", "/n1/", Some("q=1/ps/mcp/plugins/"), false),
        ] {
            assert_eq!(is_for_backend(method, path, query), expected, "{method} {path}?{query:?}");
        }
    }
}
