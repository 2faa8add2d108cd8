//! The servers of all cases: the Apps endpoint and every other HTTP server, hosted by `wiremock` on
//! loopback, at two origins. They answer MCP and remember who asked for what, with which
//! credentials.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::home::HOST_BEARER;
use super::stdio_server;

/// The most requests that are remembered of one case; more are a flood, and are only counted.
const MOST_REQUESTS: usize = 1_000;

/// Both origins, up until it is dropped.
#[derive(Debug)]
pub(super) struct World {
    apps: MockServer,
    servers: MockServer,
    records: Arc<Records>,
}

/// Which origin was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Apps,
    Servers,
}

/// A request, as far as it matters.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) origin: Origin,
    /// The path and query after the case's mark.
    pub(super) target: String,
    /// Whether it is a message of MCP, and not a discovery request or something else.
    pub(super) is_mcp: bool,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
    /// The `ChatGPT-Account-ID` header.
    pub(super) account: Option<String>,
    /// Headers whose names begin with `x-`.
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Records {
    /// By the mark of the case.
    by_case: Mutex<BTreeMap<String, Vec<Asked>>>,
    /// Credentials where no case explains them, in words.
    strays: Mutex<Vec<String>>,
    /// The case that counts where paths have no mark.
    unmarked: Mutex<Option<String>>,
}

impl World {
    /// Hosts both origins.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let records = Arc::new(Records::default());
        Ok(World {
            apps: runtime.block_on(host(Origin::Apps, &records)),
            servers: runtime.block_on(host(Origin::Servers, &records)),
            records,
        })
    }

    pub(super) fn apps(&self) -> SocketAddr {
        *self.apps.address()
    }

    pub(super) fn servers(&self) -> SocketAddr {
        *self.servers.address()
    }

    /// Takes requests without a mark for this case's.
    pub(super) fn expect_unmarked(&self, mark: &str) {
        *lock(&self.records.unmarked) = Some(mark.into());
    }

    /// The requests of a case so far; they are forgotten here.
    pub(super) fn take(&self, mark: &str) -> Vec<Asked> {
        lock(&self.records.by_case).remove(mark).unwrap_or_default()
    }

    /// Credentials that went where they have no business, and were not told yet.
    pub(super) fn take_strays(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.records.strays))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn host(origin: Origin, records: &Arc<Records>) -> MockServer {
    let server = MockServer::builder().disable_request_recording().start().await;
    let answers = Answers { origin, records: Arc::clone(records) };
    Mock::given(any()).respond_with(answers).mount(&server).await;
    server
}

struct Answers {
    origin: Origin,
    records: Arc<Records>,
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let is_mcp = request.method.as_str() == "POST" && message.get("jsonrpc").is_some();
        self.records.note(self.origin, request, is_mcp);
        match request.method.as_str() {
            "POST" if is_mcp => answer(&message),
            "DELETE" => ResponseTemplate::new(200),
            "GET" if is_event_stream(request) => ResponseTemplate::new(405),
            _ => ResponseTemplate::new(404),
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
        let asked = Asked {
            origin,
            target: String::new(),
            is_mcp,
            authorization: header(request, "authorization"),
            account: header(request, "chatgpt-account-id"),
            headers: headers
                .map(|(name, value)| (name.as_str().to_string(), words(value.as_bytes())))
                .collect(),
        };
        let is_discovery = path.starts_with("/.well-known/");
        let unmarked = lock(&self.unmarked).clone().filter(|_| origin == Origin::Apps);
        match marked(&path).or(unmarked.map(|mark| (mark, path.clone()))) {
            Some((mark, target)) if !(is_discovery && origin == Origin::Apps) => {
                let mut by_case = lock(&self.by_case);
                let of_case = by_case.entry(mark).or_default();
                if of_case.len() < MOST_REQUESTS {
                    of_case.push(Asked { target, ..asked });
                }
            }
            _ if asked.has_host_credentials() => {
                let method = &request.method;
                lock(&self.strays)
                    .push(format!("sent the host's credentials with {method} {path}"));
            }
            _ => {}
        }
    }
}

impl Asked {
    /// Whether it carries credentials of a host of this run.
    pub(super) fn has_host_credentials(&self) -> bool {
        self.authorization.as_ref().is_some_and(|bearer| bearer.contains(HOST_BEARER))
            || self.account.is_some()
    }
}

/// The mark of the case in a path, and what comes after it; discovery puts its own words before.
fn marked(path: &str) -> Option<(String, String)> {
    let is_mark = |segment: &&str| segment.len() == 21 && segment.starts_with('n');
    let mark = path.split(['/', '?']).find(is_mark)?;
    let at = path.find(mark)?;
    Some((mark.to_string(), path.get(at + mark.len()..)?.to_string()))
}
