//! The servers of sequences. `http.rs` and `processes.rs` answer, `shared.rs` has what they know.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mcp_overlay_model::lifecycle::{Behaviour, Tokens};

use super::asked::Asked;
use super::grants::{Again, Grants, Kept, Pair, Renewal};
use super::shared::{Open, Origin, Playing, Received, Shared, Target, lock};
use super::{http, processes};
use crate::subject::process::secrets::Issued;

const TOOLS_CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// All servers, for all sequences of a run.
#[derive(Debug)]
pub(in crate::black_box) struct Servers {
    pub(in crate::black_box) apps: SocketAddr,
    pub(in crate::black_box) servers: SocketAddr,
    /// Where the processes of stdio servers connect to.
    pub(in crate::black_box) processes: SocketAddr,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

impl Servers {
    /// Starts all on loopback.
    ///
    /// # Errors
    /// No port, or no thread.
    pub(in crate::black_box) fn start() -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let shared = Arc::<Shared>::default();
        let listen = |origin| runtime.block_on(http::listen(origin, Arc::clone(&shared)));
        let (apps, servers) = (listen(Origin::Apps)?, listen(Origin::Servers)?);
        let elsewhere = listen(Origin::Elsewhere)?;
        // It is set only here.
        let _ = shared.elsewhere.set(elsewhere);
        let processes = runtime.block_on(processes::listen(Arc::clone(&shared)))?;
        Ok(Servers { apps, servers, processes, shared, _runtime: runtime })
    }

    /// Removes and returns the descriptions of secrets in wrong places: of the sequence with this mark,
    /// and of those that are not played any more.
    pub(super) fn take_strays(&self, mark: &str) -> Vec<String> {
        let playing = lock(&self.shared.playing);
        let is_of_another = |of: &str| of != mark && playing.contains_key(of);
        let mut strays = lock(&self.shared.strays);
        let all = std::mem::take(&mut *strays).into_iter();
        let (others, taken): (Vec<_>, Vec<_>) = all.partition(|(of, _)| is_of_another(of));
        *strays = others;
        taken.into_iter().map(|(_, what)| what).collect()
    }

    /// Starts recording the requests of the sequence with this mark.
    pub(super) fn begin(&self, mark: &str) {
        lock(&self.shared.playing).insert(mark.into(), Playing::default());
    }

    /// The requests so far.
    pub(super) fn received(&self, mark: &str) -> Vec<Received> {
        let playing = lock(&self.shared.playing);
        playing.get(mark).map(|playing| playing.received.clone()).unwrap_or_default()
    }

    /// How many requests there are so far.
    pub(super) fn requests(&self, mark: &str) -> usize {
        lock(&self.shared.playing).get(mark).map_or(0, |playing| playing.received.len())
    }

    /// The first request after so many that is this call or read, and its number.
    pub(super) fn of_call(&self, mark: &str, call: u64, after: usize) -> Option<(usize, Received)> {
        let playing = lock(&self.shared.playing);
        let mut received = playing.get(mark)?.received.iter().enumerate().skip(after);
        let found = received.find(|(_, received)| received.call == Some(call));
        found.map(|(number, received)| (number, received.clone()))
    }

    pub(super) fn behave(&self, mark: &str, target: &Target, behaviour: Behaviour) {
        let mut all = lock(&self.shared.playing);
        let Some(playing) = all.get_mut(mark) else { return };
        match behaviour {
            Behaviour::Forget => {
                playing.sessions.retain(|_, of| of != target);
                playing.open.retain(|_, open| open.target != *target || open.session.is_none());
            }
            Behaviour::NewTools => {
                playing.new_tools.insert(target.clone());
                for open in playing.open.values().filter(|open| open.target == *target) {
                    let message = match open.process {
                        Some(_) => format!("{TOOLS_CHANGED}\n"),
                        None => format!("data: {TOOLS_CHANGED}\n\n"),
                    };
                    // A connection that has just ended needs no message.
                    let _ = open.messages.send(message.into());
                }
            }
            Behaviour::Down => {
                // Its processes end, and so does every one that starts.
                playing.open.retain(|_, open| open.target != *target || open.process.is_none());
            }
            _ => {}
        }
        let behaviour = match behaviour {
            Behaviour::Forget | Behaviour::NewTools => Behaviour::Well,
            other => other,
        };
        playing.behaviours.send_modify(|all| {
            all.insert(target.clone(), behaviour);
        });
    }

    fn grants<T: Default>(&self, mark: &str, take: impl FnOnce(&mut Grants) -> T) -> T {
        let mut all = lock(&self.shared.playing);
        all.get_mut(mark).map(|playing| take(&mut playing.grants)).unwrap_or_default()
    }

