//! The servers of sequences: they answer MCP, hold or refuse tool calls as they are told, and record
//! every request when its head arrives.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mcp_overlay_model::lifecycle::Behaviour;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::black_box::home::HOST_BEARER;
use crate::black_box::stdio_server;
use crate::subject::process::secrets::holds;

/// The longest body to read, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

/// The most requests to record for one sequence.
const MOST_REQUESTS: usize = 10_000;

/// A result of a tool begins with this, and ends with the number of the request.
pub(super) const ANSWERS: &str = "the answer to request ";

/// The path of the model provider, which is no MCP server.
pub(super) const MODEL: &str = "/model";

const STRAY: &str = "sent a secret outside of `Authorization`";

/// The origin of a request's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::black_box) enum Origin {
    Apps,
    Servers,
}

/// Where a request went: the origin, and the path after the mark of the sequence.
pub(in crate::black_box) type Target = (Origin, String);

/// A request of a host.
#[derive(Clone, Debug)]
pub(in crate::black_box) struct Received {
    /// When its head arrived.
    pub(in crate::black_box) at: Instant,
    pub(in crate::black_box) target: Target,
    /// The `Authorization` header.
    pub(in crate::black_box) authorization: Option<String>,
    /// The `ChatGPT-Account-ID` header.
    pub(in crate::black_box) account: Option<String>,
    /// Whether it is a tool call. Its result has the number of the request.
    pub(in crate::black_box) is_call: bool,
}

/// The recorded requests and the behaviours of one sequence.
#[derive(Debug)]
struct Playing {
    received: Vec<Received>,
    /// The behaviours of the servers: a held call waits for a change.
    behaviours: watch::Sender<BTreeMap<Target, Behaviour>>,
}

/// Both origins, for all sequences of a run.
#[derive(Debug)]
pub(in crate::black_box) struct Servers {
    pub(in crate::black_box) apps: SocketAddr,
    pub(in crate::black_box) servers: SocketAddr,
    playing: AllPlaying,
    /// Descriptions of secrets in other places than the two headers for them.
    strays: Strays,
    _runtime: tokio::runtime::Runtime,
}

impl Servers {
    /// Starts both origins on loopback.
    ///
    /// # Errors
    /// No port, or no thread.
    pub(in crate::black_box) fn start() -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (playing, strays) = (AllPlaying::default(), Strays::default());
        let listen = |origin| {
            let shared = (Arc::clone(&playing), Arc::clone(&strays));
            runtime.block_on(listen(origin, shared))
        };
        let (apps, servers) = (listen(Origin::Apps)?, listen(Origin::Servers)?);
        Ok(Servers { apps, servers, playing, strays, _runtime: runtime })
    }

    /// Removes and returns the descriptions of secrets in wrong places, of any sequence.
    pub(super) fn take_strays(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.strays))
    }

    /// Starts recording the requests of the sequence with this mark.
    pub(super) fn begin(&self, mark: &str) {
        let behaviours = watch::Sender::new(BTreeMap::new());
        lock(&self.playing).insert(mark.into(), Playing { received: Vec::new(), behaviours });
    }

    /// The requests so far, from the one with this number on.
    pub(super) fn since(&self, mark: &str, first: usize) -> Vec<Received> {
        let playing = lock(&self.playing);
        let received = playing.get(mark).and_then(|playing| playing.received.get(first..));
        received.map(<[Received]>::to_vec).unwrap_or_default()
    }

    pub(super) fn behave(&self, mark: &str, target: Target, behaviour: Behaviour) {
        if let Some(playing) = lock(&self.playing).get(mark) {
            playing.behaviours.send_modify(|all| {
                all.insert(target, behaviour);
            });
        }
    }

    /// Stops recording; held calls are given up.
    pub(super) fn end(&self, mark: &str) {
        lock(&self.playing).remove(mark);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type AllPlaying = Arc<Mutex<BTreeMap<String, Playing>>>;
type Strays = Arc<Mutex<Vec<String>>>;

async fn listen(origin: Origin, shared: (AllPlaying, Strays)) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            // A small answer is not to wait for more of it.
            let _ = stream.set_nodelay(true);
            let shared = shared.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(origin, request, shared.clone()));
                // A connection that the host cuts is no error of ours.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

