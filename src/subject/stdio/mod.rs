//! An external implementation: a process that speaks the conformance protocol (`docs/protocol.md`)
//! on standard input and output.

mod message;
mod observations;
mod process;
mod unique;
mod unreadable;
mod variables;

use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_overlay_model::lifecycle::{Seen, Sequence};
use mcp_overlay_model::narrow::narrowed;

use crate::cases::numbers::case_with_integers;
use mcp_overlay_model::{Answer, Case, Profile};

use self::message::Hello;
use self::process::{Broken, Process};
use super::driver::{Driver, MORE_PATIENCE, Patient, Route, SubjectKind};
use super::form::Form;
pub use super::process::group::kill_all;
use super::reply::{Failure, Reply};
use super::steps::Steps;
use super::trace::{Observed, Trace};
use super::watch::Watch;

use crate::display::printable;

/// The shortest timeout while a case that hung is shrunk; candidates that do not hang are answered
/// much sooner.
const HURRIED: Duration = Duration::from_millis(300);

/// The timeout then, as a multiple of the slowest answer so far.
const SLOWER: u32 = 4;

/// How long a step takes in a trace. Only the order of the steps matters.
const STEP: Duration = Duration::from_secs(1);

/// The timeouts for a process.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From a request, or from the previous answer, to an answer.
    pub case: Duration,
    /// From the start of the process to its introduction.
    pub start: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { case: Duration::from_secs(2), start: Duration::from_secs(10) }
    }
}

/// Why a command cannot be a subject.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It did not introduce itself.
    #[error("the subject `{command}` {problem}")]
    Start {
        /// The command.
        command: String,
        /// What happened.
        problem: String,
    },
    /// It does not support the profile to check.
    #[error(
        "the subject `{command}` does not know the profile {wanted}; it knows: {known}\n  \
         help: a subject names {wanted} among its `profiles` when it is started"
    )]
    Profile {
        /// The command.
        command: String,
        /// The profile to check.
        wanted: &'static str,
        /// The profiles that it named.
        known: String,
    },
    /// It supports no profile of this version.
    #[error(
        "the subject `{command}` lists no profile that this version knows; its `profiles`: {listed}\n  \
         known here: {}\n  help: a new host lists {}, the newest that a released Codex follows",
        Profile::ALL.map(Profile::name).join(", "),
        Profile::NEWEST_RELEASED.name()
    )]
    NoProfile {
        /// The command.
        command: String,
        /// The profiles that it named.
        listed: String,
    },
}

/// Asks a subject in subprocesses: one per asking thread, reused for the next batch.
#[derive(Debug)]
pub struct StdioDriver {
    name: String,
    command: Vec<String>,
    /// Whether it declares the capability `warnings`.
    warns: bool,
    /// Whether it declares the capability `wide-cases`.
    knows_wide_cases: bool,
    /// Whether it is asked numbers such as `1000.0`.
    tells_numbers_apart: bool,
    /// The steps of sequences that it declares.
    steps: Steps,
    /// The profiles that it lists and this version knows, oldest first.
    profiles: Vec<Profile>,
    preferred_profile: Profile,
    patience: Patience,
    hurried: AtomicBool,
    /// The slowest answer so far, in any process.
    slowest: Mutex<Duration>,
    idle: Mutex<Vec<Process>>,
}

impl StdioDriver {
    /// Starts the command, given as a list of arguments, to learn its name and to check that it
    /// works.
    ///
    /// # Errors
    /// It cannot be started, does not introduce itself, or does not support one of the profiles, or
    /// any profile.
    pub fn start(
        command: Vec<String>,
        profiles: &[Profile],
        patience: Patience,
    ) -> Result<Self, StartError> {
        // Only the program, because its arguments may contain secrets.
        let words = command.first().cloned().unwrap_or_default();
        let started = Process::start(&command, patience.start)
            .and_then(|(process, hello)| Ok((process, hello.steps()?, hello)));
        let (process, steps, hello) = match started {
            Ok(started) => started,
            Err(Failure { message, .. }) => {
                return Err(StartError::Start { command: words, problem: message });
            }
        };
        let is_known =
            |profile: &&Profile| hello.profiles.iter().any(|known| known == profile.name());
        let newest = Profile::ALL.iter().rfind(is_known);
        let preferred = Some(&Profile::default()).filter(is_known).or(newest).copied();
        let unknown = profiles.iter().find(|profile| !is_known(profile)).copied();
        let (None, Some(preferred_profile)) = (unknown, preferred) else {
            let listed: Vec<String> = hello.profiles.iter().map(|known| printable(known)).collect();
            let listed = if listed.is_empty() { "none".into() } else { listed.join(", ") };
            let wanted = unknown.filter(|_| preferred.is_some()).map(Profile::name);
            return Err(match wanted {
                Some(wanted) => StartError::Profile { command: words, wanted, known: listed },
                None => StartError::NoProfile { command: words, listed },
            });
        };
        Ok(StdioDriver {
            name: name_of(&hello),
            command,
            warns: hello.warns(),
            knows_wide_cases: hello.knows_wide_cases(),
            tells_numbers_apart: hello.tells_numbers_apart(),
            steps,
            profiles: Profile::ALL.iter().filter(is_known).copied().collect(),
            preferred_profile,
            patience,
            hurried: AtomicBool::new(false),
            slowest: Mutex::default(),
            idle: Mutex::new(vec![process]),
        })
    }