    /// The tokens of all logins of a sequence, as they come to be.
    pub(super) fn issued(&self, mark: &str) -> Arc<Issued> {
        self.grants(mark, |grants| grants.issued())
    }

    /// The tokens of a new login.
    pub(super) fn log_in(&self, mark: &str, target: &Target) -> Pair {
        self.grants(mark, |grants| grants.log_in(target))
    }

    pub(super) fn is_guarded(&self, mark: &str, target: &Target) -> bool {
        self.grants(mark, |grants| grants.is_guarded(target))
    }

    pub(super) fn expire(&self, mark: &str, target: &Target) {
        self.grants(mark, |grants| grants.expire(target));
    }

    pub(super) fn tokens_behave(&self, mark: &str, target: &Target, behaviour: Tokens) {
        self.grants(mark, |grants| grants.behave(target, behaviour));
    }

    pub(super) fn holds_refresh(&self, mark: &str, target: &Target) -> bool {
        self.grants(mark, |grants| grants.holds_refresh(target))
    }

    /// The number of the pair with this refresh token, and its server.
    pub(super) fn numbered(&self, mark: &str, refresh: &str) -> Option<((usize, usize), Target)> {
        self.grants(mark, |grants| grants.numbered(refresh))
    }

    /// Whether no refresh token of this login was ever sent, and nobody ended it.
    pub(super) fn is_untouched(&self, mark: &str, login: usize) -> bool {
        self.grants(mark, |grants| grants.is_untouched(login))
    }

    /// All refreshes that were answered with new tokens.
    pub(super) fn renewals(&self, mark: &str) -> Vec<Renewal> {
        self.grants(mark, |grants| grants.renewals())
    }

    /// What a server knows of tokens that are stored.
    pub(super) fn stored(&self, mark: &str, target: &Target, stored: &Pair) -> Kept {
        let received = self.received(mark);
        let sent = received.iter().filter_map(|received| received.authorization.as_deref());
        let sent: Vec<&str> = sent.collect();
        self.grants(mark, |grants| grants.stored(target, stored, &sent))
    }

    /// The client has an answer to this request.
    pub(super) fn was_answered(&self, mark: &str, received: &Received) {
        self.grants(mark, |grants| grants.was_used(received.authorization.as_deref()));
    }

    pub(super) fn host_ended(&self, mark: &str) {
        self.grants(mark, Grants::host_ended);
    }

    pub(super) fn again(&self, mark: &str, asked: &Asked) -> Vec<Again> {
        self.grants(mark, |grants| grants.again(asked))
    }

    /// Kills the processes of a stdio server, and waits for their ends.
    pub(super) fn kill(&self, mark: &str, target: &Target, limit: Duration) {
        let processes = self.shared.processes(mark, |open| open.target == *target);
        processes::kill(&processes);
        let is_there = |open: &Open| open.process.is_some_and(|id| processes.contains(&id));
        self.wait_closed(mark, limit, is_there, &BTreeMap::new());
    }

    /// The servers with more open streams or processes than these, after `limit` at the latest.
    pub(super) fn left_over(
        &self,
        mark: &str,
        used: &BTreeMap<Target, usize>,
        limit: Duration,
    ) -> BTreeSet<Target> {
        let is_counted = |open: &Open| open.target.0 != Origin::Apps;
        self.wait_closed(mark, limit, is_counted, used)
    }

    fn wait_closed(
        &self,
        mark: &str,
        limit: Duration,
        counts: impl Fn(&Open) -> bool,
        used: &BTreeMap<Target, usize>,
    ) -> BTreeSet<Target> {
        let left = |all: &BTreeMap<String, Playing>| -> BTreeSet<Target> {
            let open = all.get(mark).into_iter().flat_map(|playing| playing.open.values());
            let mut times: BTreeMap<&Target, usize> = BTreeMap::new();
            for open in open.filter(|open| counts(open)) {
                *times.entry(&open.target).or_default() += 1;
            }
            let is_more = |(target, times): &(&Target, usize)| {
                *times > used.get(*target).copied().unwrap_or_default()
            };
            times.into_iter().filter(is_more).map(|(target, _)| target.clone()).collect()
        };
        let all = lock(&self.shared.playing);
        let waited = self.shared.closed.wait_timeout_while(all, limit, |all| !left(all).is_empty());
        left(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Stops recording. Held calls are given up, and processes that are still there are killed.
    pub(super) fn end(&self, mark: &str) {
        processes::kill(&self.shared.processes(mark, |_| true));
        lock(&self.shared.playing).remove(mark);
    }
}
