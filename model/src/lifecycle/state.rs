//! What each step changes, and what may be observed of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::address::{BASE, server_at};
use super::arguments::Arguments;
use super::config::Config;
use super::logins::{Access, Logins};
use super::seen::{Expected, Seen};
use super::sequence::{Behaviour, Ending, Sequence, Step};
use super::signed_in::SignedIn;
use super::thread::Thread;
use super::uses::{Users, World, target, use_of};
use crate::profile::Profile;
use crate::rule::Rule;

/// A call that a server holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct HeldCall {
    server: String,
    pub(super) at: String,
    account: Option<String>,
    /// Whether the process that holds it was killed.
    was_killed: bool,
}

/// What is on disk, who is signed in, which threads there are, and what the servers do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) profile: Profile,
    /// Whether a sign-in or sign-out by somebody else counts at once
    /// ([`Rule::LifecycleFileCounts`]).
    pub(super) file_counts: bool,
    pub(super) is_running: bool,
    /// Whether another program changed the account since the client's last request.
    pub(super) account_moved: bool,
    /// The configuration: the file, and the settings on the command line.
    pub(super) config: Config,
    /// `config.toml`.
    pub(super) file: Config,
    pub(super) arguments: Arguments,
    /// In `auth.json`.
    pub(super) on_disk: Option<SignedIn>,
    /// With tokens that the client supplied.
    pub(super) supplied: Option<SignedIn>,
    /// With tokens that a client supplied to a host that has ended.
    pub(super) lost: Option<SignedIn>,
    /// As the host knows it.
    pub(super) known: Option<SignedIn>,
    pub(super) threads: BTreeMap<String, Thread>,
    pub(super) behaviours: BTreeMap<String, Behaviour>,
    /// The servers that changed their tools.
    pub(super) new_tools: BTreeSet<String>,
    pub(super) held: Vec<HeldCall>,
    /// Whether a host ended before this one.
    pub(super) was_ended: bool,
    pub(super) logins: Logins,
}

impl State {
    /// The state before a sequence: a config with the base URL, nobody signed in, no host.
    #[must_use]
    pub fn before(sequence: &Sequence, file_counts: bool) -> Self {
        let file = Config::new(sequence.profile, &json!({"chatgpt_base_url": BASE}));
        State {
            profile: sequence.profile,
            file_counts,
            is_running: false,
            account_moved: false,
            config: file.clone(),
            file,
            arguments: Arguments::default(),
            on_disk: None,
            supplied: None,
            lost: None,
            known: None,
            threads: BTreeMap::new(),
            behaviours: BTreeMap::new(),
            new_tools: BTreeSet::new(),
            held: Vec::new(),
            was_ended: false,
            logins: Logins::default(),
        }
    }

    /// The same state, on a host that does not notice what another program writes to `auth.json`.
    #[must_use]
    pub fn unnoticing(&self) -> Self {
        State { file_counts: false, ..self.clone() }
    }

    /// The settings on the command line of the running host; nothing without any.
    #[must_use]
    pub fn arguments(&self) -> Option<&Value> {
        self.arguments.in_force()
    }

    /// The configuration in force: `config.toml` and the settings on the command line.
    #[must_use]
    pub fn configuration(&self) -> &Value {
        self.config.written()
    }

    /// The configuration if this is in `config.toml`.
    pub(super) fn configured(&self, written: &Value) -> Config {
        match self.arguments.in_force() {
            Some(_) => Config::new(self.profile, &self.arguments.over(written)),
            None => Config::new(self.profile, written),
        }
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
        self.changes_calls_that_wait(step);
        match step {
            Step::Config(config) => {
                self.file = Config::new(self.profile, config);
                self.config = self.configured(config);
                done()
            }
            Step::Arguments(settings) => {
                self.arguments.give(settings);
                done()
            }
            Step::SignIn(sign_in) => self.sign_in(sign_in),
            Step::SignOut { by } => self.sign_out(*by),
            Step::Thread { name } => self.thread(name),
            Step::SecondThread { name } => self.second_thread(name),
            Step::Reload => self.reload(),
            Step::Turn { thread } => self.turn(thread),
            Step::View => self.view(),
            Step::Call { thread, server } => self.call(thread, server),
            Step::Read { thread, server } => self.read(thread.as_deref(), server),
            Step::World { server, behaviour } => {
                self.behave(server, *behaviour);
                done()
            }
            Step::Release { server } => self.release(server),
            Step::LogIn { server } => {
                self.log_in(server);
                done()
            }
            Step::Expire { server } => {
                self.expire(server);
                done()
            }
            Step::Tokens { server, behaviour } => {
                self.tokens_behave(server, *behaviour);
                done()
            }
            Step::KillServer { server } => {
                self.is_gone(server);
                self.processes_end(server);
                self.behaviours.entry(server.clone()).or_default();
                done()
            }
            Step::Settle => self.settle(),
            Step::EndHost { by } => self.end_host(*by),
            Step::Together(steps) => self.together(steps),
        }
    }