    /// The profile to check if none is asked for: the default one, or the newest one that the subject
    /// knows.
    #[must_use]
    pub fn preferred_profile(&self) -> Profile {
        self.preferred_profile
    }

    /// The profiles that the subject lists, of those that this version knows, oldest first.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Stops all processes as the protocol says; returns a description of each irregular exit.
    pub fn stop(&self) -> Vec<String> {
        let stop = |mut process: Process| process.stop(self.patience.case).err();
        self.take_all().into_iter().filter_map(stop).map(|failure| failure.message).collect()
    }

    fn take_all(&self) -> Vec<Process> {
        std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Result<Process, Failure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(process) => Ok(process),
            None => Process::start(&self.command, self.patience.start).map(|(process, _)| process),
        }
    }

    /// Asks cases, in a form or in the plain one.
    fn ask_in(&self, form: Option<Form>, cases: &[Case]) -> Vec<Reply> {
        let timeout = self.timeout();
        self.ask_within(form, cases, timeout).0
    }

    /// The time for an answer.
    fn timeout(&self) -> Duration {
        let hurried = self.hurried.load(Ordering::Relaxed);
        let in_a_hurry = HURRIED.max(*self.slowest() * SLOWER).min(self.patience.case);
        if hurried { in_a_hurry } else { self.patience.case }
    }

    /// Asks one case with more patience.
    fn ask_patiently_in(&self, form: Option<Form>, case: &Case) -> Patient {
        let timeout = self.patience.case * MORE_PATIENCE;
        let (mut replies, late) = self.ask_within(form, slice::from_ref(case), timeout);
        Patient { reply: replies.pop().unwrap_or(Reply::NotAsked), late }
    }

    /// Asks cases, each of which is to be answered within `timeout`; also returns whether an answer
    /// took longer than the usual time.
    fn ask_within(
        &self,
        form: Option<Form>,
        cases: &[Case],
        timeout: Duration,
    ) -> (Vec<Reply>, bool) {
        let mut late = false;
        let asked = self.take().map(|mut process| {
            let answered = process.ask(form, cases, timeout);
            late = process.slowest() > self.patience.case;
            let mut slowest = self.slowest();
            if !late {
                *slowest = slowest.max(process.slowest());
            }
            drop(slowest);
            match form {
                _ if answered.is_err() || late => drop(process),
                // After the greatest number, no other is left.
                Some(Form::LargeSeq) => drop(process.stop(self.patience.case)),
                Some(Form::Stop | Form::EndOfInput) => drop(process),
                _ => self.give_back(process),
            }
            answered
        });
        let (answers, suspect, failure) = match asked {
            Ok(Ok(answers)) => {
                let heard = |answer| Reply::Answered(self.heard(answer));
                return (answers.into_iter().map(heard).collect(), late);
            }
            Ok(Err(Broken { answers, suspect, failure })) => (answers, suspect, failure),
            Err(failure) => (vec![None; cases.len()], 0, failure),
        };
        let reply = |(position, answer): (usize, Option<Answer>)| match answer {
            _ if position == suspect => Reply::Failed(failure.clone()),
            Some(answer) => Reply::Answered(self.heard(answer)),
            None => Reply::NotAsked,
        };
        (answers.into_iter().enumerate().map(reply).collect(), late)
    }

    /// An answer with warnings only if the subject declares them; then an absent list is an empty
    /// one.
    fn heard(&self, mut answer: Answer) -> Answer {
        if let Answer::Resolved { warnings, .. } = &mut answer {
            *warnings = self.warns.then(|| warnings.take().unwrap_or_default());
        }
        answer
    }

    /// Plays a sequence, all of it in one request.
    /// Also returns whether the answer took longer than the usual time.
    fn played(&self, sequence: &Sequence, timeout: Duration) -> Result<(Vec<Seen>, bool), Failure> {
        let mut process = self.take()?;
        let observations = process.play(sequence, timeout)?;
        let late = process.slowest() > self.patience.case;
        if !late {
            let mut slowest = self.slowest();
            *slowest = slowest.max(process.slowest());
            drop(slowest);
            self.give_back(process);
        }
        Ok((observations, late))
    }

    fn slowest(&self) -> MutexGuard<'_, Duration> {
        self.slowest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, process: Process) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }
}

