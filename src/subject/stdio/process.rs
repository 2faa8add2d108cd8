//! One running process of a subject: its requests and answers.

use std::borrow::Cow;
use std::io;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mcp_overlay_model::lifecycle::{Seen, Sequence};
use mcp_overlay_model::{Answer, Case};

use super::message::{Hello, Numbered, Request, read_observations};
use super::variables::with_secret;
use crate::subject::form::{Form, Numbering};
use crate::subject::process::log::Tap;
use crate::subject::process::piped::{Piped, crashed, excerpt, log_help, protocol};
use crate::subject::process::secrets::{Listener, Secret, nonce};
use crate::subject::reply::{Failure, FailureKind};

/// Size limit for the answers to one batch, in bytes. An honest answer has a few thousand bytes.
/// All answers of a batch are kept, and take a multiple of their length in memory.
const MOST_ANSWERED: usize = 16 * 1024 * 1024;

/// How long the answers to many requests ahead stay unread.
const UNREAD: Duration = Duration::from_millis(200);

/// How much of its outputs to search for secrets for each batch, in bytes.
const MOST_SEARCHED: usize = 512 * 1024;

/// What to do about a wrong number.
const OWN_SEQ: &str = "\n  help: each request gets one answer, with the `seq` of that request";

/// A running process. Dropping it kills its whole process group.
#[derive(Debug)]
pub(super) struct Process {
    piped: Piped,
    listener: Arc<Listener>,
    /// The value of every variable in the cases; what it writes must not contain it.
    secret: String,
    /// The next sequence number; no number is used twice in one process.
    next_seq: u64,
    /// The slowest answer so far.
    slowest: Duration,
}

