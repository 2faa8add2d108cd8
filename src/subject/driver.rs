//! How the checker asks a subject, wherever the subject runs.

use std::slice;

use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::observe::observed;
use mcp_overlay_model::{Case, Outcome};
use serde::{Deserialize, Serialize};

use super::form::Form;
use super::reply::{Failure, Reply};
use super::steps::Steps;
use super::trace::Trace;
use super::watch::{Unwatched, Watch};
use crate::parallel::cores;

/// Asks one subject: in this process, over stdio, or a running host from outside.
///
/// Methods for cases have no default, except those that follow from other methods, so that a driver around
/// another one forwards all of them or does not compile.
pub trait Driver: Sync {
    /// A short name for reports.
    fn name(&self) -> &str;

    /// Asks cases, possibly pipelined; returns one reply per case, in the order of the cases.
    fn ask(&self, cases: &[Case]) -> Vec<Reply>;

    /// Asks one case with [`MORE_PATIENCE`] times the patience.
    fn ask_patiently(&self, case: &Case) -> Patient;

    /// Resets the subject to the state of a newly started process.
    fn restart(&self);

    /// The kind of subject, which decides what a complete run covers.
    fn kind(&self) -> SubjectKind;

    /// Whether its answers say what was warned about.
    fn warns(&self) -> bool;

    /// Whether it is asked wide cases; the others are narrowed by [`narrow`](Driver::narrow). A running
    /// host is asked what [`narrow`](Driver::narrow) leaves of them.
    fn knows_wide_cases(&self) -> bool {
        true
    }

    /// Whether it is asked whole numbers such as `1000.0`; for the others [`narrow`](Driver::narrow)
    /// makes them integers, because their language has no difference.
    fn tells_numbers_apart(&self) -> bool {
        true
    }

    /// The steps of sequences that a subject over stdio declares. What other kinds play follows from
    /// the kind.
    fn declared(&self) -> Steps;

    /// Whether it plays sequences.
    fn plays(&self) -> bool {
        self.kind().plays() || !self.declared().is_empty()
    }

    /// How the subject is observed.
    fn visibility(&self) -> Visibility {
        self.kind().visibility()
    }

    /// Narrows the case to the parts that the driver can send to the subject; returns other cases
    /// unchanged.
    fn narrow(&self, case: Case) -> Case;

    /// The route by which it is given its config.
    fn route(&self) -> Route {
        Route::File
    }

    /// The same subject, given its config by another route; `None` without such a route.
    fn by_route(&self, route: Route) -> Option<&dyn Driver>;

    /// The same subject, sent requests in this form; `None` without requests of the protocol.
    fn in_form(&self, form: Form) -> Option<Box<dyn Driver + '_>>;

    /// Plays a sequence of steps on a new process; `None` if this kind of subject has no steps.
    fn play(&self, sequence: &Sequence) -> Option<Result<Trace, Failure>> {
        self.play_watched(sequence, &mut Unwatched)
    }

    /// The same, watched.
    fn play_watched(
        &self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Option<Result<Trace, Failure>>;

    /// Plays a sequence with [`MORE_PATIENCE`] times the patience; also returns whether the answer would
    /// have been late. `None` if this kind of subject has no more patience for sequences.
    fn play_patiently(&self, _: &Sequence) -> Option<(Result<Trace, Failure>, bool)> {
        None
    }

    /// Shortens the timeouts while a case that hung is shrunk; see
    /// [`shrink`](crate::cases::shrink).
    fn hurry(&self, hurry: bool);
}

/// How many times the patience a late answer gets when its case is asked again.
pub const MORE_PATIENCE: u32 = 10;

/// The reply to a case that was asked with more patience.
#[derive(Clone, Debug, PartialEq)]
pub struct Patient {
    /// The reply.
    pub reply: Reply,
    /// Whether the answer would have been late with the usual patience.
    pub late: bool,
}

/// How many threads ask the subject. A running host mostly waits: for its own start, and for its servers.
pub(crate) fn threads_for(driver: &dyn Driver) -> usize {
    match driver.visibility() {
        Visibility::Views => cores(),
        Visibility::Outside => 3 * cores(),
    }
}

/// Asks a single case.
pub fn ask_one(driver: &dyn Driver, case: &Case) -> Reply {
    driver.ask(slice::from_ref(case)).pop().unwrap_or(Reply::NotAsked)
}

/// The kind of a subject: the phases and the rules of a complete run depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A subject of this process, such as the production implementation.
    #[default]
    InProcess,
    /// The production implementation, which also plays sequences in this process.
    Production,
    /// A process that speaks the protocol of `docs/protocol.md`.
    Stdio,
    /// A running app-server, with the Apps endpoint on loopback.
    AppServer,
    /// A running app-server, with the Apps endpoint at ChatGPT's own origin.
    AppServerAtChatgpt,
}

impl SubjectKind {
    /// Whether every subject of this kind plays sequences. One over stdio declares it.
    pub fn plays(self) -> bool {
        match self {
            SubjectKind::InProcess | SubjectKind::Stdio => false,
            SubjectKind::Production | SubjectKind::AppServer | SubjectKind::AppServerAtChatgpt => {
                true
            }
        }
    }

    /// The options that select such a subject on the command line, with placeholders.
    pub fn selecting(self) -> &'static str {
        match self {
            SubjectKind::Production => "",
            SubjectKind::InProcess => " --fault FAULT",
            SubjectKind::Stdio => " --stdio CMD",
            SubjectKind::AppServer => " --app-server CMD",
            SubjectKind::AppServerAtChatgpt => " --app-server CMD --true-origin",
        }
    }

    /// How a subject of this kind is observed.
    pub fn visibility(self) -> Visibility {
        match self {
            SubjectKind::InProcess | SubjectKind::Production | SubjectKind::Stdio => {
                Visibility::Views
            }
            SubjectKind::AppServer | SubjectKind::AppServerAtChatgpt => Visibility::Outside,
        }
    }
}

/// How a subject is observed, and so which part of an outcome it can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// It returns its three views.
    #[default]
    Views,
    /// It is a running host, observed by its client and by the servers that it connects to.
    Outside,
}

impl Visibility {
    /// The observation that the specification expects.
    #[must_use]
    pub fn of(self, case: &Case, outcome: Outcome) -> Outcome {
        self.part_of(case, &outcome).unwrap_or(outcome)
    }

    /// The part of an outcome that is observed; `None` if that is all of it.
    pub(crate) fn part_of(self, case: &Case, outcome: &Outcome) -> Option<Outcome> {
        match self {
            Visibility::Views => None,
            Visibility::Outside => Some(observed(case, outcome)),
        }
    }
}

/// How a running host is given its config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// All of it in `config.toml`.
    #[default]
    File,
    /// All of it as `-c key=value` arguments.
    Arguments,
    /// Every other key in the file, the rest as arguments.
    Split,
}

impl Route {
    /// Whether it is the usual one.
    #[must_use]
    pub fn is_file(&self) -> bool {
        *self == Route::File
    }

    /// The subject by this route; `None` if the subject has no such route.
    #[must_use]
    pub fn of(self, driver: &dyn Driver) -> Option<&dyn Driver> {
        if self == driver.route() { Some(driver) } else { driver.by_route(self) }
    }
}