fn trace_of(observations: Vec<Seen>) -> Trace {
    let observed = |(at, seen): (u32, Seen)| Observed { seen, ended: STEP * (at + 1) };
    Trace { steps: (0..).zip(observations).map(observed).collect(), ..Trace::default() }
}

/// Name and version as the subject reports them.
fn name_of(hello: &Hello) -> String {
    let said = &hello.implementation;
    let words = [&said.name, &said.version].map(|word| word.trim().to_string());
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let mut name: String = words.join(" ").chars().filter(|c| !c.is_control()).take(80).collect();
    if name.is_empty() {
        name = "subject".into();
    }
    name
}

impl Driver for StdioDriver {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        self.ask_in(None, cases)
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        self.ask_patiently_in(None, case)
    }

    fn restart(&self) {
        self.take_all();
    }

    fn kind(&self) -> SubjectKind {
        SubjectKind::Stdio
    }

    fn warns(&self) -> bool {
        self.warns
    }

    fn knows_wide_cases(&self) -> bool {
        self.knows_wide_cases
    }

    fn declared(&self) -> Steps {
        self.steps.clone()
    }

    fn tells_numbers_apart(&self) -> bool {
        self.tells_numbers_apart
    }

    fn narrow(&self, case: Case) -> Case {
        let case = if self.knows_wide_cases { case } else { narrowed(case) };
        if self.tells_numbers_apart { case } else { case_with_integers(case) }
    }

    fn by_route(&self, _: Route) -> Option<&dyn Driver> {
        None
    }

    fn in_form(&self, form: Form) -> Option<Box<dyn Driver + '_>> {
        Some(Box::new(InForm { driver: self, form }))
    }

    /// The watcher sees the steps one after the other when all have been played.
    fn play_watched(
        &self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Option<Result<Trace, Failure>> {
        if !self.steps.can_play(sequence) {
            return None;
        }
        let played = self.played(sequence, self.timeout());
        Some(played.map(|(observations, _)| {
            let trace = trace_of(observations);
            for (number, (step, observed)) in sequence.steps.iter().zip(&trace.steps).enumerate() {
                watch.before(number, step);
                watch.after(observed);
            }
            trace
        }))
    }

    fn play_patiently(&self, sequence: &Sequence) -> Option<(Result<Trace, Failure>, bool)> {
        if !self.steps.can_play(sequence) {
            return None;
        }
        Some(match self.played(sequence, self.patience.case * MORE_PATIENCE) {
            Ok((observations, late)) => (Ok(trace_of(observations)), late),
            Err(failure) => (Err(failure), true),
        })
    }

    fn hurry(&self, hurry: bool) {
        self.hurried.store(hurry, Ordering::Relaxed);
    }
}

/// The same subject, sent requests in a form.
struct InForm<'a> {
    driver: &'a StdioDriver,
    form: Form,
}

impl Driver for InForm<'_> {
    fn name(&self) -> &str {
        self.driver.name()
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        self.driver.ask_in(Some(self.form), cases)
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        self.driver.ask_patiently_in(Some(self.form), case)
    }

    /// Stops the processes instead of killing them, so that they can write what they keep until
    /// their end, such as counts of what they reached.
    fn restart(&self) {
        self.driver.stop();
    }

    fn kind(&self) -> SubjectKind {
        self.driver.kind()
    }

    fn warns(&self) -> bool {
        self.driver.warns()
    }

    fn knows_wide_cases(&self) -> bool {
        self.driver.knows_wide_cases()
    }

    fn tells_numbers_apart(&self) -> bool {
        self.driver.tells_numbers_apart()
    }

    fn declared(&self) -> Steps {
        self.driver.declared()
    }

    fn narrow(&self, case: Case) -> Case {
        self.driver.narrow(case)
    }

    fn by_route(&self, _: Route) -> Option<&dyn Driver> {
        None
    }

    fn in_form(&self, _: Form) -> Option<Box<dyn Driver + '_>> {
        None
    }

    fn play_watched(&self, _: &Sequence, _: &mut dyn Watch) -> Option<Result<Trace, Failure>> {
        None
    }

    fn hurry(&self, hurry: bool) {
        self.driver.hurry(hurry);
    }
}