/// The answers until the process broke down.
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
        let line = process.line(limit)?;
        Ok((process, Hello::read(&line)?))
    }

    fn spawn(command: &[String]) -> io::Result<Self> {
        let [program, arguments @ ..] = command else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        let secret = format!("secret-{}", nonce());
        let what = "the value of an environment variable".into();
        let listener =
            Arc::new(Listener::up_to(MOST_SEARCHED, vec![Secret { what, value: secret.clone() }]));
        let tap: Tap = Arc::<Listener>::clone(&listener);
        let piped = Piped::spawn(command, Some(tap))?;
        Ok(Process { piped, listener, secret, next_seq: 1, slowest: Duration::ZERO })
    }

    /// Asks all cases at once, in a form or in the plain one; each answer is due within `timeout` of
    /// the previous one. A variable in a case gets a secret value. A process that writes it, to
    /// either of its outputs, breaks down.
    pub(super) fn ask(
        &mut self,
        form: Option<Form>,
        cases: &[Case],
        timeout: Duration,
    ) -> Result<Vec<Answer>, Broken> {
        let cases: Vec<Cow<'_, Case>> =
            cases.iter().map(|case| with_secret(case, &self.secret)).collect();
        self.listener.resume();
        let answered = self.ask_secretly(form, &cases, timeout);
        let leaks = self.listener.leaks();
        if leaks.is_empty() {
            return answered;
        }
        let mut answers = match answered {
            Ok(answers) => answers.into_iter().map(Some).collect(),
            Err(broken) => broken.answers,
        };
        // Any case with a variable may be the cause.
        let has_secret = |case: &Cow<'_, Case>| matches!(case, Cow::Owned(_));
        let mut doubtful = answers.iter_mut().zip(&cases).filter(|(_, case)| has_secret(case));
        doubtful.by_ref().for_each(|(answer, _)| *answer = None);
        let suspect = cases.iter().position(has_secret).unwrap_or_default();
        let message = leaks.join("; ");
        let failure = Failure { kind: FailureKind::Leaked, message, certain: false };
        Err(Broken { answers, suspect, failure })
    }

    fn ask_secretly(
        &mut self,
        form: Option<Form>,
        cases: &[Cow<'_, Case>],
        timeout: Duration,
    ) -> Result<Vec<Answer>, Broken> {
        let count = form.map_or(cases.len(), |form| form.requests(cases.len()));
        let numbering = Numbering::new(form, self.next_seq, count);
        self.next_seq = numbering.next();
        self.piped.send(requests(form, numbering, cases, count));
        if form == Some(Form::FarAhead) {
            thread::sleep(UNREAD);
        }
        let mut answers = vec![None; count];
        let mut room = MOST_ANSWERED;
        let broken = |mut answers: Vec<Option<Answer>>, suspect: usize, failure| {
            answers.truncate(cases.len());
            Err(Broken { answers, suspect: suspect % cases.len().max(1), failure })
        };
        for _ in 0..count {
            let taken = self.take_answer(&mut answers, numbering, timeout, &mut room);
            if let Err((suspect, failure)) = taken {
                let first_missing = answers.iter().position(Option::is_none).unwrap_or_default();
                if failure.kind == FailureKind::Protocol {
                    // With a wrong number, these may be answers to other requests.
                    answers.iter_mut().skip(first_missing).for_each(|answer| *answer = None);
                }
                return broken(answers, suspect.unwrap_or(first_missing), failure);
            }
        }
        let ended = match form {
            Some(Form::Stop) => self.stop(timeout),
            Some(Form::EndOfInput) => self.ends("the end of input", timeout, Piped::end_of_input),
            // The subject has exited, so another process wrote the last answers.
            _ if self.piped.has_ended() => Err(self.piped.ended()),
            _ => Ok(()),
        };
        if let Err(failure) = ended {
            return broken(answers, count.saturating_sub(1), failure);
        }
        answers.truncate(cases.len());
        Ok(answers.into_iter().flatten().collect())
    }

    /// The slowest answer so far, as a duration.
    pub(super) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// Waits for one answer; a failure includes the suspected case if the process named it.
    fn take_answer(
        &mut self,
        answers: &mut [Option<Answer>],
        numbering: Numbering,
        timeout: Duration,
        room: &mut usize,
    ) -> Result<(), (Option<usize>, Failure)> {
        let asked = Instant::now();
        let line = self.line(timeout).map_err(|failure| (None, failure))?;
        *room = room.checked_sub(line.len()).ok_or_else(|| {
            let most = MOST_ANSWERED >> 20;
            let message = format!("answered {} cases with more than {most} MiB", answers.len());
            (None, protocol(message))
        })?;
        let Numbered { seq, answer } = Numbered::read(&line).map_err(|failure| (None, failure))?;
        let position = numbering.position(seq);
        let slot = position.and_then(|position| answers.get_mut(position));
        match slot {
            Some(None) if !as_expected(numbering, position, &answer) => {
                let message = "did not answer a case of an unknown profile with `skipped`";
                return Err((position, protocol(format!("{message}: {}", excerpt(&line)))));
            }
            Some(slot @ None) => {
                *slot = Some(answer);
                self.slowest = self.slowest.max(asked.elapsed());
            }
            Some(_) => {
                // One of the two may be meant for another request.
                let open = answers.iter().position(Option::is_none);
                let open = open.map(|open| format!(", and seq {} not yet", numbering.seq(open)));
                let open = open.unwrap_or_default();
                let message = format!("answered seq {seq} twice{open}{OWN_SEQ}");
                return Err((position, protocol(message)));
            }
            None if numbering.is_earlier(seq) => {
                let message = format!("answered seq {seq} again, much later{OWN_SEQ}");
                return Err((None, protocol(message)));
            }
            None => {
                let open = answers.iter().position(Option::is_none).unwrap_or_default();
                let open = numbering.seq(open);
                let message = format!(
                    "answered seq {seq}, which was not asked; the next without an answer is {open}{OWN_SEQ}"
                );
                return Err((None, protocol(message)));
            }
        }
        Ok(())
    }

    /// Waits for a line.
    fn line(&mut self, timeout: Duration) -> Result<Vec<u8>, Failure> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(line) = self.piped.next_line(deadline, timeout)? {
                return Ok(line);
            }
        }
    }

    /// Plays a sequence, whose answer is due within `timeout`.
    ///
    /// # Errors
    /// How the process broke down.
    pub(super) fn play(
        &mut self,
        sequence: &Sequence,
        timeout: Duration,
    ) -> Result<Vec<Seen>, Failure> {
        let seq = self.next_seq;
        self.next_seq += 1;
        let asked = Instant::now();
        self.send(&[Request::Sequence { seq, sequence }]);
        let line = self.line(timeout)?;
        let observations = read_observations(&line, seq, &sequence.steps)?;
        if self.piped.has_ended() {
            // The subject has exited, so another process wrote the answer.
            return Err(self.piped.ended());
        }
        self.slowest = self.slowest.max(asked.elapsed());
        Ok(observations)
    }

    fn send(&self, requests: &[Request<'_>]) {
        let mut bytes = Vec::new();
        requests.iter().for_each(|request| request.write(&mut bytes));
        self.piped.send(bytes);
    }

    /// Asks the process to stop. Its input stays open, since it must not need both.
    ///
    /// # Errors
    /// It does not exit with status 0 within `limit`, or writes another line.
    pub(super) fn stop(&mut self, limit: Duration) -> Result<(), Failure> {
        self.send(&[Request::Stop]);
        self.ends("`stop`", limit, Piped::wait)
    }

    /// Waits for the end of the process, after a reason to end.
    fn ends(
        &mut self,
        after: &str,
        limit: Duration,
        wait: fn(&mut Piped, Duration) -> Option<ExitStatus>,
    ) -> Result<(), Failure> {
        let asked = Instant::now();
        let status = wait(&mut self.piped, limit);
        self.slowest = self.slowest.max(asked.elapsed());
        if let Some(line) = status.and_then(|_| self.piped.rest()) {
            let (line, help) = (excerpt(&line), log_help(&line));
            return Err(protocol(format!("wrote what was not asked for: {line}{help}")));
        }
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                Err(crashed(format!("after {after} it ended with {status}, expected 0")))
            }
            None => {
                let limit = limit.as_secs_f64();
                let message = format!("after {after} it did not end within {limit} s");
                Err(Failure { kind: FailureKind::Hung, message, certain: false })
            }
        }
    }
}

/// Whether an answer is one to a known profile, or `skipped`.
fn as_expected(numbering: Numbering, position: Option<usize>, answer: &Answer) -> bool {
    let is_unknown = position.is_some_and(|position| numbering.is_unknown(position));
    !is_unknown || matches!(answer, Answer::Skipped { .. })
}

/// The lines of a batch.
fn requests(
    form: Option<Form>,
    numbering: Numbering,
    cases: &[Cow<'_, Case>],
    count: usize,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (position, case) in cases.iter().cycle().take(count).enumerate() {
        let seq = numbering.seq(position);
        match form {
            Some(_) if numbering.is_unknown(position) => Form::write_unknown(seq, case, &mut bytes),
            Some(form) => form.write(seq, case, &mut bytes),
            None => Request::Resolve { seq, case }.write(&mut bytes),
        }
    }
    bytes
}
