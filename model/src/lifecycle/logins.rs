//! Logins to servers behind OAuth, whose authorization server gives a new refresh token with each
//! access token.

use std::collections::BTreeMap;

use super::sequence::Tokens;

/// The stored login to one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Login {
    /// The server refuses the newest access token.
    pub(super) has_expired: bool,
    /// It expired before, so a connection may still have an older token.
    pub(super) had_expired: bool,
    /// The authorization server takes no refresh token of it any more.
    pub(super) has_ended: bool,
    /// Only the host and the authorization server know whether the refresh token is spent.
    pub(super) is_unsure: bool,
}

/// A server behind OAuth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Guarded {
    pub(super) tokens: Tokens,
    /// By the name of the server in the configuration.
    pub(super) logins: BTreeMap<String, Login>,
}

/// A call that waits for a refresh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Waiting {
    pub(super) thread: String,
    pub(super) server: String,
    pub(super) at: String,
    /// Whether a reload, another account or the like came since.
    pub(super) is_disturbed: bool,
}

/// All logins, by the URL of the server, and the calls that wait for a refresh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Logins {
    pub(super) guarded: BTreeMap<String, Guarded>,
    pub(super) waiting: Vec<Waiting>,
    /// What the last release let go on.
    pub(super) released: Vec<Waiting>,
    /// The threads of a second host, and whether something changed that it was not told of.
    pub(super) second: BTreeMap<String, bool>,
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
    pub(super) fn behave(&mut self, at: &str, tokens: Tokens, is_running: bool) {
        let Some(guarded) = self.guarded.get_mut(at) else { return };
        let before = std::mem::replace(&mut guarded.tokens, tokens);
        for login in guarded.logins.values_mut() {
            login.has_ended |= tokens == Tokens::InvalidGrant;
            let is_race = is_running && before == Tokens::Well && tokens != before;
            login.is_unsure |= login.has_expired && (is_race || tokens == Tokens::Cut);
        }
    }

    pub(super) fn expire(&mut self, at: &str) {
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
        self.second.clear();
        for guarded in self.guarded.values_mut() {
            let is_race = was_running && guarded.tokens != Tokens::Hold;
            for login in guarded.logins.values_mut() {
                login.is_unsure |= login.has_expired && is_race;
            }
        }
    }

    /// Whether a second host may follow another configuration or account than the first.
    pub(super) fn is_second_apart(&self) -> bool {
        self.second.values().any(|is_apart| *is_apart)
    }

    /// Calls that wait follow what changes meanwhile, or do not.
    pub(super) fn disturb(&mut self) {
        self.waiting.iter_mut().for_each(|waiting| waiting.is_disturbed = true);
    }

    /// The server at this URL took a call of the server of this name, so the token was good.
    pub(super) fn was_good(&mut self, name: &str, at: &str) {
        let login = self.guarded.get_mut(at).and_then(|guarded| guarded.logins.get_mut(name));
        if let Some(login) = login {
            login.has_expired = false;
            login.is_unsure = false;
        }
    }
}
