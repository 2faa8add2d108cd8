//! Who is signed in: by `auth.json`, or with what the client supplied through the protocol.

use super::seen::{Expected, Seen};
use super::sequence::{Means, SignIn};
use super::signed_in::SignedIn;
use super::state::{State, done, refused};
use crate::case::Auth;
use crate::rule::Rule;

impl State {
    /// The name of the credentials of who is signed in, as the host knows it.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.known.as_ref().map(|known| known.account.as_str())
    }

    /// The name of the credentials that a client supplied to a host that has ended. Nothing may carry
    /// them any more.
    #[must_use]
    pub fn lost_account(&self) -> Option<&str> {
        self.lost.as_ref().map(|lost| lost.account.as_str())
    }

    /// A host may refuse a sign-in through the protocol, and then nothing has changed. Released Codex
    /// refuses an API key while supplied tokens count.
    pub(super) fn sign_in(&mut self, sign_in: &SignIn) -> Expected {
        if sign_in.by == Means::File {
            self.file_changes(Some(signed_in(sign_in)));
            return done();
        }
        let is_key = sign_in.auth == Auth::ApiKey;
        let likely = match is_key && self.supplied.is_some() {
            true => refused(Rule::LifecycleViewNow),
            false => done(),
        };
        Expected { anything: true, ..likely }
    }

    /// A sign-in through the protocol succeeded. One by file has already changed the state.
    pub(super) fn signed_in(&mut self, sign_in: &SignIn) {
        if sign_in.by == Means::File {
            return;
        }
        let now = Some(signed_in(sign_in));
        self.supplied = None;
        match sign_in.auth {
            Auth::ApiKey => self.on_disk.clone_from(&now),
            _ => self.supplied.clone_from(&now),
        }
        self.becomes_known(now);
        self.config_may_be_taken_up();
    }

    /// A host may answer a sign-out of nobody with an error.
    pub(super) fn sign_out(&mut self, by: Means) -> Expected {
        if by == Means::File {
            self.file_changes(None);
            return done();
        }
        let was_nobody = self.known.is_none();
        (self.on_disk, self.supplied) = (None, None);
        self.becomes_known(None);
        self.config_may_be_taken_up();
        let mut expected = Expected { rule: Rule::LifecycleSignedOut, ..done() };
        expected.allowed.extend(was_nobody.then_some(Seen::Refused));
        expected
    }

    /// Supplied tokens are in memory only.
    pub(super) fn supplied_tokens_end(&mut self) {
        if self.supplied.is_some() {
            self.lost = self.supplied.take();
        }
    }

    /// Rule `lifecycle.file-counts`: A sign-in or sign-out that another program writes to
    /// `auth.json` SHOULD count from the next request of the client on.
    fn file_changes(&mut self, now: Option<SignedIn>) {
        self.on_disk = now;
        if self.is_running && !self.file_counts {
            return;
        }
        let now = self.supplied.clone().or_else(|| self.on_disk.clone());
        self.account_moved |= self.becomes_known(now);
    }

    /// A host on which nobody is signed in notices now that another program has written a sign-in to
    /// `auth.json`, if there is one.
    pub fn notices_file(&mut self) {
        if self.is_running && self.known.is_none() && self.becomes_known(self.on_disk.clone()) {
            self.config_may_be_taken_up();
        }
    }

    /// Whether that is a change.
    fn becomes_known(&mut self, now: Option<SignedIn>) -> bool {
        if self.known == now {
            return false;
        }
        self.known = now;
        for thread in self.threads.values_mut() {
            thread.accounts.push(self.known.clone());
        }
        true
    }

    /// A host may take up what is on disk when the account changes, unless it is refused.
    pub(super) fn config_may_be_taken_up(&mut self) {
        if self.config.observed(self.known.as_ref()).is_some() {
            for thread in self.threads.values_mut() {
                thread.perhaps.push(self.config.clone());
            }
        }
    }
}

fn signed_in(sign_in: &SignIn) -> SignedIn {
    SignedIn { account: sign_in.credentials(), auth: sign_in.auth }
}
