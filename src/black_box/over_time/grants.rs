//! What the authorization servers of a sequence have granted, and each refresh token that came back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use mcp_overlay_model::lifecycle::Tokens;
use tokio::sync::watch;

use super::asked::Asked;
use super::target::Target;
use crate::black_box::home::LOGIN;
use crate::subject::process::secrets::{Issued, Secret, nonce};

/// The most refreshes to record for one sequence.
const MOST: usize = 1_000;

/// A pair of tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) access: String,
    pub(super) refresh: String,
}

/// All pairs of one login, oldest first.
#[derive(Debug)]
struct Family {
    target: Target,
    pairs: Vec<Pair>,
    /// The first access token that the server accepts.
    accepted: usize,
    /// No refresh token is accepted any more.
    has_ended: bool,
}

/// How a refresh was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Renewed,
    /// The answer was cut, or the host did not wait for it.
    Lost,
    /// The token is not spent, or was not good.
    Rejected,
}

/// A refresh token that came to a token endpoint.
#[derive(Debug)]
struct Receipt {
    at: Instant,
    /// The login, and the position of the token in it.
    token: (usize, usize),
    /// The run of the host.
    run: u64,
    ended: Option<(Instant, Outcome)>,
    /// When the client had an answer that the new token made possible.
    used: Option<Instant>,
}

/// How the token endpoints behave, and which run of the host this is.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoints {
    behaviours: BTreeMap<Target, Tokens>,
    run: u64,
}

impl Endpoints {
    /// Whether a refresh waits that came in this run of the host.
    pub(super) fn holds(&self, target: &Target, run: u64) -> bool {
        self.run == run && self.behaviours.get(target) == Some(&Tokens::Hold)
    }
}

/// The grants of one sequence.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// All tokens so far.
    issued: Arc<Issued>,
    guarded: BTreeSet<Target>,
    families: Vec<Family>,
    receipts: Vec<Receipt>,
    endpoints: watch::Sender<Endpoints>,
}

/// What a server makes of the `Authorization` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Granted,
    Refused,
    /// It carries a token of another server.
    OfAnother,
}

/// What a token endpoint answers.
pub(super) enum Answered {
    Renewed(Pair),
    Cut(Pair),
    Refused,
    InvalidGrant,
}

/// What is left of a login whose tokens are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kept {
    /// The newest tokens are stored.
    Newest,
    /// The refresh token is spent, and the newer tokens are not stored.
    Spent {
        /// Whether a server got the newer access token.
        was_used: bool,
    },
    /// They are no tokens of one login to this server.
    #[default]
    Unknown,
}

/// A refresh that was answered with new tokens. A pair of tokens is its login and its place in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewal {
    pub(super) old: (usize, usize),
    pub(super) new: (usize, usize),
    pub(super) issued: Instant,
    /// When the client had an answer that the new tokens made possible.
    pub(super) used: Option<Instant>,
}

/// A refresh token that came twice.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) at: Instant,
    pub(super) target: Target,
    pub(super) when: &'static str,
}

impl Grants {
    /// A new login to this server.
    pub(super) fn log_in(&mut self, target: &Target) -> Pair {
        let has_ended = self.behaviour(target) == Tokens::InvalidGrant;
        let pair = new_pair(&self.issued);
        let (target, pairs) = (target.clone(), vec![pair.clone()]);
        self.guarded.insert(target.clone());
        self.families.push(Family { target, pairs, accepted: 0, has_ended });
        pair
    }

    /// What is left of a login to this server whose tokens are stored. The servers got these
    /// `Authorization` headers.
    pub(super) fn stored(&self, target: &Target, stored: &Pair, sent: &[&str]) -> Kept {
        let is = |pair: &Pair| pair.access == stored.access && pair.refresh == stored.refresh;
        let of_server = self.families.iter().filter(|family| family.target == *target);
        let mut found =
            of_server.filter_map(|family| Some((family, family.pairs.iter().position(is)?)));
        let Some((family, at)) = found.next_back() else { return Kept::Unknown };
        let newer = family.pairs.get(at + 1..).unwrap_or_default();
        let was_sent = |pair: &Pair| {
            let mut tokens = sent.iter().filter_map(|sent| sent.strip_prefix("Bearer "));
            tokens.any(|token| token == pair.access)
        };
        match newer {
            [] => Kept::Newest,
            newer => Kept::Spent { was_used: newer.iter().any(was_sent) },
        }
    }

    pub(super) fn is_guarded(&self, target: &Target) -> bool {
        self.guarded.contains(target)
    }

