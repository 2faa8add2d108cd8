//! What each step changes, and what may be observed of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::memo::remembered;
use super::seen::{Expected, Listed, Seen};
use super::sequence::{Behaviour, Means, Sequence, Step};
use super::thread::{SignedIn, Thread};
use super::uses::{Users, World, use_of};
use crate::case::{Auth, CODEX_APPS, Case, Contributor, ContributorKind};
use crate::observation::Observed;
use crate::observe::observed;
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::resolve::resolve;
use crate::rule::Rule;

/// The base URL of sequences: the Apps endpoint is on loopback, as that of every host of the checker.
pub const BASE: &str = "http://127.0.0.1";

/// A call that a server holds.
#[derive(Clone, Debug, PartialEq)]
struct HeldCall {
    server: String,
    at: String,
    account: Option<String>,
}

/// What is on disk, who is signed in, which threads there are, and what the servers do.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    profile: Profile,
    /// Whether a sign-in or sign-out by somebody else counts at once
    /// ([`Rule::LifecycleFileCounts`]).
    file_counts: bool,
    is_running: bool,
    /// Whether another program changed the account since the client's last request.
    account_moved: bool,
    config: Value,
    /// In `auth.json`.
    on_disk: Option<SignedIn>,
    /// As the host knows it.
    known: Option<SignedIn>,
    threads: BTreeMap<String, Thread>,
    behaviours: BTreeMap<String, Behaviour>,
    held: Vec<HeldCall>,
}

impl State {
    /// The state before a sequence: a config with the base URL, nobody signed in, no host.
    #[must_use]
    pub fn before(sequence: &Sequence, file_counts: bool) -> Self {
        State {
            profile: sequence.profile,
            file_counts,
            is_running: false,
            account_moved: false,
            config: json!({"chatgpt_base_url": BASE}),
            on_disk: None,
            known: None,
            threads: BTreeMap::new(),
            behaviours: BTreeMap::new(),
            held: Vec::new(),
        }
    }