    fn behave(&mut self, server: &str, behaviour: Behaviour) {
        let behaviour = match behaviour {
            Behaviour::Forget => {
                // In the middle of a handshake, a lost session is a failed start.
                for thread in self.threads.values_mut() {
                    if !thread.is_connected_to(server) {
                        thread.gone.insert(server.into(), BTreeSet::new());
                    }
                }
                Behaviour::Well
            }
            Behaviour::NewTools => {
                self.new_tools.insert(server.into());
                Behaviour::Well
            }
            other => other,
        };
        if matches!(behaviour, Behaviour::Down | Behaviour::HoldStart) {
            self.is_gone(server);
            if behaviour == Behaviour::Down && !server.contains("://") {
                self.processes_end(server);
            }
        }
        self.behaviours.insert(server.into(), behaviour);
    }

    /// A thread's connection to a server may not be there any more, or not come about.
    pub(super) fn is_gone(&mut self, server: &str) {
        for thread in self.threads.values_mut() {
            thread.gone.insert(server.into(), BTreeSet::new());
        }
    }

    /// What the processes of a stdio server hold is never answered.
    fn processes_end(&mut self, server: &str) {
        let held = self.held.iter_mut().filter(|held| held.at == server);
        held.for_each(|held| held.was_killed = true);
    }

    /// Rule `lifecycle.superseded-ends`: Connections and processes that no view uses MUST be gone
    /// within 2 s of their last call.
    fn settle(&self) -> Expected {
        let anything = self.logins.is_second_apart();
        let left = Seen::LeftOver(BTreeSet::new());
        Expected { anything, ..Expected::only(left, Rule::LifecycleSupersededEnds) }
    }

    /// Rule `lifecycle.ends`: After the end of input, a host and everything that it started MUST be
    /// gone within 2 s.
    fn end_host(&mut self, by: Ending) -> Expected {
        let mut expected = match by {
            Ending::EndOfInput => {
                Expected::only(Seen::LeftOver(BTreeSet::new()), Rule::LifecycleEnds)
            }
            Ending::Kill => done(),
        };
        if !self.is_running {
            expected.allowed = vec![Seen::Done];
        }
        self.was_ended |= self.is_running;
        self.logins.host_ended(self.is_running);
        self.is_running = false;
        self.account_moved = false;
        self.supplied_tokens_end();
        self.threads.clear();
        self.held.clear();
        expected
    }

    /// The host starts, or notices now what another program did to `auth.json` since the last
    /// request.
    fn host_is_asked(&mut self) {
        if !self.is_running {
            self.is_running = true;
            if self.arguments.take() {
                self.config = self.configured(self.file.written());
            }
            self.known = self.on_disk.clone();
        }
        if std::mem::take(&mut self.account_moved) {
            self.config_may_be_taken_up();
        }
    }

    /// Rule `lifecycle.thread-starts`: A thread MUST start with the configuration in force at some
    /// moment between `thread/start` and its answer, and MUST be refused if that configuration is.
    pub(super) fn thread(&mut self, name: &str) -> Expected {
        if self.config.observed(self.known.as_ref()).is_none() {
            return refused(Rule::LifecycleThreadStarts);
        }
        let accounts = vec![self.known.clone()];
        let (before, perhaps) = (Vec::new(), Vec::new());
        let gone = self.down().map(|server| (server, BTreeSet::new())).collect();
        let (config, answered) = (self.config.clone(), BTreeSet::new());
        let thread = Thread {
            config,
            before,
            has_turned: false,
            perhaps,
            accounts,
            gone,
            was_refused: false,
            is_after_refused: false,
            is_opening: false,
            slow: Vec::new(),
            answered,
        };
        self.threads.insert(name.into(), thread);
        let mut expected = Expected { rule: Rule::LifecycleThreadStarts, ..done() };
        if self.down().next().is_some() {
            expected.wrong.push((Seen::Refused, Rule::LifecycleApart));
        }
        expected
    }

    /// The servers that are down, hold handshakes, or are behind a token endpoint that fails.
    pub(super) fn down(&self) -> impl Iterator<Item = String> {
        let is_down = |behaves| matches!(behaves, Behaviour::Down | Behaviour::HoldStart);
        let down = self.behaviours.iter().filter(move |(_, behaves)| is_down(**behaves));
        down.map(|(server, _)| server).chain(self.logins.out_of_reach()).cloned()
    }