    /// The server refuses all access tokens so far.
    pub(super) fn expire(&mut self, target: &Target) {
        for family in self.families.iter_mut().filter(|family| family.target == *target) {
            family.accepted = family.pairs.len();
        }
    }

    pub(super) fn behave(&mut self, target: &Target, behaviour: Tokens) {
        if behaviour == Tokens::InvalidGrant {
            let families = self.families.iter_mut().filter(|family| family.target == *target);
            families.for_each(|family| family.has_ended = true);
        }
        self.endpoints.send_modify(|endpoints| {
            endpoints.behaviours.insert(target.clone(), behaviour);
        });
    }

    /// The host ended: refreshes that wait are not answered.
    pub(super) fn host_ended(&mut self) {
        self.endpoints.send_modify(|endpoints| endpoints.run += 1);
    }

    fn behaviour(&self, target: &Target) -> Tokens {
        self.endpoints.borrow().behaviours.get(target).copied().unwrap_or_default()
    }

    /// The login, and the position in it, of an access token.
    fn of_access(&self, authorization: Option<&str>) -> Option<(usize, usize)> {
        let token = authorization?.strip_prefix("Bearer ")?;
        self.position(|pair| pair.access == token)
    }

    fn position(&self, is: impl Fn(&Pair) -> bool) -> Option<(usize, usize)> {
        let mut families = self.families.iter().enumerate();
        families.find_map(|(number, family)| Some((number, family.pairs.iter().position(&is)?)))
    }

    pub(super) fn issued(&self) -> Arc<Issued> {
        Arc::clone(&self.issued)
    }

    pub(super) fn access(&self, target: &Target, authorization: Option<&str>) -> Access {
        if !authorization.is_some_and(|text| text.contains(LOGIN)) {
            let is_open = !self.is_guarded(target);
            return if is_open { Access::Granted } else { Access::Refused };
        }
        let known = self.of_access(authorization);
        let known = known.and_then(|(family, at)| Some((self.families.get(family)?, at)));
        match known {
            Some((family, _)) if family.target != *target => Access::OfAnother,
            Some((family, at)) if at >= family.accepted => Access::Granted,
            Some(_) => Access::Refused,
            // A refresh token, or none of this sequence.
            None => Access::OfAnother,
        }
    }

    /// A refresh token arrived: its number, and what to wait for. `None` if it is none of this server.
    pub(super) fn received(
        &mut self,
        target: &Target,
        token: &str,
        at: Instant,
    ) -> Option<(usize, u64, watch::Receiver<Endpoints>)> {
        let token = self.position(|pair| pair.refresh == token)?;
        let is_here = self.families.get(token.0).is_some_and(|family| family.target == *target);
        if !is_here || self.receipts.len() == MOST {
            return None;
        }
        let run = self.endpoints.borrow().run;
        self.receipts.push(Receipt { at, token, run, ended: None, used: None });
        Some((self.receipts.len() - 1, run, self.endpoints.subscribe()))
    }

    /// Answers a refresh.
    pub(super) fn answer(&mut self, number: usize) -> Answered {
        let Some(receipt) = self.receipts.get(number) else { return Answered::Refused };
        let ((family, at), run) = (receipt.token, receipt.run);
        let Some(target) = self.families.get(family).map(|family| family.target.clone()) else {
            return Answered::Refused;
        };
        let behaviour = self.behaviour(&target);
        if run != self.endpoints.borrow().run {
            self.ended(number, Outcome::Lost);
            return Answered::Refused;
        }
        let Some(family) = self.families.get_mut(family) else { return Answered::Refused };
        let answered = match behaviour {
            Tokens::Refuse => Answered::Refused,
            _ if family.has_ended || at + 1 < family.pairs.len() => {
                // As an authorization server does that takes this for theft.
                family.has_ended = true;
                Answered::InvalidGrant
            }
            behaviour => {
                let pair = new_pair(&self.issued);
                family.pairs.push(pair.clone());
                match behaviour {
                    Tokens::Cut => Answered::Cut(pair),
                    _ => Answered::Renewed(pair),
                }
            }
        };
        let outcome = match answered {
            Answered::Renewed(_) => Outcome::Renewed,
            Answered::Cut(_) => Outcome::Lost,
            Answered::Refused | Answered::InvalidGrant => Outcome::Rejected,
        };
        self.ended(number, outcome);
        answered
    }

    /// The host does not wait for the answer any more.
    pub(super) fn lost(&mut self, number: usize) {
        self.ended(number, Outcome::Lost);
    }

