//! Process groups of subjects: killed as a whole, and none survives this process if it can help it.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Groups whose leader has not been waited for. Until it is, nobody else can have its number.
static LIVE: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn live() -> MutexGuard<'static, BTreeSet<u32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a process that was started as the leader of a group.
pub(super) fn started(child: &Child) {
    live().insert(child.id());
}

/// Kills the group of a process that has not been waited for.
pub(super) fn kill(child: &mut Child) {
    let mut live = live();
    if live.remove(&child.id()) {
        kill_group(child.id());
    }
    // One that left its own group is not spared either.
    drop(child.kill());
}

/// Kills every subject's process group, for a program that is about to end out of order: a subject
/// that hangs would outlive it.
pub fn kill_all() {
    for leader in std::mem::take(&mut *live()) {
        kill_group(leader);
    }
}

#[cfg(unix)]
fn kill_group(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // That the group is gone already is what is wanted.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_: u32) {}

/// Whether a process has ended; it is not waited for.
#[cfg(unix)]
pub(super) fn has_ended(child: &mut Child) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // Not to be had is as good as gone.
    !matches!(waitid(WaitId::Pid(Pid::from_child(child)), options), Ok(None))
}

#[cfg(not(unix))]
pub(super) fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}
