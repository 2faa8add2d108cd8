//! The servers of a sequence, in memory: they record every request, and answer, hold or refuse tool
//! calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_overlay_model::CODEX_APPS;
use mcp_overlay_model::lifecycle::{BASE, Behaviour};
use tokio::sync::watch;

/// The result of a tool begins with this, and ends with the number of its request.
const ANSWERS: &str = "the answer to request ";

/// A request of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The step during which it arrived, from 0.
    pub step: u32,
    /// The URL of the server.
    pub url: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `ChatGPT-Account-ID` header.
    pub account: Option<String>,
    /// Whether it is a tool call.
    pub is_call: bool,
    /// The argument `call` of a tool call: the player numbers its calls.
    pub call: Option<u64>,
}

/// All servers. Clones share them.
#[derive(Clone, Debug)]
pub struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Counts the changes of `state`, for those who wait for one.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    step: u32,
    received: Vec<Received>,
    behaviours: BTreeMap<String, Behaviour>,
}

/// A server refused a request, with this HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub u16);

impl Default for World {
    fn default() -> Self {
        World(Arc::new(Inner { state: Mutex::default(), changes: watch::Sender::new(0) }))
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// Waits for changes from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Requests from now on arrive during this step.
    pub(super) fn begin(&self, step: u32) {
        self.state().step = step;
    }

    /// A server, by its URL or `codex_apps`, behaves like this from now on.
    pub(super) fn behave(&self, server: &str, behaviour: Behaviour) {
        self.state().behaviours.insert(server.into(), behaviour);
        self.changed();
    }

    /// How the server at this URL behaves.
    #[must_use]
    pub fn behaviour(&self, url: &str) -> Behaviour {
        // The path of the Apps server is the host's choice, so it goes by its name.
        let server = if url.starts_with(BASE) { CODEX_APPS } else { url };
        self.state().behaviours.get(server).copied().unwrap_or_default()
    }

    /// The number of requests so far.
    pub(super) fn count(&self) -> usize {
        self.state().received.len()
    }

    /// The first tool call from the request of this number on, with its number.
    pub(super) fn call_since(&self, first: usize) -> Option<(usize, Received)> {
        let state = self.state();
        let mut later = state.received.iter().enumerate().skip(first);
        later.find(|(_, received)| received.is_call).map(|(number, got)| (number, got.clone()))
    }

    /// The request of this number.
    pub(super) fn received(&self, number: usize) -> Option<Received> {
        self.state().received.get(number).cloned()
    }

    /// All requests, at the end.
    pub(super) fn take_all(&self) -> Vec<Received> {
        std::mem::take(&mut self.state().received)
    }

    /// A request arrives; returns its number.
    fn receive(&self, url: &str, headers: Headers<'_>, is_call: bool, call: Option<u64>) -> usize {
        let (authorization, account) = headers;
        let mut state = self.state();
        let step = state.step;
        let (authorization, account) =
            (authorization.map(str::to_string), account.map(str::to_string));
        let url = url.into();
        state.received.push(Received { step, url, authorization, account, is_call, call });
        state.received.len() - 1
    }

    /// A request other than a tool call arrives. Every server answers it, with a text if it has to.
    pub fn other_request(&self, url: &str, headers: Headers<'_>) -> String {
        format!("{ANSWERS}{}", self.receive(url, headers, false, None))
    }

    /// A tool call arrives, and is answered with a text, now or after a release.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn tool_call(
        &self,
        url: &str,
        headers: Headers<'_>,
        call: Option<u64>,
    ) -> Result<String, Refusal> {
        let number = self.receive(url, headers, true, call);
        let mut changes = self.changes();
        self.changed();
        loop {
            match self.behaviour(url) {
                Behaviour::Hold => {}
                Behaviour::Unauthorized => return Err(Refusal(401)),
                Behaviour::Forbidden => return Err(Refusal(403)),
                Behaviour::TooMany => return Err(Refusal(429)),
                behaviour if behaviour.fails_calls() => return Err(Refusal(500)),
                _ => return Ok(format!("{ANSWERS}{number}")),
            }
            // The sender lives as long as this.
            let _ = changes.changed().await;
        }
    }
}

/// The values of `Authorization` and of `ChatGPT-Account-ID`.
pub type Headers<'a> = (Option<&'a str>, Option<&'a str>);

/// The number of the request that a text answers.
pub(super) fn number_in(text: &str) -> Option<usize> {
    text.strip_prefix(ANSWERS)?.parse().ok()
}