    /// Rule `lifecycle.broken-keeps`: A reload of a refused configuration MUST be an error and
    /// MUST change nothing; the next good one works.
    fn reload(&mut self) -> Expected {
        if self.config.observed(self.known.as_ref()).is_none() {
            self.threads.values_mut().for_each(|thread| thread.was_refused = true);
            let mut expected = refused(Rule::LifecycleBrokenKeeps);
            // A host without threads has nothing to reload, and need not look.
            expected.allowed.extend(self.threads.is_empty().then_some(Seen::Done));
            return expected;
        }
        let down: Vec<String> = self.down().collect();
        self.note_slow_reloads();
        let is_late = self.profile.has(Rule::LifecycleReloadNextTurn);
        for thread in self.threads.values_mut() {
            if std::mem::take(&mut thread.has_turned) {
                // What the turn ended is no more what the thread had before this reload.
                thread.before.clear();
            }
            let before = std::mem::replace(&mut thread.config, self.config.clone());
            thread.before.append(&mut thread.perhaps);
            thread.before.push(before);
            if !is_late {
                thread.starts_servers_again(&down);
            }
            thread.is_after_refused = std::mem::take(&mut thread.was_refused);
            thread.answered.clear();
        }
        let mut expected = Expected { rule: Rule::LifecycleReloadApplies, ..done() };
        // A host may answer after the handshake.
        expected.allowed.extend(self.holds_a_start().then_some(Seen::Unanswered));
        expected
    }

    /// Rule `lifecycle.at-most-once`: A tool call that a server has taken MUST NOT be sent again. That
    /// shows at the server, not in what is seen of the step.
    pub(super) fn call(&self, thread: &str, server: &str) -> Expected {
        let Some(known) = self.threads.get(thread) else {
            return refused(Rule::LifecycleThreadKeeps);
        };
        let users = Users {
            thread: known,
            on_disk: &self.config,
            rules: self.profile.rules(),
            was_ended: self.was_ended,
            lost: self.lost.as_ref(),
        };
        let mut expected = use_of(&users, server, self);
        self.under_logins(thread, server, &mut expected);
        if self.held.iter().any(|call| call.server == server) {
            // A host may queue the calls to a server that holds one.
            expected.allowed.push(Seen::Unanswered);
        }
        expected
    }

    /// Takes note of what was observed of the last step, where several observations were allowed and
    /// later ones depend on it.
    pub fn took(&mut self, step: &Step, seen: &Seen) {
        self.took_logins(step, seen);
        match (step, seen) {
            (Step::SignIn(sign_in), Seen::Done) => self.signed_in(sign_in),
            (Step::Turn { thread }, Seen::Done) => self.turned(thread),
            (Step::Call { server, .. }, Seen::Held { at, account }) => {
                let (at, account) = (at.clone(), account.clone());
                let server = server.clone();
                self.held.push(HeldCall { server, at, account, was_killed: false });
            }
            (Step::Reload, Seen::Unanswered) => self.reload_is_open(),
            (Step::Together(steps), Seen::Together(all)) => {
                let steps = steps.iter().filter(|step| step.can_be_together());
                steps.zip(all).for_each(|(step, seen)| self.took(step, seen));
            }
            _ => {}
        }
        let Some((thread, server)) = step.used() else { return };
        match seen {
            Seen::Refused | Seen::Failed { .. } => self.failed(thread, server),
            Seen::Answered { .. } => {
                if let Some(thread) = self.threads.get_mut(thread) {
                    thread.answered.insert(server.into());
                }
            }
            _ => {}
        }
    }

    /// A use failed, so the host knows that the server is gone.
    fn failed(&mut self, thread: &str, server: &str) {
        let Some(known) = self.threads.get(thread) else { return };
        let observed = known.config.observed(self.known.as_ref());
        let Some(target) = observed.and_then(|observed| target(observed, server, None)) else {
            return;
        };
        let at = target.at.to_string();
        let thread = self.threads.get_mut(thread);
        if let Some(noticed) = thread.and_then(|thread| thread.gone.get_mut(&at)) {
            noticed.insert(server.into());
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
        let answered = |HeldCall { at, account, was_killed, .. }| match was_killed {
            true => Seen::Failed { at, account },
            false => Seen::Answered { by: at, account },
        };
        let outcomes = released.into_iter().map(answered).collect();
        self.release_tokens(server, outcomes)
    }
}

impl World for State {
    fn behaviour(&self, at: &str) -> Behaviour {
        match self.behaviours.get(server_at(at)).copied().unwrap_or_default() {
            // Its answers are right.
            Behaviour::Slow => Behaviour::Well,
            behaviour => behaviour,
        }
    }

    fn access(&self, name: &str, at: &str) -> Access {
        State::access(self, name, at)
    }

    fn holds_refresh(&self, at: &str) -> bool {
        self.logins.holds(at)
    }

    fn rule_of_failure(&self, at: &str) -> Option<Rule> {
        if self.behaviours.contains_key(server_at(at)) {
            return Some(Rule::LifecycleRecovers);
        }
        let is_unwell = self.behaviours.values().any(|behaves| *behaves != Behaviour::Well);
        let has_ended = self.threads.values().any(|thread| !thread.gone.is_empty());
        (is_unwell || has_ended).then_some(Rule::LifecycleApart)
    }
}

pub(super) fn done() -> Expected {
    Expected::only(Seen::Done, Rule::LifecycleViewNow)
}

pub(super) fn refused(rule: Rule) -> Expected {
    Expected::only(Seen::Refused, rule)
}
