//! The kinds of steps of sequences without processes and HTTP: those of a host in this process, and of
//! a subject over stdio, which declares the ones that it plays.

use std::collections::BTreeSet;

use mcp_overlay_model::lifecycle::{Behaviour, Sequence, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// [`Step::Config`]
    Config,
    /// [`Step::SignIn`]
    SignIn,
    /// [`Step::SignOut`]
    SignOut,
    /// [`Step::Thread`]
    Thread,
    /// [`Step::Reload`]
    Reload,
    /// [`Step::Turn`]
    Turn,
    /// [`Step::View`]
    View,
    /// [`Step::Call`]
    Call,
    /// [`Step::Read`]
    Read,
    /// [`Step::World`]
    World,
    /// [`Step::Release`]
    Release,
}

impl StepKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [StepKind; 11] = [
        StepKind::Config,
        StepKind::SignIn,
        StepKind::SignOut,
        StepKind::Thread,
        StepKind::Reload,
        StepKind::Turn,
        StepKind::View,
        StepKind::Call,
        StepKind::Read,
        StepKind::World,
        StepKind::Release,
    ];

    /// The kind of a step; `None` if it needs processes or HTTP.
    #[must_use]
    pub fn of(step: &Step) -> Option<Self> {
        match step {
            Step::Config(_) => Some(StepKind::Config),
            Step::SignIn { .. } => Some(StepKind::SignIn),
            Step::SignOut { .. } => Some(StepKind::SignOut),
            Step::Thread { .. } => Some(StepKind::Thread),
            Step::Reload => Some(StepKind::Reload),
            Step::Turn { .. } => Some(StepKind::Turn),
            Step::View => Some(StepKind::View),
            Step::Call { .. } => Some(StepKind::Call),
            Step::Read { .. } => Some(StepKind::Read),
            Step::World { .. } => Some(StepKind::World),
            Step::Release { .. } => Some(StepKind::Release),
            Step::Arguments(_)
            | Step::SecondThread { .. }
            | Step::LogIn { .. }
            | Step::Expire { .. }
            | Step::Tokens { .. }
            | Step::KillServer { .. }
            | Step::Settle
            | Step::EndHost { .. }
            | Step::Together(_) => None,
        }
    }

    /// The name of the step in a sequence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            StepKind::Config => "config",
            StepKind::SignIn => "sign_in",
            StepKind::SignOut => "sign_out",
            StepKind::Thread => "thread",
            StepKind::Reload => "reload",
            StepKind::Turn => "turn",
            StepKind::View => "view",
            StepKind::Call => "call",
            StepKind::Read => "read",
            StepKind::World => "world",
            StepKind::Release => "release",
        }
    }
}

/// The kinds of steps that a subject plays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steps(BTreeSet<StepKind>);

impl Steps {
    /// No steps: the subject plays no sequences.
    #[must_use]
    pub fn none() -> Self {
        Steps::default()
    }

    /// All kinds but turns, which only a host with a model has: a subject declares them by name.
    #[must_use]
    pub fn without_turns() -> Self {
        StepKind::ALL.into_iter().filter(|kind| *kind != StepKind::Turn).collect()
    }

    /// All kinds.
    #[must_use]
    pub fn all() -> Self {
        StepKind::ALL.into_iter().collect()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this kind is one of them.
    #[must_use]
    pub fn has(&self, kind: StepKind) -> bool {
        self.0.contains(&kind)
    }

    /// Whether all of these are.
    #[must_use]
    pub fn have(&self, kinds: &[StepKind]) -> bool {
        kinds.iter().all(|kind| self.has(*kind))
    }

    /// Whether something shows in them: a list of servers, or a call on a thread.
    #[must_use]
    pub fn show(&self) -> bool {
        self.has(StepKind::View) || self.have(&[StepKind::Thread, StepKind::Call])
    }

    /// The names of those that are there.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        StepKind::ALL.into_iter().filter(|kind| self.has(*kind)).map(StepKind::word).collect()
    }

    /// The names of those that are not there, although no model is needed for them.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let Steps(all) = Steps::without_turns();
        all.into_iter().filter(|kind| !self.has(*kind)).map(StepKind::word).collect()
    }

    /// Whether every step of a sequence is of these kinds, with servers that need no process and no
    /// HTTP.
    #[must_use]
    pub fn can_play(&self, sequence: &Sequence) -> bool {
        sequence
            .steps
            .iter()
            .all(|step| StepKind::of(step).is_some_and(|kind| self.has(kind)) && is_in_memory(step))
    }
}

impl FromIterator<StepKind> for Steps {
    fn from_iter<I: IntoIterator<Item = StepKind>>(kinds: I) -> Self {
        Steps(kinds.into_iter().collect())
    }
}

/// Whether a step has no stdio server, and no behaviour that only a server on the network has.
fn is_in_memory(step: &Step) -> bool {
    match step {
        Step::Config(config) => {
            let servers = config.get("mcp_servers").and_then(Value::as_object);
            let mut servers = servers.into_iter().flat_map(|all| all.values());
            !servers.any(|entry| entry.get("command").is_some())
        }
        Step::World { behaviour, .. } => !matches!(
            behaviour,
            Behaviour::Cut
                | Behaviour::BadJson
                | Behaviour::Redirect
                | Behaviour::Slow
                | Behaviour::HoldStart
                | Behaviour::Down
                | Behaviour::Forget
                | Behaviour::NewTools
        ),
        _ => true,
    }
}
