//! The HTTP servers of sequences.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mcp_overlay_model::lifecycle::Behaviour;
use serde_json::Value;
use tokio::net::TcpListener;

use super::answer::{Answer, Events, half, in_pieces, json_body, json_text, redirect, status};
use super::model_provider::{MODEL, is_of_turn, response};
use super::oauth;
use super::shared::{
    Got, OUTSIDE_OF_AUTHORIZATION, Origin, Received, Shared, Taken, Target, number_of_call,
    released, result, starts,
};
use super::target::MARK;
use crate::black_box::account_id;
use crate::black_box::home::HOST_BEARER;
use crate::black_box::test_servers::is_for_backend;
use crate::subject::process::secrets::holds;

/// The longest body to read, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

const SESSION: &str = "mcp-session-id";

pub(super) async fn listen(origin: Origin, shared: Arc<Shared>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            // A small answer is not to wait for more of it.
            let _ = stream.set_nodelay(true);
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let service =
                    service_fn(move |request| answer(origin, request, Arc::clone(&shared)));
                // A connection that the host cuts is no error of ours.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

/// A request, without its body.
struct Head {
    at: Instant,
    method: Method,
    mark: String,
    target: Target,
    authorization: Option<String>,
    /// The id of an account, wherever it is.
    account: Option<String>,
    session: Option<u64>,
    /// All headers but that one.
    headers: BTreeMap<String, String>,
    /// The address that the host connected to.
    host: String,
}

impl Head {
    /// The record of a request that no server takes for a call or a read.
    fn no_use(&self) -> Received {
        Received {
            at: self.at,
            target: self.target.clone(),
            authorization: self.authorization.clone(),
            account: self.account.clone(),
            is_call: false,
            call: None,
            connection: None,
            got: None,
        }
    }
}

async fn answer(
    origin: Origin,
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Answer>, Infallible> {
    let at = Instant::now();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_string();
    let others = request.headers().iter().filter(|(name, _)| *name != AUTHORIZATION);
    let others = others.map(|(_, value)| value.as_bytes()).chain([path.as_bytes()]);
    let others: Vec<&[u8]> = others.collect();
    let metadata = oauth::of_metadata(&path);
    let of = metadata.map_or(path.as_str(), |(of, _)| of);
    let split = of.strip_prefix('/').and_then(|path| path.split_at_checked(MARK));
    let mark = split.map_or("", |(mark, _)| mark);
    if others.iter().any(|text| holds(text, HOST_BEARER)) {
        shared.stray(mark, OUTSIDE_OF_AUTHORIZATION);
    }
    let (method, uri) = (request.method().as_str(), request.uri());
    let is_backend = origin == Origin::Apps && is_for_backend(method, uri.path(), uri.query());
    let is_known = |rest: &str| match rest.starts_with(MODEL) {
        true => is_of_turn(request.method(), rest),
        false => !is_backend,
    };
    let Some((mark, rest)) = split.filter(|(_, rest)| is_known(rest)) else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    let lossy = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let all = request.headers().iter().filter(|(name, _)| *name != AUTHORIZATION);
    let headers = all.map(|(name, value)| (name.as_str().to_string(), lossy(value))).collect();
    let header = |name: &str| Some(lossy(request.headers().get(name)?));
    let mut head = Head {
        at,
        method: request.method().clone(),
        mark: mark.into(),
        target: (origin, rest.into()),
        authorization: header("authorization"),
        account: header(account_id::HEADER).or_else(|| account_id::found(others)),
        session: header(SESSION).map(|session| session.parse().unwrap_or_default()),
        headers,
        host,
    };
    let body = Limited::new(request.into_body(), LONGEST_BODY).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    if holds(&body, HOST_BEARER) {
        shared.stray(mark, OUTSIDE_OF_AUTHORIZATION);
    }
    head.account = head.account.or_else(|| account_id::found([&*body]));
    if let Some((_, is_resource)) = metadata {
        let Head { mark, target, host, .. } = &head;
        shared.record(mark, head.no_use());
        let found = oauth::metadata((mark, target), is_resource, host, &shared);
        return Ok(found.unwrap_or_else(|| status(StatusCode::NOT_FOUND)));
    }
    if let Some(target) = shared.token_endpoint(&head.mark, &head.target) {
        shared.record(&head.mark, head.no_use());
        return Ok(oauth::refreshed(&body, &head.mark, &target, at, &shared).await);
    }
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(respond(head, &message, &shared).await)
}

async fn respond(head: Head, message: &Value, shared: &Arc<Shared>) -> Response<Answer> {
    let Head { at, method, mark, target, authorization, account, session, headers, host } = head;
    let Some(behaviour) = shared.behaviour(&mark, &target) else {
        return status(StatusCode::NOT_FOUND);
    };
    let is_down = behaviour == Behaviour::Down;
    let is_lost = session.is_some_and(|session| !shared.knows(&mark, session));
    let is_metadata = target.1.split('/').any(|part| part == ".well-known");
    let is_refused = !is_metadata && !shared.accepts(&mark, &target, authorization.as_deref());
    let is_call = message.get("method").and_then(Value::as_str) == Some("tools/call");
    let is_elsewhere = target.0 == Origin::Elsewhere;
    let is_taken = !is_down && !is_lost && !is_refused && !is_elsewhere;
    let received = Received {
        at,
        target: target.clone(),
        authorization,
        account,
        is_call: is_call && is_taken,
        call: number_of_call(message).filter(|_| is_taken),
        connection: session,
        got: what(&method, message, session)
            .filter(|_| !is_metadata && !is_elsewhere)
            .map(|what| Arc::new(Got { what, headers, ..Got::default() })),
    };
    let Some(taken) = shared.record(&mark, received) else {
        return status(StatusCode::SERVICE_UNAVAILABLE);
    };
    if target.1.starts_with(MODEL) {
        return response();
    }
    if is_down {
        return status(StatusCode::SERVICE_UNAVAILABLE);
    }
    if is_elsewhere {
        return status(StatusCode::INTERNAL_SERVER_ERROR);
    }
    if is_refused {
        return oauth::unauthorized(&host, &mark, &target);
    }
    match method {
        Method::POST | Method::GET if is_lost => status(StatusCode::NOT_FOUND),
        Method::POST if is_call => called(message, taken, &target, (shared, &mark)).await,
        Method::POST if message.get("jsonrpc").is_some() => {
            let Some(answer) = shared.answer(&mark, &target, message, taken.number) else {
                return status(StatusCode::ACCEPTED);
            };
            let mut response = json_body(&answer);
            let is_handshake = message.get("method").and_then(Value::as_str) == Some("initialize");
            if is_handshake {
                starts(&target, taken.behaviours).await;
            }
            if is_handshake && let Some(session) = shared.session(&mark, &target) {
                response.headers_mut().insert(SESSION, HeaderValue::from(session));
            }
            response
        }
        Method::DELETE => {
            session.into_iter().for_each(|session| shared.forget(&mark, session));
            status(StatusCode::OK)
        }
        Method::GET if target.0 == Origin::Apps || is_metadata => status(StatusCode::NOT_FOUND),
        Method::GET if session.is_some() => stream(&mark, &target, session, shared),
        _ => status(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// What an MCP request is; `None` if it is another one.
fn what(method: &Method, message: &Value, session: Option<u64>) -> Option<String> {
    if *method == Method::POST && message.get("jsonrpc").is_some() {
        // Another one is the host's own text.
        let method = message.get("method").and_then(Value::as_str);
        let known = METHODS.iter().find(|known| Some(**known) == method);
        return Some((*known.unwrap_or(&"POST")).into());
    }
    let is_of_session = [Method::GET, Method::DELETE].contains(method) && session.is_some();
    is_of_session.then(|| method.as_str().into())
}

/// The methods of MCP that hosts send.
const METHODS: [&str; 10] = [
    "initialize",
    "notifications/initialized",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "prompts/list",
    "notifications/cancelled",
];

/// The answer to a tool call: at once, after a release, or a failure.
async fn called(
    message: &Value,
    taken: Taken,
    target: &Target,
    (shared, mark): (&Shared, &str),
) -> Response<Answer> {
    let result = result(message, taken.number);
    match released(target, taken.behaviours).await {
        Behaviour::Unauthorized => status(StatusCode::UNAUTHORIZED),
        Behaviour::Forbidden => status(StatusCode::FORBIDDEN),
        Behaviour::TooMany => status(StatusCode::TOO_MANY_REQUESTS),
        Behaviour::Redirect => match shared.elsewhere.get() {
            Some(address) => redirect(&format!("http://{address}/{mark}/mcp")),
            None => status(StatusCode::INTERNAL_SERVER_ERROR),
        },
        Behaviour::Slow => in_pieces(&result),
        Behaviour::BadJson => json_text(half(&result)),
        Behaviour::Cut => {
            let mut response = json_text(String::new());
            *response.body_mut() = Answer::Cut(Some(half(&result).into()));
            response
        }
        behaviour if behaviour.fails_calls() => status(StatusCode::INTERNAL_SERVER_ERROR),
        _ => json_body(&result),
    }
}

/// A stream of the messages that a server sends by itself.
fn stream(
    mark: &str,
    target: &Target,
    session: Option<u64>,
    shared: &Arc<Shared>,
) -> Response<Answer> {
    let Some((number, messages)) = shared.open(mark, target, session, None) else {
        return status(StatusCode::SERVICE_UNAVAILABLE);
    };
    let shared = Arc::clone(shared);
    let events = Events { messages, mark: mark.into(), number, shared };
    let mut response = Response::new(Answer::Events(events));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