async fn answer(
    origin: Origin,
    request: Request<Incoming>,
    (playing, strays): (AllPlaying, Strays),
) -> Result<Response<Full<Bytes>>, Infallible> {
    let at = Instant::now();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let is_model = path.get(23..).is_some_and(|path| path.starts_with(MODEL));
    if is_model {
        return Ok(status(StatusCode::NOT_FOUND));
    }
    let mut is_stray = holds(path.as_bytes(), HOST_BEARER);
    let others = request.headers().iter().filter(|(name, _)| *name != AUTHORIZATION);
    is_stray |= others.into_iter().any(|(_, value)| holds(value.as_bytes(), HOST_BEARER));
    if is_stray {
        lock(&strays).push(STRAY.into());
    }
    let Some((mark, rest)) = path.strip_prefix('/').and_then(|path| path.split_at_checked(22))
    else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    let target = (origin, rest.to_string());
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (authorization, account) = (header("authorization"), header("chatgpt-account-id"));
    let mark = mark.to_string();
    let method = request.method().clone();
    let body = Limited::new(request.into_body(), LONGEST_BODY).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    if holds(&body, HOST_BEARER) {
        lock(&strays).push(STRAY.into());
    }
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_call = message.get("method").and_then(Value::as_str) == Some("tools/call");
    let received = Received { at, target: target.clone(), authorization, account, is_call };
    let (number, behaviours) = {
        let mut playing = lock(&playing);
        let Some(playing) = playing.get_mut(&mark) else {
            return Ok(status(StatusCode::NOT_FOUND));
        };
        if playing.received.len() == MOST_REQUESTS {
            return Ok(status(StatusCode::SERVICE_UNAVAILABLE));
        }
        playing.received.push(received);
        (playing.received.len() - 1, playing.behaviours.subscribe())
    };
    Ok(match method {
        Method::POST if is_call => called(&message, number, &target, behaviours).await,
        Method::POST if message.get("jsonrpc").is_some() => match stdio_server::answer(&message) {
            Some(answer) => json_body(&answer),
            None => status(StatusCode::ACCEPTED),
        },
        Method::DELETE => status(StatusCode::OK),
        Method::GET if origin == Origin::Apps || is_in_path(&target.1, ".well-known") => {
            status(StatusCode::NOT_FOUND)
        }
        _ => status(StatusCode::METHOD_NOT_ALLOWED),
    })
}

fn is_in_path(path: &str, segment: &str) -> bool {
    path.split('/').any(|part| part == segment)
}

/// The answer to a tool call: at once, after a release, or a refusal.
async fn called(
    message: &Value,
    number: usize,
    target: &Target,
    mut behaviours: watch::Receiver<BTreeMap<Target, Behaviour>>,
) -> Response<Full<Bytes>> {
    // The host chooses the path of the Apps server.
    let key = match target {
        (Origin::Apps, _) => (Origin::Apps, String::new()),
        other => other.clone(),
    };
    let of_this = |all: &BTreeMap<Target, Behaviour>| all.get(&key).copied().unwrap_or_default();
    let is_free = |all: &BTreeMap<Target, Behaviour>| of_this(all) != Behaviour::Hold;
    let behaviour = match behaviours.wait_for(is_free).await {
        Ok(all) => of_this(&all),
        // The sequence is over.
        Err(_) => Behaviour::Refuse,
    };
    if behaviour == Behaviour::Refuse {
        return status(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let id = message.get("id");
    let result = json!({"content": [{"type": "text", "text": format!("{ANSWERS}{number}")}], "isError": false});
    json_body(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn json_body(body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
