//! A process that kills the servers of a host that is killed itself.
//!
//! A host that gets SIGKILL cannot end its servers, and many ignore the end of their input. So a host
//! may have a guard: it reads the ids of the host's process groups from a pipe. The system closes the
//! pipe with the host, and the guard kills the groups that are left.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process_group};

use super::strays::Strays;

static PROGRAM: OnceLock<(PathBuf, &'static str)> = OnceLock::new();

/// Makes this program with this argument the guard of this host: it must call [`guard`]. It is started
/// with the first stdio server.
pub fn guard_processes_with(program: PathBuf, argument: &'static str) {
    // Set once, by the binary.
    let _ = PROGRAM.set((program, argument));
}

/// The guard: reads lines `+ID` and `-ID`, a group that is started and one that is gone, and kills the
/// groups that are left at the end.
pub fn guard(lines: impl BufRead) {
    let mut groups = BTreeSet::new();
    for line in lines.lines().map_while(Result::ok) {
        let Some((sign, id)) = line.split_at_checked(1) else { continue };
        let Some(id) = id.parse().ok().filter(|id| *id > 1) else { continue };
        match sign {
            "+" => groups.insert(id),
            _ => groups.remove(&id),
        };
    }
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let mut strays = Strays::default();
        strays.look(group.as_raw_nonzero().get());
        strays.kill();
        // Fails if the group is empty, which is the goal.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The host's side of the guard.
#[derive(Default)]
pub(super) enum Guard {
    #[default]
    NotStarted,
    Running(Child, ChildStdin),
    /// There is none, or it does not read.
    None,
}

impl Guard {
    pub(super) const fn new() -> Self {
        Self::NotStarted
    }

    /// Starts it, if the host has one.
    pub(super) fn start(&mut self) {
        if matches!(self, Self::NotStarted) {
            *self = match PROGRAM.get().map(|(program, argument)| spawn(program, argument)) {
                Some(Ok((child, input))) => Self::Running(child, input),
                // Then the servers end as without a guard: at the end of their input.
                Some(Err(_)) | None => Self::None,
            };
        }
    }

    pub(super) fn started(&mut self, group: i32) {
        self.write(&format!("+{group}\n"));
    }

    pub(super) fn gone(&mut self, group: i32) {
        self.write(&format!("-{group}\n"));
    }

    fn write(&mut self, line: &str) {
        let Self::Running(child, input) = self else { return };
        // A guard that misses a line might kill a group that is no longer the host's.
        if input.write_all(line.as_bytes()).is_err() {
            let _ = child.kill();
            let _ = child.wait();
            *self = Self::None;
        }
    }
}

fn spawn(program: &PathBuf, argument: &str) -> io::Result<(Child, ChildStdin)> {
    use std::os::unix::process::CommandExt as _;
    let mut child = Command::new(program)
        .arg0(env!("CARGO_PKG_NAME"))
        .arg(argument)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Signals of a terminal are not for it.
        .process_group(0)
        .spawn()?;
    let input = child.stdin.take().ok_or_else(|| io::Error::other("it has no pipe"))?;
    // A guard that does not read must not block the host.
    rustix::io::ioctl_fionbio(&input, true)?;
    Ok((child, input))
}
