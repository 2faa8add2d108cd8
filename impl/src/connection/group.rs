//! The processes that a server consists of.

use std::io;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

/// What a process group is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// To end.
    Ask,
    /// Nothing: it is ended.
    Kill,
}

#[cfg(unix)]
pub(super) use unix::Group;
#[cfg(unix)]
pub use unix::kill_all_processes;

#[cfg(unix)]
mod unix {
    use std::collections::BTreeSet;
    use std::future::{Future as _, poll_fn};
    use std::pin::pin;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::process::{
        Pid, Signal as System, kill_process_group, test_kill_process_group as test,
    };

    use super::{Child, Command, ExitStatus, Signal, io};

    /// The groups of this host that may have somebody in them.
    ///
    /// A group's number stays its own as long as one of its processes exists, be it one that only
    /// waits to be waited for. So everything that frees a number happens under this lock together
    /// with its removal: a leader is waited for under it, and its group is looked at right after.
    /// If a process of the group outlives its leader, the number is free when that one ends, and
    /// it is removed at the next look, 10 ms later; systems count through all other numbers before
    /// they give the same one away again.
    static LIVE: Mutex<Live> = Mutex::new(Live { groups: BTreeSet::new(), over: false });

    struct Live {
        groups: BTreeSet<i32>,
        /// No process is started any more.
        over: bool,
    }

    fn live() -> MutexGuard<'static, Live> {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills all processes of all connections at once and lets no connection start another one:
    /// for a host that is about to exit. Waits for nobody and needs no runtime, so it does its work
    /// even if the tasks that would end the processes in order do not get to run. A process that
    /// has left its group is out of reach.
    pub fn kill_all_processes() {
        let mut live = live();
        live.over = true;
        for group in live.groups.iter().filter_map(|id| Pid::from_raw(*id)) {
            // It fails if nobody is left, which is the aim.
            let _ = kill_process_group(group, System::KILL);
        }
    }

    /// The process group of a server, which is killed when this is dropped. A process that has
    /// left the group is out of reach.
    pub(crate) struct Group(Option<Pid>);

    impl Group {
        /// Starts the leader of a group of its own.
        pub(crate) fn start(command: &mut Command) -> io::Result<(Child, Self)> {
            command.process_group(0);
            // Held until the group is known: none may come to be unseen while all are killed.
            let mut live = live();
            if live.over {
                return Err(io::Error::other("the host is about to exit"));
            }
            let leader = command.spawn()?;
            let id = leader.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
            live.groups.extend(id.map(|id| id.as_raw_nonzero().get()));
            Ok((leader, Self(id)))
        }

        /// Waits for the end of the leader.
        pub(crate) async fn wait(&mut self, leader: &mut Child) -> io::Result<ExitStatus> {
            let mut ended = pin!(leader.wait());
            poll_fn(|context| {
                let mut live = live();
                let status = ended.as_mut().poll(context);
                if status.is_ready() {
                    self.look(&mut live);
                }
                status
            })
            .await
        }

        pub(crate) fn signal(&self, _leader: &mut Child, signal: Signal) {
            self.send(match signal {
                Signal::Ask => System::TERM,
                Signal::Kill => System::KILL,
            });
        }

        fn send(&self, signal: System) {
            if let Some(group) = self.0 {
                // It fails if nobody is left, which is the aim.
                let _ = kill_process_group(group, signal);
            }
        }

        /// Whether anybody is left. If not, nothing is sent to the group any more: its number may
        /// be another group's soon.
        pub(crate) fn is_alive(&mut self) -> bool {
            self.look(&mut live())
        }

        fn look(&mut self, live: &mut Live) -> bool {
            let alive = self.0.is_some_and(|group| test(group).is_ok());
            if !alive {
                self.forget(live);
            }
            alive
        }

        fn forget(&mut self, live: &mut Live) {
            if let Some(group) = self.0.take() {
                live.groups.remove(&group.as_raw_nonzero().get());
            }
        }
    }

    impl Drop for Group {
        fn drop(&mut self) {
            let mut live = live();
            self.send(System::KILL);
            self.forget(&mut live);
        }
    }
}

/// Without process groups: the process that was started, and none that it started.
#[cfg(not(unix))]
pub(super) struct Group;

#[cfg(not(unix))]
impl Group {
    pub(super) fn start(command: &mut Command) -> io::Result<(Child, Self)> {
        Ok((command.spawn()?, Self))
    }

    pub(super) async fn wait(&mut self, leader: &mut Child) -> io::Result<ExitStatus> {
        leader.wait().await
    }

    pub(super) fn signal(&self, leader: &mut Child, signal: Signal) {
        if signal == Signal::Kill {
            // It fails if the process has ended, which is the aim.
            let _ = leader.start_kill();
        }
    }

    pub(super) fn is_alive(&mut self) -> bool {
        false
    }
}

/// Without process groups there is no list of them: a process ends when its input does.
#[cfg(not(unix))]
pub fn kill_all_processes() {}
