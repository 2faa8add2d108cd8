//! An app-server whose client calls methods instead of writing lines: the same methods, the same
//! order of effects, no streams.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use super::methods::admit;
use super::options::AppServerOptions;
use super::outgoing::Client;
use super::server::{AppServer, Ready};
use super::watch;
use super::wire::{Reply, RpcError};
use crate::host::{Connector, Host};
use crate::oauth::OAuth;

/// The parts of a [`DirectAppServer`].
pub struct DirectParts {
    /// The options. The mode says whether a reload has params, and has no other effect.
    pub options: AppServerOptions,
    /// The host.
    pub host: Host,
    /// The OAuth logins.
    pub oauth: OAuth,
    /// Reaches the servers.
    pub connector: Arc<dyn Connector>,
    /// The notifications that the client does not want.
    pub opt_out: BTreeSet<String>,
}

/// An initialized app-server without streams. Needs a Tokio runtime with time, which may be paused.
pub struct DirectAppServer {
    server: Arc<AppServer>,
    writing: JoinHandle<()>,
    /// Cancelled to fail the requests that are pending.
    give_up: CancellationToken,
}

/// A request that was accepted. Dropping it does not cancel the request.
pub struct Accepted(JoinHandle<Result<Reply, RpcError>>);

/// An error response: the code of JSON-RPC, and the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code.
    pub code: i64,
    /// The message.
    pub message: String,
}

/// A request ended without a response: the host panicked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Panicked(String);

impl DirectAppServer {
    /// Starts it.
    #[must_use]
    pub fn start(parts: DirectParts) -> Self {
        let DirectParts { options, host, oauth, connector, opt_out } = parts;
        let (client, write) = Client::new(tokio::io::sink());
        client.opt_out(opt_out);
        let writing = tokio::spawn(write);
        let environment = options.environment.clone();
        let ready = Ready { host, oauth, environment, connector };
        let server = Arc::new(AppServer::started(options, client, ready));
        server.tasks.spawn(watch::sign_in(Arc::clone(&server)));
        Self { server, writing, give_up: CancellationToken::new() }
    }

    /// Accepts a request. What later requests must see of it has happened when this returns.
    pub async fn send(&self, method: &str, params: Value) -> Accepted {
        let work = admit(&self.server, method, params).await;
        let (calls, give_up) = (Arc::clone(&self.server.calls), self.give_up.clone());
        Accepted(tokio::spawn(async move {
            let after = work.after;
            let call = if work.large { calls.acquire().await.ok() } else { None };
            let gave_up = || Err(RpcError::internal("the host is shutting down"));
            let outcome = give_up.run_until_cancelled(work.outcome).await;
            let outcome = outcome.unwrap_or_else(gave_up);
            drop(call);
            if let Some(after) = after.filter(|_| outcome.is_ok()) {
                tokio::spawn(after);
            }
            outcome
        }))
    }

    /// Ends it: fails the pending requests, closes all connections, and waits for them.
    pub async fn finish(self) {
        self.give_up.cancel();
        self.server.close();
        self.server.tasks.wait().await;
        drop(self.server);
        self.writing.abort();
    }
}

impl Accepted {
    /// Whether there is a response.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the response.
    ///
    /// # Errors
    /// The host panicked.
    pub async fn response(&mut self) -> Result<Result<Value, Refused>, Panicked> {
        match (&mut self.0).await {
            Ok(Ok(Reply::Now(value))) => Ok(Ok(value)),
            Ok(Ok(Reply::Later(make))) => Ok(Ok(make())),
            Ok(Err(RpcError { code, message })) => Ok(Err(Refused { code, message })),
            Err(error) => Err(Panicked(words(error))),
        }
    }
}

fn words(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "was cancelled".to_owned() };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