    fn ended(&mut self, number: usize, outcome: Outcome) {
        if let Some(receipt) = self.receipts.get_mut(number) {
            receipt.ended.get_or_insert((Instant::now(), outcome));
        }
    }

    /// The client has an answer to a request with this access token.
    pub(super) fn was_used(&mut self, authorization: Option<&str>) {
        let Some((family, at)) = self.of_access(authorization) else { return };
        let of_it = |receipt: &&mut Receipt| receipt.token.0 == family && receipt.token.1 < at;
        self.receipts.iter_mut().filter(of_it).for_each(|receipt| {
            receipt.used.get_or_insert_with(Instant::now);
        });
    }

    /// Whether the token endpoint of this server holds a refresh of this run of the host.
    pub(super) fn holds_refresh(&self, target: &Target) -> bool {
        let endpoints = self.endpoints.borrow();
        endpoints.holds(target, endpoints.run)
            && self.receipts.iter().any(|receipt| {
                let family = self.families.get(receipt.token.0);
                receipt.ended.is_none() && family.is_some_and(|family| family.target == *target)
            })
    }

    /// The pair with this refresh token, and its server.
    pub(super) fn numbered(&self, refresh: &str) -> Option<((usize, usize), Target)> {
        let tokens = self.position(|pair| pair.refresh == refresh)?;
        Some((tokens, self.families.get(tokens.0)?.target.clone()))
    }

    /// Whether no refresh token of this login was ever sent, and nobody ended it.
    pub(super) fn is_untouched(&self, login: usize) -> bool {
        let is_sent = self.receipts.iter().any(|receipt| receipt.token.0 == login);
        !is_sent && self.families.get(login).is_some_and(|family| !family.has_ended)
    }

    /// All refreshes that were answered with new tokens.
    pub(super) fn renewals(&self) -> Vec<Renewal> {
        let renewal = |receipt: &Receipt| {
            let (issued, outcome) = receipt.ended?;
            let (login, at) = receipt.token;
            let (old, new, used) = ((login, at), (login, at + 1), receipt.used);
            (outcome == Outcome::Renewed).then_some(Renewal { old, new, issued, used })
        };
        self.receipts.iter().filter_map(renewal).collect()
    }

    /// The refresh tokens that must not have come again.
    pub(super) fn again(&self, asked: &Asked) -> Vec<Again> {
        let mut before: BTreeMap<(usize, usize), Vec<&Receipt>> = BTreeMap::new();
        let mut all = Vec::new();
        for receipt in &self.receipts {
            let earlier = before.entry(receipt.token).or_default();
            let Some(family) = self.families.get(receipt.token.0) else { continue };
            let reasons = asked.reasons(first(earlier, receipt), receipt.at, &family.target);
            let when = is_wrong(earlier, receipt, reasons);
            earlier.push(receipt);
            if let Some(when) = when {
                all.push(Again { at: receipt.at, target: family.target.clone(), when });
            }
        }
        all
    }
}

/// When a refresh token came again that must not. The host had so many reasons to try it.
fn is_wrong(earlier: &[&Receipt], again: &Receipt, reasons: usize) -> Option<&'static str> {
    let last = earlier.last()?;
    let is_restarted = last.run != again.run;
    match last.ended {
        Some((_, Outcome::Rejected)) => None,
        Some((_, Outcome::Renewed)) if is_restarted => {
            last.used.is_some().then_some("after a restart, although the new one had been used")
        }
        Some((at, Outcome::Renewed)) if at <= again.at => Some("after the new one was issued"),
        Some((at, Outcome::Lost)) if at <= again.at => {
            let is_retry = !is_restarted && attempts(earlier, again) > reasons;
            is_retry.then_some("by itself, after the answer to it was lost")
        }
        _ => (!is_restarted).then_some("before it was answered"),
    }
}

/// How often the token came in this run of the host.
fn attempts(earlier: &[&Receipt], again: &Receipt) -> usize {
    earlier.iter().filter(|receipt| receipt.run == again.run).count() + 1
}

/// When the token first came in this run of the host.
fn first(earlier: &[&Receipt], again: &Receipt) -> Instant {
    earlier.iter().find(|receipt| receipt.run == again.run).map_or(again.at, |first| first.at)
}

fn new_pair(issued: &Issued) -> Pair {
    let token = |kind: &str| {
        let value = format!("{LOGIN}{kind}-{}", nonce());
        issued.add(Secret { what: format!("the {kind} token of a login"), value: value.clone() });
        value
    };
    Pair { access: token("access"), refresh: token("refresh") }
}
