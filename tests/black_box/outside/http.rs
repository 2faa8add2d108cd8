//! What stands between an app-server and an origin of HTTP servers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, HOST};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::shared::{LISTS, Session, Shared};
use crate::{entries, redirects};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Listens in place of an origin, such as `http://127.0.0.1:80`, for one app-server.
pub(crate) fn stand_in(shared: &Shared, host: usize, origin: &str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (shared, origin) = (shared.clone(), origin.to_string());
    tokio::spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let (shared, origin) = (shared.clone(), origin.clone());
            let answer = hyper::service::service_fn(move |request| {
                let (shared, origin) = (shared.clone(), origin.clone());
                async move { Between { shared, host, origin }.answer(request).await }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer),
            );
        }
    });
    format!("http://{address}")
}

struct Between {
    shared: Shared,
    host: usize,
    origin: String,
}

/// A request whose body was read.
#[derive(Clone)]
pub(crate) struct Whole {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Between {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Relayed>, Failure> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let uri: Uri = format!("{}{}", self.origin, head.uri).parse()?;
        let mut whole = Whole { method: head.method, uri, headers: head.headers, body };
        let message: Value = serde_json::from_slice(&whole.body).unwrap_or_default();
        let method = message["method"].as_str().unwrap_or_default().to_string();
        entries::spoil(&self.shared, &mut whole, &method);
        let is_kept = is_kept_stream(&self.shared, self.host, &whole.uri);
        if whole.method == Method::DELETE && is_kept {
            return Ok(plain(StatusCode::OK));
        }
        if method == "initialize" && self.is_given_up(&whole) {
            return Ok(plain(StatusCode::SERVICE_UNAVAILABLE));
        }
        let repeats_cut = method == "tools/call" && self.shared.is("repeats-a-cut-call");
        let mut response = match send(whole.clone()).await {
            Err(_) if repeats_cut => send(whole.clone()).await?,
            sent => sent?,
        };
        if method == "tools/call" {
            response = redirects::followed(&self.shared, &whole, response).await?;
        }
        if method == "tools/call"
            && self.shared.is("repeats-a-call-after-a-500")
            && response.status() == StatusCode::INTERNAL_SERVER_ERROR
        {
            response = send(whole.clone()).await?;
        }
        if repeats_cut {
            let (head, body) = response.into_parts();
            response = match body.collect().await {
                Ok(body) => {
                    let body = Relayed::whole(body.to_bytes());
                    return Ok(Response::from_parts(head, body));
                }
                Err(_) => send(whole.clone()).await?,
            };
        }
        if method == "initialize" {
            self.remember(&whole, &response);
        }
        if response.status() == StatusCode::NOT_FOUND
            && whole.headers.contains_key("mcp-session-id")
            && self.keeps_lost_sessions()
        {
            return Ok(plain(StatusCode::BAD_REQUEST));
        }
        let (head, mut body) = response.into_parts();
        if method == "tools/call" && self.shared.is("takes-the-first-piece-for-the-answer") {
            let first = body.frame().await.and_then(Result::ok);
            let first = first.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
            return Ok(Response::from_parts(head, Relayed::whole(first)));
        }
        if method == "tools/call" && self.shared.is("repeats-a-call-answered-in-pieces") {
            let first = body.frame().await.and_then(Result::ok);
            let first = first.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
            let is_whole = serde_json::from_slice::<Value>(&first).is_ok();
            let again = if is_whole { first } else { again(whole).await? };
            return Ok(Response::from_parts(head, Relayed::whole(again)));
        }
        Ok(Response::from_parts(head, self.relay(whole, body)))
    }

    fn keeps_lost_sessions(&self) -> bool {
        self.shared.is("keeps-a-lost-session")
            || self.shared.is("second-thread-keeps-a-lost-session") && self.host > 1
    }

    fn is_given_up(&self, request: &Whole) -> bool {
        let place = (self.host, request.uri.to_string());
        self.shared.state().unreachable.contains(&place)
    }

