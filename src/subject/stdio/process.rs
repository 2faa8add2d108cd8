//! One running process of a subject: its pipes, its answers, its end.
//!
//! Nothing here waits without a limit. Three threads serve the pipes, so that a subject that reads
//! nothing, writes without end or fills its standard error blocks nobody but itself; they end with
//! the pipes. The process leads a process group, and the group is killed as a whole.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use mcp_overlay_model::{Answer, Case};

use super::group;
use super::log::Log;
use super::message::{Hello, Numbered, Request};
use crate::protocol::MAX_LINE;
use crate::subject::{Failure, FailureKind};

/// How often a process that says nothing is looked at.
const TICK: Duration = Duration::from_millis(20);

/// How long a process has to be gone after it was killed, or its last words to arrive after it
/// ended.
const GRACE: Duration = Duration::from_millis(300);

/// Lines that may wait for the driver. Few, because a line may have 16 MiB.
const WAITING_LINES: usize = 32;

/// How much a process may answer to what it was asked at once, in bytes. Honest answers have a few
/// thousand bytes each; what is read is kept, and takes a multiple of its length in memory.
const MOST_ANSWERED: usize = 16 * 1024 * 1024;

/// A running process. Dropping it kills its whole process group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Known once the child has been waited for. From then on its number may be anybody's.
    status: Option<ExitStatus>,
    /// To the thread that writes; gone once the process has been asked to stop.
    requests: Option<Sender<Vec<u8>>>,
    lines: Receiver<Line>,
    log: Log,
    /// Never used twice in the life of a process.
    next_seq: u64,
    /// The longest that an answer took.
    slowest: Duration,
}

/// What the reading thread saw.
#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// What was answered until the process broke down.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) answers: Vec<Option<Answer>>,
    /// The case that is most likely the cause.
    pub(super) suspect: usize,
    pub(super) failure: Failure,
}

impl Process {
    /// Starts the command and has it introduce itself within `limit`.
    pub(super) fn start(command: &[String], limit: Duration) -> Result<(Self, Hello), Failure> {
        let mut process =
            Self::spawn(command).map_err(|error| crashed(format!("cannot be started: {error}")))?;
        process.send(&[Request::Start { version: 1 }]);
        let deadline = Instant::now() + limit;
        let line = loop {
            if let Some(line) = process.next_line(deadline, limit)? {
                break line;
            }
        };
        Ok((process, Hello::read(&line)?))
    }

