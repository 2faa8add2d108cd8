//! The tracer of Linux.

use std::fs::File;
use std::io::{self, Write};
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::operation;
use super::plan::{Plan, TraceError};
use super::point::{KILLED, When};

/// Waits until it is traced, and then becomes the program.
const WAIT: &str = "kill -STOP $$; exec \"$@\"";

/// See [`trace`](super::tracer::trace).
pub(super) fn run(command: &[String], plan: &Plan) -> Result<Option<i32>, TraceError> {
    let record = File::options().create(true).append(true).open(&plan.record)?;
    let child = Command::new("/bin/sh").args(["-c", WAIT, "sh"]).args(command).spawn()?;
    let program = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    waitpid(program, Some(WaitPidFlag::WUNTRACED)).map_err(io::Error::from)?;
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        // What outlived this program could write on.
        | Options::PTRACE_O_EXITKILL;
    let seized = ptrace::seize(program, options);
    if let Err(refused) = seized {
        let _ = kill(program, Signal::SIGKILL);
        let _ = waitpid(program, None);
        return Err(TraceError::Refused(refused.to_string()));
    }
    kill(program, Signal::SIGCONT).map_err(io::Error::from)?;
    let mut tracer = Tracer { program, record, plan, count: 0, dying: None };
    Ok(tracer.follow()?)
}

struct Tracer<'a> {
    program: Pid,
    record: File,
    plan: &'a Plan,
    /// The number of operations so far.
    count: usize,
    /// The thread that is in the operation after which the program is killed.
    dying: Option<Pid>,
}

impl Tracer<'_> {
    fn follow(&mut self) -> io::Result<Option<i32>> {
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(process, status)) if process == self.program => {
                    return Ok(Some(status));
                }
                Ok(WaitStatus::Signaled(process, ..)) if process == self.program => {
                    return Ok(None);
                }
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    self.at_call(thread)?;
                    go_on(thread, None);
                }
                // A new thread, a stop of the whole program, or `exec`.
                Ok(WaitStatus::PtraceEvent(thread, ..)) => go_on(thread, None),
                Ok(WaitStatus::Stopped(thread, signal)) => go_on(thread, Some(signal)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A thread stands at the beginning or at the end of a system call.
    fn at_call(&mut self, thread: Pid) -> io::Result<()> {
        // An error means that it has just been killed.
        let Ok(info) = ptrace::syscall_info(thread) else { return Ok(()) };
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => self.begins(thread),
            libc::PTRACE_SYSCALL_INFO_EXIT if self.dying == Some(thread) => self.kill(),
            _ => Ok(()),
        }
    }

    fn begins(&mut self, thread: Pid) -> io::Result<()> {
        let Some(operation) = operation::in_folder(thread, &self.plan.folder) else {
            return Ok(());
        };
        self.count += 1;
        writeln!(self.record, "{operation}")?;
        match self.plan.kill {
            Some(point) if point.operation == self.count => match point.when {
                When::Before => self.kill(),
                When::After => {
                    self.dying = Some(thread);
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    fn kill(&mut self) -> io::Result<()> {
        kill(self.program, Signal::SIGKILL)?;
        writeln!(self.record, "{KILLED}")
    }
}

/// An error means that the thread has just been killed.
fn go_on(thread: Pid, signal: Option<Signal>) {
    let _ = ptrace::syscall(thread, signal);
}