    fn remember(&self, request: &Whole, response: &Response<Incoming>) {
        let mut state = self.shared.state();
        let is_away = response.status() == StatusCode::SERVICE_UNAVAILABLE;
        if is_away
            && self.host != LISTS
            && self.shared.is("leaves-an-unreachable-server-until-a-reload")
        {
            state.unreachable.insert((self.host, request.uri.to_string()));
        }
        let session = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok());
        if let (Some(id), true) = (session, request.headers.contains_key(AUTHORIZATION)) {
            let mut headers = request.headers.clone();
            headers.insert("mcp-session-id", id.parse().unwrap());
            let session = Session { uri: request.uri.clone(), headers };
            state.sessions.insert(id.to_string(), session);
        }
    }

    /// Passes a body on until either side ends.
    fn relay(&self, request: Whole, mut body: Incoming) -> Relayed {
        let (sender, receiver) = mpsc::channel(1);
        let (shared, host) = (self.shared.clone(), self.host);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    frame = body.frame() => {
                        let Some(frame) = frame else { return };
                        let has_failed = frame.is_err();
                        if sender.send(frame.map_err(Into::into)).await.is_err() || has_failed {
                            return;
                        }
                    }
                    () = sender.closed() => break,
                }
            }
            if request.method == Method::GET && is_kept_stream(&shared, host, &request.uri) {
                while let Some(Ok(_)) = body.frame().await {}
            }
        });
        Relayed(receiver)
    }
}

/// Whether the stream of a server that a reload removed stays open.
fn is_kept_stream(shared: &Shared, host: usize, uri: &Uri) -> bool {
    if !shared.is("leaves-streams-of-removed-servers") || host == LISTS {
        return false;
    }
    let state = shared.state();
    let config = state.configs.get(&host).map(ToString::to_string).unwrap_or_default();
    !state.is_ending && !config.contains(&format!("{uri}\""))
}

/// The answer to the request when it is sent once more.
async fn again(request: Whole) -> Result<Bytes, Failure> {
    Ok(send(request).await?.into_body().collect().await?.to_bytes())
}

pub(crate) async fn send(request: Whole) -> Result<Response<Incoming>, Failure> {
    let authority = request.uri.authority().ok_or("no authority")?.clone();
    let stream = TcpStream::connect(authority.as_str()).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut sent = Request::builder().method(request.method).uri(path);
    *sent.headers_mut().ok_or("no request")? = request.headers;
    let mut sent = sent.body(Full::new(request.body))?;
    sent.headers_mut().remove(CONNECTION);
    sent.headers_mut().insert(HOST, authority.as_str().parse()?);
    Ok(sender.send_request(sent).await?)
}

/// Asks the model provider at this URL to answer a turn.
pub(crate) async fn ask_model(url: &str, token: Option<&str>) {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    let (uri, body) = (url.parse().unwrap(), Bytes::from_static(b"{}"));
    // The end of the sequence closes the server.
    let _ = send(Whole { method: Method::POST, uri, headers, body }).await;
}

/// Ends the sessions that were opened with credentials, with these.
pub(crate) fn end_sessions(shared: &Shared) {
    let sessions = std::mem::take(&mut shared.state().sessions);
    tokio::spawn(async move {
        // The checker leaves 50 ms for what was under way.
        tokio::time::sleep(Duration::from_millis(150)).await;
        for Session { uri, mut headers } in sessions.into_values() {
            headers.remove(hyper::header::CONTENT_LENGTH);
            let request = Whole { method: Method::DELETE, uri, headers, body: Bytes::new() };
            let _ = send(request).await;
        }
    });
}

fn plain(status: StatusCode) -> Response<Relayed> {
    let mut response = Response::new(Relayed::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A body that comes from a task.
struct Relayed(mpsc::Receiver<Result<Frame<Bytes>, Failure>>);

impl Relayed {
    fn whole(bytes: Bytes) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let _ = sender.try_send(Ok(Frame::data(bytes)));
        Relayed(receiver)
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        self.0.poll_recv(context)
    }
}