    /// The account that is signed in, as the host knows it.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.known.as_ref().map(|known| known.account.as_str())
    }

    /// The threads that live.
    pub fn threads(&self) -> impl Iterator<Item = &str> {
        self.threads.keys().map(String::as_str)
    }

    /// Takes a step; returns what may be observed of it. A step that makes no sense here, such as a
    /// call on a thread that there is not, changes nothing and is refused.
    pub fn step(&mut self, step: &Step) -> Expected {
        if step.needs_host() {
            self.host_is_asked();
        }
        match step {
            Step::Config(config) => {
                self.config = config.clone();
                done()
            }
            Step::SignIn { account, auth } => {
                self.account_changes(
                    Some(SignedIn { account: account.clone(), auth: *auth }),
                    false,
                );
                done()
            }
            Step::SignOut { by } => self.sign_out(*by),
            Step::Thread { name } => self.thread(name),
            Step::Reload => self.reload(),
            Step::View => self.view(),
            Step::Call { thread, server } => self.call(thread, server),
            Step::World { server, behaviour } => {
                self.behaviours.insert(server.clone(), *behaviour);
                done()
            }
            Step::Release { server } => self.release(server),
        }
    }

    /// The host starts, or notices now what another program did to `auth.json` since the last
    /// request.
    fn host_is_asked(&mut self) {
        if !self.is_running {
            self.is_running = true;
            self.known = self.on_disk.clone();
        }
        if std::mem::take(&mut self.account_moved) {
            self.config_may_be_taken_up();
        }
    }

    /// A host may take up what is on disk when the account changes, unless it is refused.
    fn config_may_be_taken_up(&mut self) {
        if self.observed(&self.config, self.known.as_ref()).is_some() {
            for thread in self.threads.values_mut() {
                thread.perhaps.push(self.config.clone());
            }
        }
    }

    /// A host may answer a sign-out of nobody with an error.
    fn sign_out(&mut self, by: Means) -> Expected {
        let was_nobody = self.known.is_none();
        self.account_changes(None, by == Means::Protocol);
        let mut expected = done();
        if by == Means::Protocol {
            self.config_may_be_taken_up();
            expected.rule = Rule::LifecycleSignedOut;
            expected.allowed.extend(was_nobody.then_some(Seen::Refused));
        }
        expected
    }

    /// Rule `lifecycle.file-counts`: A sign-in or sign-out that another program writes to
    /// `auth.json` SHOULD count from the next request of the client on.
    fn account_changes(&mut self, now: Option<SignedIn>, is_protocol: bool) {
        self.on_disk = now;
        if self.known == self.on_disk {
            return;
        }
        if !(is_protocol || self.file_counts || !self.is_running) {
            return;
        }
        self.known = self.on_disk.clone();
        for thread in self.threads.values_mut() {
            thread.accounts.push(self.known.clone());
        }
        self.account_moved = !is_protocol;
    }

    /// Rule `lifecycle.thread-starts`: A thread MUST start with the configuration in force at some
    /// moment between `thread/start` and its answer, and MUST be refused if that configuration is.
    fn thread(&mut self, name: &str) -> Expected {
        if self.observed(&self.config, self.known.as_ref()).is_none() {
            return refused(Rule::LifecycleThreadStarts);
        }
        let accounts = vec![self.known.clone()];
        let (before, perhaps) = (Vec::new(), Vec::new());
        let thread = Thread { config: self.config.clone(), before, perhaps, accounts };
        self.threads.insert(name.into(), thread);
        Expected { rule: Rule::LifecycleThreadStarts, ..done() }
    }

    /// Rule `lifecycle.broken-keeps`: A reload of a refused configuration MUST be an error and
    /// MUST change nothing; the next good one works.
    fn reload(&mut self) -> Expected {
        if self.observed(&self.config, self.known.as_ref()).is_none() {
            let mut expected = refused(Rule::LifecycleBrokenKeeps);
            // A host without threads has nothing to reload, and need not look.
            expected.allowed.extend(self.threads.is_empty().then_some(Seen::Done));
            return expected;
        }
        for thread in self.threads.values_mut() {
            let before = std::mem::replace(&mut thread.config, self.config.clone());
            thread.before.append(&mut thread.perhaps);
            thread.before.push(before);
        }
        Expected { rule: Rule::LifecycleReloadApplies, ..done() }
    }

    /// Rule `lifecycle.view-now`: A list of servers MUST be that of the configuration and sign-in in
    /// force at some moment between request and answer, whatever threads there are.
    fn view(&self) -> Expected {
        let rule = Rule::LifecycleViewNow;
        let Some(observed) = self.observed(&self.config, self.known.as_ref()) else {
            return refused(rule);
        };
        Expected { allowed: vec![listed(&observed)], rule, wrong: self.wrong_views() }
    }

    /// The lists of earlier configurations and accounts.
    fn wrong_views(&self) -> Vec<(Seen, Rule)> {
        let accounts = self.threads.values().flat_map(|thread| &thread.accounts);
        let former = accounts.filter_map(|account| {
            let seen = listed(&self.observed(&self.config, account.as_ref())?);
            let rule = match &self.known {
                None => Rule::LifecycleSignedOut,
                Some(_) if account.is_none() => Rule::LifecycleSignInRestores,
                Some(_) => Rule::LifecycleOtherAccount,
            };
            Some((seen, rule))
        });
        former.collect()
    }

    fn call(&self, thread: &str, server: &str) -> Expected {
        let Some(known) = self.threads.get(thread) else {
            return refused(Rule::LifecycleThreadKeeps);
        };
        let users = Users {
            thread: known,
            on_disk: &self.config,
            rules: self.profile.rules(),
            observe: &|config, account| self.observed(config, account),
        };
        let mut expected = use_of(&users, server, self);
        if self.held.iter().any(|call| call.server == server) {
            // A host may queue the calls to a server that holds one.
            expected.allowed.push(Seen::Unanswered);
        }
        expected
    }

    /// Takes note of what was observed of the last step, where several observations were allowed and
    /// later ones depend on it.
    pub fn took(&mut self, step: &Step, seen: &Seen) {
        if let (Step::Call { server, .. }, Seen::Held { at, account }) = (step, seen) {
            let (at, account) = (at.clone(), account.clone());
            self.held.push(HeldCall { server: server.clone(), at, account });
        }
    }

    /// Rule `lifecycle.in-flight`: A call that a server has got when a reload, a sign-out or another
    /// account comes MUST be answered by the connection that it began on.
    fn release(&mut self, server: &str) -> Expected {
        self.behaviours.insert(server.into(), Behaviour::Well);
        let is_here = |call: &HeldCall| call.at == server || call.server == server;
        let (released, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.held).into_iter().partition(is_here);
        self.held = held;
        let answered = |call: HeldCall| Seen::Answered { by: call.at, account: call.account };
        Expected {
            allowed: vec![Seen::Released(released.into_iter().map(answered).collect())],
            rule: Rule::LifecycleInFlight,
            wrong: Vec::new(),
        }
    }

    /// What a host shows of a configuration and a sign-in; nothing if the configuration is refused.
    fn observed(&self, config: &Value, signed_in: Option<&SignedIn>) -> Option<Observed> {
        let auth = signed_in.map(|signed_in| signed_in.auth);
        remembered(self.profile, auth, config, || self.observed_anew(config, auth))
    }

    fn observed_anew(&self, config: &Value, auth: Option<Auth>) -> Option<Observed> {
        let hosted = Contributor { id: "hosted".into(), kind: ContributorKind::HostedApps };
        let case = Case {
            id: String::new(),
            profile: self.profile,
            host: config.clone(),
            plugins: Vec::new(),
            contributors: vec![hosted],
            auth,
        };
        match observed(&case, &resolve(&case)) {
            Outcome::Observed(observed) => Some(observed),
            Outcome::Resolved(_) | Outcome::Rejected(_) => None,
        }
    }
}

/// The path of the Apps server is the host's choice, so it goes by its name.
fn server_at(url: &str) -> &str {
    if url.starts_with(BASE) { CODEX_APPS } else { url }
}

impl World for State {
    fn behaviour(&self, at: &str) -> Behaviour {
        self.behaviours.get(server_at(at)).copied().unwrap_or_default()
    }

    fn rule_of_failure(&self, at: &str) -> Option<Rule> {
        if self.behaviours.contains_key(server_at(at)) {
            return Some(Rule::LifecycleRecovers);
        }
        let is_other_unwell = self.behaviours.values().any(|behaves| *behaves != Behaviour::Well);
        is_other_unwell.then_some(Rule::LifecycleApart)
    }
}

fn done() -> Expected {
    Expected { allowed: vec![Seen::Done], rule: Rule::LifecycleViewNow, wrong: Vec::new() }
}

fn refused(rule: Rule) -> Expected {
    Expected { allowed: vec![Seen::Refused], rule, wrong: Vec::new() }
}

/// The list of servers. The tools of the Apps server may come from a cache, so it has tools if it is
/// enabled.
fn listed(observed: &Observed) -> Seen {
    let listed = observed.present().into_iter().map(|(name, seen)| {
        let has_tools = seen.enabled || name == CODEX_APPS && seen.url.is_some();
        (name, if has_tools { Listed::WithTools } else { Listed::WithoutTools })
    });
    Seen::Servers(listed.collect())
}
