//! Logins to servers behind OAuth, whose authorization server gives a new refresh token with each
//! access token.

use std::collections::BTreeMap;

use serde_json::Value;

use super::seen::{Expected, Seen};
use super::sequence::{Step, Tokens};
use super::state::State;
use crate::rule::Rule;

/// The stored login to one server.
#[derive(Clone, Debug, Default, PartialEq)]
struct Login {
    /// The server refuses the newest access token.
    has_expired: bool,
    /// It expired before, so a connection may still have an older token.
    had_expired: bool,
    /// The authorization server takes no refresh token of it any more.
    has_ended: bool,
    /// Only the host and the authorization server know whether the refresh token is spent.
    is_unsure: bool,
}

/// A server behind OAuth.
#[derive(Clone, Debug, Default, PartialEq)]
struct Guarded {
    tokens: Tokens,
    /// By the name of the server in the configuration.
    logins: BTreeMap<String, Login>,
}

/// A call that waits for a refresh.
#[derive(Clone, Debug, PartialEq)]
struct Waiting {
    thread: String,
    server: String,
    at: String,
    /// Whether a reload, another account or the like came since.
    is_disturbed: bool,
}

/// All logins, by the URL of the server, and the calls that wait for a refresh.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Logins {
    guarded: BTreeMap<String, Guarded>,
    waiting: Vec<Waiting>,
    /// What the last release let go on.
    released: Vec<Waiting>,
}

/// What a server behind OAuth makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It answers as every other server.
    Open,
    /// It answers after a refresh.
    Refreshed,
    /// It answers, refuses, or waits for a refresh.
    Unsure,
    /// The refresh waits.
    Waits,
    /// There is no login.
    NoLogin,
    /// The refresh fails, and a later one may not.
    Fails,
    /// The authorization server ended the login.
    Ended,
}

impl Logins {
    /// What the server at this URL makes of a request by the server of this name. Where
    /// `is_early` is set, the profile lets hosts keep the token that a connection began with.
    pub(super) fn access(&self, name: &str, at: &str, is_early: bool) -> Access {
        let Some(guarded) = self.guarded.get(at) else { return Access::Open };
        let Some(login) = guarded.logins.get(name) else { return Access::NoLogin };
        if login.is_unsure || (is_early && login.had_expired) {
            return Access::Unsure;
        }
        match guarded.tokens {
            _ if !login.has_expired => Access::Open,
            _ if login.has_ended => Access::Ended,
            Tokens::Well => Access::Refreshed,
            Tokens::Hold => Access::Waits,
            Tokens::Refuse => Access::Fails,
            Tokens::InvalidGrant => Access::Ended,
            Tokens::Cut => Access::Unsure,
        }
    }

    /// Whether the token endpoint of this server holds refreshes.
    pub(super) fn holds(&self, at: &str) -> bool {
        self.guarded.get(at).is_some_and(|guarded| guarded.tokens == Tokens::Hold)
    }

    pub(super) fn is_guarded(&self, at: &str) -> bool {
        self.guarded.contains_key(at)
    }

    /// Whether the token of some login has expired, so that a use refreshes it.
    pub(super) fn some_has_expired(&self) -> bool {
        let mut logins = self.guarded.values().flat_map(|guarded| guarded.logins.values());
        logins.any(|login| login.has_expired)
    }

    /// The servers that no host can connect to, because the refresh of an expired token fails.
    pub(super) fn out_of_reach(&self) -> impl Iterator<Item = &String> {
        let is_out = |guarded: &Guarded| {
            let mut logins = guarded.logins.values();
            let fails = !matches!(guarded.tokens, Tokens::Well | Tokens::Hold);
            logins.any(|login| login.has_expired && (fails || login.has_ended || login.is_unsure))
        };
        self.guarded.iter().filter(move |(_, guarded)| is_out(guarded)).map(|(at, _)| at)
    }

    /// The token endpoint of a server behaves like this from now on. A running host may be
    /// refreshing an expired token just now.
    fn behave(&mut self, at: &str, tokens: Tokens, is_running: bool) {
        let Some(guarded) = self.guarded.get_mut(at) else { return };
        let before = std::mem::replace(&mut guarded.tokens, tokens);
        for login in guarded.logins.values_mut() {
            login.has_ended |= tokens == Tokens::InvalidGrant;
            let is_race = is_running && before == Tokens::Well && tokens != before;
            login.is_unsure |= login.has_expired && (is_race || tokens == Tokens::Cut);
        }
    }

    fn expire(&mut self, at: &str) {
        let Some(guarded) = self.guarded.get_mut(at) else { return };
        for login in guarded.logins.values_mut() {
            login.has_expired = true;
            login.had_expired = true;
            login.is_unsure |= guarded.tokens == Tokens::Cut;
        }
    }

    /// The host ended. One that was refreshing may have lost the new token.
    pub(super) fn host_ended(&mut self, was_running: bool) {
        self.waiting.clear();
        for guarded in self.guarded.values_mut() {
            let is_race = was_running && guarded.tokens != Tokens::Hold;
            for login in guarded.logins.values_mut() {
                login.is_unsure |= login.has_expired && is_race;
            }
        }
    }

    /// Calls that wait follow what changes meanwhile, or do not.
    fn disturb(&mut self) {
        self.waiting.iter_mut().for_each(|waiting| waiting.is_disturbed = true);
    }

    /// The server at this URL took a call of the server of this name, so the token was good.
    fn was_good(&mut self, name: &str, at: &str) {
        let login = self.guarded.get_mut(at).and_then(|guarded| guarded.logins.get_mut(name));
        if let Some(login) = login {
            login.has_expired = false;
            login.is_unsure = false;
        }
    }
}

impl State {
    pub(super) fn log_in(&mut self, name: &str) {
        let entry = self.config.get("mcp_servers").and_then(|servers| servers.get(name));
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

    pub(super) fn changes_calls_that_wait(&mut self, step: &Step) {
        let is_change = matches!(
            step,
            Step::SignIn { .. }
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
    pub(super) fn under_logins(&self, name: &str, at: &str, expected: &mut Expected) {
        let answered = Seen::Answered { by: at.into(), account: None };
        let failed = Seen::Failed { at: at.into(), account: None };
        let rule = match self.access(name, at) {
            Access::Refreshed | Access::Waits => Rule::LifecycleRefreshes,
            Access::Ended => Rule::LifecycleLoginEnded,
            _ => return,
        };
        expected.rule = rule;
        let wrong = [Seen::Refused, Seen::Unanswered, failed, answered];
        expected.wrong.splice(0..0, wrong.map(|seen| (seen, rule)));
    }

    pub(super) fn access(&self, name: &str, at: &str) -> Access {
        self.logins.access(name, at, !self.profile.has(Rule::LifecycleRefreshes))
    }
}
