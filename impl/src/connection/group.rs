//! The processes that a server consists of.

use tokio::process::Child;

/// What a process group is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// To end.
    Ask,
    /// Nothing: it is ended.
    Kill,
}

/// The process group of a server, which is killed when this is dropped. A process that has left
/// the group is out of reach.
#[cfg(unix)]
pub(super) struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    /// The group that this process leads.
    pub(super) fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?)))
    }

    pub(super) fn signal(&self, _leader: &mut Child, signal: Signal) {
        self.send(match signal {
            Signal::Ask => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        });
    }

    fn send(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.0 {
            // It fails if nobody is left, which is the aim.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.0.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
    }

    /// Nobody is left: the number may be another group's soon.
    pub(super) fn is_gone(&mut self) {
        self.0 = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        self.send(rustix::process::Signal::KILL);
    }
}

/// Without process groups: the process that was started, and none that it started.
#[cfg(not(unix))]
pub(super) struct Group;

#[cfg(not(unix))]
impl Group {
    pub(super) fn of(_: &Child) -> Self {
        Self
    }

    pub(super) fn signal(&self, leader: &mut Child, signal: Signal) {
        if signal == Signal::Kill {
            // It fails if the process has ended, which is the aim.
            let _ = leader.start_kill();
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        false
    }

    pub(super) fn is_gone(&mut self) {}
}