    fn spawn(command: &[String]) -> io::Result<Self> {
        let [program, arguments @ ..] = command else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        group::started(&child);
        let (requests, queue) = channel();
        let (queued, lines) = sync_channel(WAITING_LINES);
        if let Some(stdin) = child.stdin.take() {
            thread::spawn(move || write_requests(stdin, &queue));
        }
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || read_lines(stdout, &queued));
        }
        let log = child.stderr.take().map(Log::of).unwrap_or_default();
        Ok(Process {
            child,
            status: None,
            requests: Some(requests),
            lines,
            log,
            next_seq: 1,
            slowest: Duration::ZERO,
        })
    }

    /// Asks all cases at once; an answer is due within `timeout` of the one before.
    pub(super) fn ask(&mut self, cases: &[Case], timeout: Duration) -> Result<Vec<Answer>, Broken> {
        let first_seq = self.next_seq;
        self.next_seq += cases.len() as u64;
        let requests: Vec<Request<'_>> =
            (first_seq..).zip(cases).map(|(seq, case)| Request::Resolve { seq, case }).collect();
        self.send(&requests);
        let mut answers = vec![None; cases.len()];
        let mut room = MOST_ANSWERED;
        for _ in cases {
            let taken = self.take_answer(&mut answers, first_seq, timeout, &mut room);
            if let Err((suspect, failure)) = taken {
                let first_missing = answers.iter().position(Option::is_none).unwrap_or_default();
                let suspect = suspect.unwrap_or(first_missing);
                return Err(Broken { answers, suspect, failure });
            }
        }
        if self.has_ended() {
            // Whoever answered, it was not the subject to the end.
            let suspect = cases.len().saturating_sub(1);
            return Err(Broken { answers, suspect, failure: self.ended() });
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// The longest that an answer took so far.
    pub(super) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// Waits for one answer; a failure comes with its suspect where the process named it.
    fn take_answer(
        &mut self,
        answers: &mut [Option<Answer>],
        first_seq: u64,
        timeout: Duration,
        room: &mut usize,
    ) -> Result<(), (Option<usize>, Failure)> {
        let asked = Instant::now();
        let deadline = asked + timeout;
        let line = loop {
            match self.next_line(deadline, timeout) {
                Ok(Some(line)) => break line,
                Ok(None) => {}
                Err(failure) => return Err((None, failure)),
            }
        };
        *room = room.checked_sub(line.len()).ok_or_else(|| {
            let most = MOST_ANSWERED >> 20;
            let message = format!("answered {} cases with more than {most} MiB", answers.len());
            (None, protocol(message))
        })?;
        let Numbered { seq, answer } = Numbered::read(&line).map_err(|failure| (None, failure))?;
        let position = seq.checked_sub(first_seq).map(|position| position as usize);
        let slot = position.and_then(|position| answers.get_mut(position));
        match slot {
            Some(slot @ None) => {
                *slot = Some(answer);
                self.slowest = self.slowest.max(asked.elapsed());
            }
            Some(_) => {
                return Err((position, protocol(format!("answered seq {seq} a second time"))));
            }
            None if seq > 0 && seq < first_seq => {
                return Err((None, protocol(format!("answered seq {seq} again, much later"))));
            }
            None => {
                return Err((None, protocol(format!("answered seq {seq}, which was not asked"))));
            }
        }
        Ok(())
    }

    /// The next line that is not blank; `None` now and then, so that the caller can go on.
    fn next_line(
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
            Ok(Line::TooLong) => {
                return Err(protocol(format!("wrote a line of more than {} MiB", MAX_LINE >> 20)));
            }
            Err(RecvTimeoutError::Timeout) => {
                // A child of the process may hold the pipe open when the process itself is gone.
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
            let message = format!(
                "gave no answer within {} s{}\n  help: does it write and flush one line for every \
                 request, without waiting for the next?",
                timeout.as_secs_f64(),
                self.log.last_words()
            );
            return Err(Failure { kind: FailureKind::Hung, message, certain: false });
        }
        Ok(None)
    }

    /// What is to be said of a process that ended, or closed its output as if it had.
    fn ended(&mut self) -> Failure {
        let how = match self.wait(GRACE) {
            Some(status) => format!("ended with {status}"),
            None => "closed its standard output".into(),
        };
        crashed(format!("{how}{}", self.log.last_words()))
    }

    fn send(&self, requests: &[Request<'_>]) {
        if let Some(to_writer) = &self.requests {
            let mut bytes = Vec::new();
            requests.iter().for_each(|request| request.write(&mut bytes));
            // A process that reads no more is noticed by what it does not answer.
            let _ = to_writer.send(bytes);
        }
    }

    /// Whether the process has ended; it is not waited for yet.
    fn has_ended(&mut self) -> bool {
        self.status.is_some() || group::has_ended(&mut self.child)
    }

    /// Waits for the end of the process; whatever it leaves behind is killed then.
    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
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

    /// Asks the process to stop.
    ///
    /// # Errors
    /// What is not as the protocol wants it, in words.
    pub(super) fn stop(mut self, limit: Duration) -> Result<(), String> {
        self.send(&[Request::Stop]);
        self.requests = None;
        let status = self.wait(limit);
        if let Ok(Line::Text(line)) = self.lines.try_recv() {
            return Err(format!("wrote what was not asked for: {}", excerpt(&line)));
        }
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("after `stop` it ended with {status}, expected 0")),
            None => Err(format!("after `stop` it did not end within {} s", limit.as_secs_f64())),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            group::kill(&mut self.child);
            self.wait(GRACE);
        }
    }
}

fn write_requests(mut stdin: ChildStdin, queue: &Receiver<Vec<u8>>) {
    for bytes in queue {
        if stdin.write_all(&bytes).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_lines(stdout: ChildStdout, queued: &SyncSender<Line>) {
    let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        let line = match whole {
            true => Line::Text(line),
            false if line.len() > MAX_LINE => Line::TooLong,
            // The process ended in the middle of a line: that is its end and no answer.
            false => return,
        };
        if queued.send(line).is_err() || !whole {
            return;
        }
    }
}

fn crashed(message: String) -> Failure {
    Failure { kind: FailureKind::Crashed, message, certain: false }
}

pub(super) fn protocol(message: String) -> Failure {
    Failure { kind: FailureKind::Protocol, message, certain: false }
}

/// The beginning of a line, fit to be printed.
pub(super) fn excerpt(line: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(line);
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}
