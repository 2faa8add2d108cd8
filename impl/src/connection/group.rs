//! The process group of a server.

use std::io;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

/// A signal to a process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Asks the processes to exit.
    Ask,
    /// Kills the processes.
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

    use super::super::guard::Guard;
    use super::super::strays::Strays;
    use super::{Child, Command, ExitStatus, Signal, io};

    /// The process groups of this host that may not be empty.
    ///
    /// A group's id stays reserved while one of its processes exists, a zombie included. So an id
    /// is freed and removed under the same lock: the leader is waited for under it, and its group
    /// is checked right after. If a process outlives the leader, its exit frees the id, and the
    /// next check 10 ms later removes it; systems use all other ids before they reuse one.
    static LIVE: Mutex<Live> =
        Mutex::new(Live { groups: BTreeSet::new(), guard: Guard::new(), over: false });

    struct Live {
        groups: BTreeSet<i32>,
        guard: Guard,
        /// No more processes are started.
        over: bool,
    }

    fn live() -> MutexGuard<'static, Live> {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills all processes of all connections and prevents new ones, for a host that is about to
    /// exit. Does not block and needs no runtime, so it works even if the tasks that end the
    /// processes no longer run. Of the processes that left their group it reaches those whose parents
    /// live.
    pub fn kill_all_processes() {
        let mut live = live();
        live.over = true;
        for group in live.groups.iter().filter_map(|id| Pid::from_raw(*id)) {
            let mut strays = Strays::default();
            strays.look(group.as_raw_nonzero().get());
            strays.kill();
            // Fails if the group is empty, which is the goal.
            let _ = kill_process_group(group, System::KILL);
        }
    }

    /// The process group of a server, killed on drop. Does not reach a process that left the
    /// group.
    pub(crate) struct Group(Option<Pid>);

    impl Group {
        /// Starts a process as the leader of a new group.
        pub(crate) fn start(command: &mut Command) -> io::Result<(Child, Self)> {
            command.process_group(0);
            // Held until the group is registered, so that `kill_all_processes` misses none.
            let mut live = live();
            if live.over {
                return Err(io::Error::other("the host is about to exit"));
            }
            live.guard.start();
            let leader = command.spawn()?;
            let id = leader.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
            if let Some(id) = id.map(|id| id.as_raw_nonzero().get()) {
                live.groups.insert(id);
                live.guard.started(id);
            }
            Ok((leader, Self(id)))
        }

        /// Waits for the exit of the leader.
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

        /// The id, while the group has processes.
        pub(crate) fn id(&self) -> Option<i32> {
            Some(self.0?.as_raw_nonzero().get())
        }

        pub(crate) fn signal(&self, _leader: &mut Child, signal: Signal) {
            self.send(match signal {
                Signal::Ask => System::TERM,
                Signal::Kill => System::KILL,
            });
        }

        fn send(&self, signal: System) {
            if let Some(group) = self.0 {
                // Fails if the group is empty, which is the goal.
                let _ = kill_process_group(group, signal);
            }
        }

        /// Whether the group has processes left. If not, no more signals are sent to it: its id may
        /// be reused.
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
            if let Some(group) = self.0.take().map(|id| id.as_raw_nonzero().get()) {
                live.groups.remove(&group);
                live.guard.gone(group);
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

/// Without process groups: the started process only, not its children.
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
            // Fails if the process has exited, which is the goal.
            let _ = leader.start_kill();
        }
    }

    pub(super) fn is_alive(&mut self) -> bool {
        false
    }

    pub(super) fn id(&self) -> Option<i32> {
        None
    }
}

/// Does nothing without process groups: a process exits when its input ends.
#[cfg(not(unix))]
pub fn kill_all_processes() {}
