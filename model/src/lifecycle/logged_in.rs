//! The steps about logins, and what a use of a server behind OAuth must come to.

use serde_json::Value;

use super::logins::{Access, Login, Waiting};
use super::seen::{Expected, Seen};
use super::sequence::{Step, Tokens};
use super::state::State;
use super::uses::target;
use crate::rule::Rule;

impl State {
    pub(super) fn log_in(&mut self, name: &str) {
        let entry = self.config.written().get("mcp_servers").and_then(|servers| servers.get(name));
        let Some(at) = entry.and_then(|entry| entry.get("url")).and_then(Value::as_str) else {
            return;
        };
        let at = at.to_string();
        let guarded = self.logins.guarded.entry(at.clone()).or_default();
        let has_ended = guarded.tokens == Tokens::InvalidGrant;
        guarded.logins.insert(name.into(), Login { has_ended, ..Login::default() });
        // A connection without the login need not come back before a reload.
        self.is_gone(&at);
    }

    pub(super) fn expire(&mut self, at: &str) {
        self.logins.expire(at);
        self.tokens_are_out_of_reach();
    }

    pub(super) fn tokens_behave(&mut self, at: &str, tokens: Tokens) {
        self.logins.behave(at, tokens, self.is_running);
        self.logins.disturb();
        self.tokens_are_out_of_reach();
    }

    /// A connection that cannot be opened, or not be used, need not come back before a reload.
    fn tokens_are_out_of_reach(&mut self) {
        let servers: Vec<String> = self.logins.out_of_reach().cloned().collect();
        servers.iter().for_each(|server| self.is_gone(server));
    }

    /// Whether a use of a server may have to refresh a token.
    #[must_use]
    pub fn has_expired_login(&self) -> bool {
        self.logins.some_has_expired()
    }

    /// Whether there is OAuth in front of the server at this URL.
    #[must_use]
    pub fn is_behind_oauth(&self, at: &str) -> bool {
        self.logins.is_guarded(at)
    }

    /// The URL of the server whose token endpoint may hold the refresh that a call waits for.
    #[must_use]
    pub fn waits_for(&self, thread: &str, server: &str) -> Option<String> {
        let waits = |seen: Seen| match seen {
            Seen::Refreshing { at } => Some(at),
            _ => None,
        };
        self.call(thread, server).allowed.into_iter().find_map(waits)
    }

    /// A thread starts on a second host, which reads what is on disk.
    pub(super) fn second_thread(&mut self, name: &str) -> Expected {
        let started = self.thread(name);
        self.logins.second.insert(name.into(), self.known != self.on_disk);
        started
    }

    pub(super) fn changes_calls_that_wait(&mut self, step: &Step) {
        if matches!(step, Step::Config(_) | Step::SignIn(_) | Step::SignOut { .. } | Step::Reload) {
            self.logins.second.values_mut().for_each(|is_apart| *is_apart = true);
        }
        let is_change = matches!(
            step,
            Step::SignIn(_)
                | Step::SignOut { .. }
                | Step::Reload
                | Step::World { .. }
                | Step::KillServer { .. }
                | Step::LogIn { .. }
                | Step::Expire { .. }
        );
        if is_change {
            self.logins.disturb();
        }
    }

    /// The token endpoint of a server answers the refreshes that it holds; what becomes of the calls
    /// that the server held, and then of those that wait for a refresh.
    pub(super) fn release_tokens(&mut self, at: &str, held: Vec<Seen>) -> Expected {
        self.logins.behave(at, Tokens::Well, self.is_running);
        let (released, waiting) =
            std::mem::take(&mut self.logins.waiting).into_iter().partition(|call| call.at == at);
        self.logins.waiting = waiting;
        self.logins.released = released;
        let outcome = |waiting: &Waiting| {
            let mut expected = self.call(&waiting.thread, &waiting.server);
            if waiting.is_disturbed {
                let by = waiting.at.clone();
                let failed = Seen::Failed { at: by.clone(), account: None };
                let answered = Seen::Answered { by, account: None };
                expected.allowed.extend([answered, failed, Seen::Refused]);
            }
            expected
        };
        let waited: Vec<Expected> = self.logins.released.iter().map(outcome).collect();
        let only = |seen: &Seen| Expected::only(seen.clone(), Rule::LifecycleInFlight);
        let parts = match waited.is_empty() {
            true => Vec::new(),
            false => held.iter().map(only).chain(waited.iter().cloned()).collect(),
        };
        let first = waited.iter().filter_map(|waited| waited.allowed.first().cloned());
        let all = held.into_iter().chain(first).collect();
        Expected { parts, ..Expected::only(Seen::Released(all), Rule::LifecycleInFlight) }
    }

    /// Takes note of what became of calls to servers behind OAuth.
    pub(super) fn took_logins(&mut self, step: &Step, seen: &Seen) {
        match (step, seen) {
            (
                Step::Call { server, .. },
                Seen::Answered { by: at, .. } | Seen::Failed { at, .. } | Seen::Held { at, .. },
            ) => self.logins.was_good(server, at),
            (Step::Call { thread, server }, Seen::Refreshing { at }) => {
                let (thread, server, at) = (thread.clone(), server.clone(), at.clone());
                self.logins.waiting.push(Waiting { thread, server, at, is_disturbed: false });
            }
            (Step::Together(steps), Seen::Together(_))
                if steps.iter().any(|step| !matches!(step, Step::Call { .. })) =>
            {
                self.logins.disturb();
            }
            (Step::Release { .. }, Seen::Released(outcomes)) => {
                let released = std::mem::take(&mut self.logins.released);
                let before = outcomes.len().saturating_sub(released.len());
                for (Waiting { thread, server, .. }, seen) in
                    released.into_iter().zip(outcomes.iter().skip(before))
                {
                    self.took(&Step::Call { thread, server }, seen);
                }
            }
            _ => {}
        }
    }

    /// What a use of this server must come to under the rules about logins.
    ///
    /// Rule `lifecycle.refreshes`: A call to a server that refuses the stored access token MUST be
    /// answered with a refreshed one.
    ///
    /// Rule `lifecycle.login-ended`: After the authorization server ended a login (`invalid_grant`), a
    /// call to the server MUST fail, and a list MUST say `notLoggedIn`.
    ///
    /// Rule `lifecycle.refresh-once`: A refresh token MUST NOT be sent again, neither by another call or
    /// thread nor after a restart, and the newest one MUST be kept. That shows at the token endpoint,
    /// not in what is seen of the step.
    pub(super) fn under_logins(&self, thread: &str, name: &str, expected: &mut Expected) {
        expected.anything |= self.logins.second.get(thread) == Some(&true);
        let thread = self.threads.get(thread);
        let observed = thread.and_then(|thread| thread.config.observed(self.known.as_ref()));
        let Some(target) = observed.and_then(|observed| target(observed, name, None)) else {
            return;
        };
        let at = target.at;
        let rule = match self.access(name, at) {
            Access::Refreshed | Access::Waits => Rule::LifecycleRefreshes,
            Access::Ended => Rule::LifecycleLoginEnded,
            _ => return,
        };
        let answered = Seen::Answered { by: at.into(), account: None };
        let failed = Seen::Failed { at: at.into(), account: None };
        expected.rule = rule;
        let wrong = [Seen::Refused, Seen::Unanswered, failed, answered];
        expected.wrong.splice(0..0, wrong.map(|seen| (seen, rule)));
    }

    pub(super) fn access(&self, name: &str, at: &str) -> Access {
        self.logins.access(name, at, !self.profile.has(Rule::LifecycleRefreshes))
    }
}
