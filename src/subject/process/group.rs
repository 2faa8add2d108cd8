//! Process groups of subjects: each is killed as a whole, and none should outlive this process.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Groups with a leader that has not been reaped. Until then no other process can get its id.
static LIVE: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn live() -> MutexGuard<'static, BTreeSet<u32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a process as the leader of a group.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    // Locked before, so that no process starts while all are killed.
    let mut live = live();
    let child = command.spawn()?;
    live.insert(child.id());
    Ok(child)
}

/// Kills the group of a process that has not been reaped.
pub(super) fn kill(child: &mut Child) {
    let mut live = live();
    if live.remove(&child.id()) {
        kill_group(child.id());
    }
    // Also kill a leader that has left its own group.
    drop(child.kill());
}

/// Kills every subject's process group, and lets no thread start a process or report that one was killed. For a
/// program that ends now: a hanging subject would outlive it.
pub fn kill_all() {
    let mut live = live();
    for leader in std::mem::take(&mut *live) {
        kill_group(leader);
    }
    std::mem::forget(live);
}

#[cfg(unix)]
fn kill_group(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // An error means that the group has already ended.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_: u32) {}

/// Whether a process has ended; does not reap it.
#[cfg(unix)]
pub(super) fn has_ended(child: &mut Child) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // On an error, treat the process as ended.
    !matches!(waitid(WaitId::Pid(Pid::from_child(child)), options), Ok(None))
}

#[cfg(not(unix))]
pub(super) fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}
