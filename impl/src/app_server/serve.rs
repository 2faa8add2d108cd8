//! The loop over the client's lines, and the shutdown.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ingress::{Line, MAX_LINE_BYTES, next_line};
use super::methods::admit;
use super::options::AppServerOptions;
use super::outgoing::Client;
use super::server::AppServer;
use super::warnings;
use super::watch;
use super::wire::{Incoming, Reply, RequestId, RpcError};
use super::work::Work;
use crate::extension::BoxFuture;

/// A request takes a place for every so many bytes of its line, which bounds the memory of many and
/// of large requests.
const PLACE_BYTES: usize = 4096;

/// How many refusals of requests without a place may wait for the client to read.
const REFUSALS: usize = 256;

/// How long reading waits for a client that does not read responses.
const PATIENCE: Duration = Duration::from_secs(5);

/// The timeouts after the end of input: for pending requests, for writing the last responses, and for
/// closing connections. Together less than 2 seconds.
const LAST_REQUESTS: Duration = Duration::from_millis(600);
const LAST_RESPONSES: Duration = Duration::from_millis(150);
const LAST_CONNECTIONS: Duration = Duration::from_millis(800);

/// Serves the client that writes `input` and reads `output` until its input ends or `stop` is
/// cancelled. Then pending requests get a short time to finish, the others fail, and all connections
/// are closed. This takes less than 2 seconds.
///
/// Needs a Tokio runtime with time and I/O.
///
/// # Errors
/// The input cannot be read.
pub fn serve<'a>(
    options: AppServerOptions,
    input: impl AsyncBufRead + Unpin + Send + 'a,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: CancellationToken,
) -> BoxFuture<'a, std::io::Result<()>> {
    Box::pin(serve_boxed(options, Box::new(input), Box::new(output), stop))
}

async fn serve_boxed(
    options: AppServerOptions,
    mut input: Box<dyn AsyncBufRead + Unpin + Send + '_>,
    output: Box<dyn AsyncWrite + Unpin + Send>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let (client, write) = Client::new(output);
    let mut writing = tokio::spawn(write);
    let (warn, warned) = warnings::writer(std::io::stderr());
    let places = options.places.min(Semaphore::MAX_PERMITS);
    let server = Arc::new(AppServer::new(options, client.clone(), warn));
    server.tasks.spawn(watch::sign_in(Arc::clone(&server)));
    let ingress = Ingress {
        server: Arc::clone(&server),
        client,
        places: Arc::new(Semaphore::new(places)),
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        stuck: AtomicBool::new(false),
        requests: TaskTracker::new(),
        give_up: CancellationToken::new(),
    };
    let read = loop {
        let line = tokio::select! {
            line = next_line(&mut input, MAX_LINE_BYTES) => line,
            // The client closed its end.
            _ = &mut writing => break Ok(()),
            () = stop.cancelled() => break Ok(()),
        };
        match line {
            Ok(Line::End) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Line::TooLong) => {
                let message = format!("the line is longer than {MAX_LINE_BYTES} bytes");
                ingress.refuse(None, RpcError::invalid_request(message)).await;
            }
            // Not cancelled: a line that was read is always processed.
            Ok(Line::Whole(line)) => ingress.take(&line).await,
        }
    };
    ingress.finish().await;
    // The writer ends when the last sender is dropped.
    server.close();
    let _ = timeout(LAST_CONNECTIONS, server.tasks.wait()).await;
    drop((ingress, server));
    let _ = timeout(LAST_RESPONSES, async {
        if !writing.is_finished() {
            let _ = writing.await;
        }
        let _ = warned.await;
    })
    .await;
    read
}

struct Ingress {
    server: Arc<AppServer>,
    client: Client,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    /// Whether the client did not read refusals in time.
    stuck: AtomicBool,
    requests: TaskTracker,
    /// Cancelled at the timeout of pending requests.
    give_up: CancellationToken,
}

impl Ingress {
    /// Processes one line. Waits only for effects that must happen before the next line is read.
    async fn take(&self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match Incoming::parse(line) {
            Incoming::Request { id, method, params } => {
                self.request(line.len(), id, &method, params).await;
            }
            Incoming::Notification { .. } | Incoming::Response => {}
            Incoming::Invalid { id, error } => self.refuse(id, error).await,
        }
    }

    async fn request(&self, bytes: usize, id: RequestId, method: &str, params: Value) {
        let places = u32::try_from(1 + bytes / PLACE_BYTES).unwrap_or(u32::MAX);
        let place = match Arc::clone(&self.places).try_acquire_many_owned(places) {
            Ok(place) => place,
            Err(_) => return self.refuse(Some(id), RpcError::overloaded()).await,
        };
        // After a panic the client still gets a response.
        let work = AssertUnwindSafe(admit(&self.server, method, params)).catch_unwind().await;
        let work = work.unwrap_or_else(|_| Work::done(Err(internal_error())));
        let calls = Arc::clone(&self.server.calls);
        let (client, give_up) = (self.client.clone(), self.give_up.clone());
        let responded =
            self.requests.spawn(work_and_respond(work, id, place, calls, client, give_up));
        // Other responses are sent as they are ready; a client expects none before this one.
        if method == "initialize" {
            let _ = timeout(PATIENCE, responded).await;
        }
    }

    /// Refuses a request without a place. When many refusals wait, reading waits too, but for a
    /// bounded time, so that the end of input is noticed. Requests of a client that does not read
    /// are then dropped.
    async fn refuse(&self, id: Option<RequestId>, error: RpcError) {
        let place = Arc::clone(&self.refusals);
        let place = if self.stuck.load(Ordering::Relaxed) {
            place.try_acquire_owned().ok()
        } else {
            timeout(PATIENCE, place.acquire_owned()).await.ok().and_then(Result::ok)
        };
        self.stuck.store(place.is_none(), Ordering::Relaxed);
        let Some(place) = place else { return };
        let client = self.client.clone();
        self.requests.spawn(async move {
            client.respond(id.as_ref(), Err(error), Some(place)).await;
        });
    }

    /// Waits for the requests, then fails those that did not finish.
    async fn finish(&self) {
        self.requests.close();
        if timeout(LAST_REQUESTS, self.requests.wait()).await.is_err() {
            self.give_up.cancel();
            let _ = timeout(LAST_RESPONSES, self.requests.wait()).await;
        }
    }
}

fn internal_error() -> RpcError {
    RpcError::internal("internal error of the host; please report it")
}

/// Does the work of a request and responds, with an error after the timeout.
async fn work_and_respond(
    work: Work,
    id: RequestId,
    place: OwnedSemaphorePermit,
    calls: Arc<Semaphore>,
    client: Client,
    give_up: CancellationToken,
) {
    let Work { outcome, after, large } = work;
    let outcome = async {
        // Held until the response is written.
        let call = if large { calls.acquire().await.ok() } else { None };
        let outcome = AssertUnwindSafe(outcome).catch_unwind().await;
        (outcome.unwrap_or_else(|_| Err(internal_error())), call)
    };
    let gave_up = || (Err(RpcError::internal("the host is shutting down")), None);
    let (outcome, call): (Result<Reply, RpcError>, _) =
        give_up.run_until_cancelled(outcome).await.unwrap_or_else(gave_up);
    let succeeded = outcome.is_ok();
    client.respond(Some(&id), outcome, Some(place)).await;
    drop(call);
    if let Some(after) = after.filter(|_| succeeded) {
        after.await;
    }
}
