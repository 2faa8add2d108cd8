//! A subprocess with a line-based protocol: its pipes and its exit.
//!
//! Every wait has a time limit. Three threads serve the pipes, so that a process that reads
//! nothing, writes endlessly or fills its standard error blocks only itself; the threads end with
//! the pipes. The process leads a process group, which is killed as a whole.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::group;
use super::log::{Log, Tap};
use crate::subject::reply::{Failure, FailureKind};

/// The longest accepted line, in bytes, without its newline.
pub const MAX_LINE: usize = 16 * 1024 * 1024;

/// Polling interval for a silent process.
const TICK: Duration = Duration::from_millis(20);

/// Time limit for a killed process to end, or for the last output of an ended process to arrive.
const GRACE: Duration = Duration::from_millis(300);

/// Lines queued for the driver. Few, because a line may have 16 MiB.
const WAITING_LINES: usize = 32;

/// A running process. Dropping it kills its whole process group.
#[derive(Debug)]
pub(crate) struct Piped {
    child: Child,
    /// Set once the child has been reaped. From then on another process may get its id.
    status: Option<ExitStatus>,
    /// To the writing thread; `None` once the process has been asked to stop.
    requests: Option<Sender<Vec<u8>>>,
    lines: Receiver<Line>,
    log: Log,
}

/// A line from the reading thread.
#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    /// The process ended, or closed its output, in the middle of it.
    Cut(Vec<u8>),
    TooLong,
}

impl Piped {
    /// Starts the command as the leader of a process group. `tap` receives all of its output.
    pub(crate) fn spawn(mut command: Command, tap: Option<Tap>) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = group::spawn(&mut command)?;
        let (requests, queue) = channel();
        let (queued, lines) = sync_channel(WAITING_LINES);
        if let Some(stdin) = child.stdin.take() {
            thread::spawn(move || write_requests(stdin, &queue));
        }
        if let Some(stdout) = child.stdout.take() {
            let tap = tap.clone();
            thread::spawn(move || read_lines(stdout, &queued, tap));
        }
        let log = child.stderr.take().map(|stderr| Log::of(stderr, tap)).unwrap_or_default();
        Ok(Piped { child, status: None, requests: Some(requests), lines, log })
    }

    /// Sends whole lines.
    pub(crate) fn send(&self, bytes: Vec<u8>) {
        if let Some(to_writer) = &self.requests {
            // If the process no longer reads, the missing answer shows it.
            let _ = to_writer.send(bytes);
        }
    }

    /// The next line that is not blank; `None` at intervals, so that the caller can continue. A
    /// process that is silent until `deadline`, `timeout` after the request, hangs.
    pub(crate) fn next_line(
        &mut self,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let wait = deadline.saturating_duration_since(Instant::now()).min(TICK);
        match self.lines.recv_timeout(wait) {
            Ok(Line::Text(line)) if !line.iter().all(u8::is_ascii_whitespace) => {
                return Ok(Some(line));
            }
            Ok(Line::Text(_)) => {}
            // An exit, not an answer.
            Ok(Line::Cut(_)) => return Err(self.ended()),
            Ok(Line::TooLong) => {
                return Err(protocol(format!("wrote a line of more than {} MiB", MAX_LINE >> 20)));
            }
            Err(RecvTimeoutError::Timeout) => {
                // A child of the process may hold the pipe open after the process itself has ended.
                if self.has_ended() {
                    return match self.lines.recv_timeout(GRACE) {
                        Ok(Line::Text(line)) => Ok(Some(line)),
                        _ => Err(self.ended()),
                    };
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(self.ended());
            }
        }
        if Instant::now() >= deadline {
            let (seconds, words) = (timeout.as_secs_f64(), self.log.last_words());
            let help = match words.contains("panicked at") {
                true => "a part of it panicked, and the rest did not notice",
                false => {
                    "does it write and flush one line for every request, without waiting for the next?"
                }
            };
            let message = format!("gave no answer within {seconds} s{words}\n  help: {help}");
            return Err(Failure { kind: FailureKind::Hung, message, certain: false });
        }
        Ok(None)
    }

    /// The failure of a process that ended or closed its output.
    pub(crate) fn ended(&mut self) -> Failure {
        let how = match self.wait(GRACE) {
            Some(status) => format!("ended with {status}"),
            None => "closed its standard output".into(),
        };
        crashed(format!("{how}{}", self.log.last_words()))
    }

    /// How the process crashed, if it has ended in one: a panic, or a signal for a fault of its own. Another
    /// exit status after the end of input says nothing.
    #[cfg(feature = "endpoint")]
    pub(crate) fn crash(&mut self) -> Option<Failure> {
        let status = self.wait(Duration::ZERO)?;
        is_crash(status).then(|| self.ended())
    }

    /// Whether the process has ended; does not reap it.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.status.is_some() || group::has_ended(&mut self.child)
    }

    /// Closes standard input and waits for the process to exit; `None` if it is running after
    /// `limit`.
    pub(crate) fn end_of_input(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.requests = None;
        self.wait(limit)
    }

    /// Closes standard input; whether the process has ended by itself in time. What it leaves behind
    /// lives on.
    #[cfg(feature = "endpoint")]
    pub(crate) fn ends_by_itself(&mut self, limit: Duration) -> bool {
        self.requests = None;
        let deadline = Instant::now() + limit;
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Kills the process and its group.
    pub(crate) fn kill(&mut self) {
        if self.status.is_none() {
            group::kill(&mut self.child);
            self.wait(GRACE);
        }
    }

    /// The rest of the output of a process that has ended, without blank lines: the first line, or what there is
    /// of one.
    pub(crate) fn rest(&self) -> Option<Vec<u8>> {
        // The reading thread ends with the pipe, which a process outside the group can keep open.
        let deadline = Instant::now() + GRACE;
        let left = || deadline.saturating_duration_since(Instant::now());
        while let Ok(Line::Text(line) | Line::Cut(line)) = self.lines.recv_timeout(left()) {
            if left().is_zero() {
                return None;
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(line);
            }
        }
        None
    }

    /// Waits for the process to exit, then kills what it leaves behind; `None` if it is running
    /// after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(2));
        }
        if self.status.is_none() {
            group::kill(&mut self.child);
            self.status = self.child.wait().ok();
        }
        self.status
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        self.kill();
    }
}

fn write_requests(mut stdin: ChildStdin, queue: &Receiver<Vec<u8>>) {
    for bytes in queue {
        if stdin.write_all(&bytes).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_lines(stdout: ChildStdout, queued: &SyncSender<Line>, tap: Option<Tap>) {
    let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        if let Some(tap) = &tap {
            tap.record("standard output", &line);
        }
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        let line = match whole {
            true => Line::Text(line),
            false if line.len() > MAX_LINE => Line::TooLong,
            false => Line::Cut(line),
        };
        if queued.send(line).is_err() || !whole {
            return;
        }
    }
}

/// The exit status of a panic in Rust; 128 and the number of the signal is that of a shell.
#[cfg(feature = "endpoint")]
fn is_crash(status: ExitStatus) -> bool {
    const PANIC: i32 = 101;
    status.code() == Some(PANIC) || is_fault(status)
}

/// Whether a signal for a fault ended the process.
#[cfg(all(unix, feature = "endpoint"))]
fn is_fault(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let signal = signal.or_else(|| status.code()?.checked_sub(128));
    let faults = [Signal::ILL, Signal::ABORT, Signal::BUS, Signal::FPE, Signal::SEGV];
    signal.is_some_and(|signal| faults.iter().any(|fault| fault.as_raw() == signal))
}

#[cfg(all(not(unix), feature = "endpoint"))]
fn is_fault(_: ExitStatus) -> bool {
    false
}

pub(crate) fn crashed(message: String) -> Failure {
    Failure { kind: FailureKind::Crashed, message, certain: false }
}

pub(crate) fn protocol(message: String) -> Failure {
    Failure { kind: FailureKind::Protocol, message, certain: false }
}

/// The beginning of a line, safe to print.
pub(crate) fn excerpt(line: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(line);
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// What to do about a line that is no message of a protocol of JSON objects; empty for one that is.
pub(crate) fn log_help(line: &[u8]) -> &'static str {
    match line.trim_ascii_start().first() {
        Some(b'{') => "",
        _ => "\n  help: standard output is for answers alone; log to standard error (stderr)",
    }
}
