//! What a process writes, and what is written to it, within bounds.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use rmcp::RoleClient;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::{ChildStdin, ChildStdout};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Slot};

/// The lines and bytes after which others get their turn. What reads the lines never waits as long
/// as there are some.
const TURN_LINES: usize = 32;
const TURN_BYTES: usize = 64 * 1024;
/// The lines that nobody asked for which a process may write at once, and every second. A server
/// that logs a lot, or tells of its progress, stays far below.
const MAX_UNASKED: usize = 10_000;
const UNASKED_PER_SECOND: u32 = 1_000;
/// The most answers that wait for the process to read them.
const MAX_UNREAD: usize = 256;
/// The depth at which `serde_json` refuses a text.
const MAX_DEPTH: usize = 128;

/// Ends a connection for a reason.
#[derive(Clone)]
pub(super) struct Breaker {
    pub(super) session: Slot,
    pub(super) stop: CancellationToken,
}

impl Breaker {
    fn end(&self, failure: Failure) {
        self.session.set_first(failure);
        // Requests under way end now. Whoever reads the lines may be busy for seconds with answers
        // that nobody takes.
        self.stop.cancel();
    }
}

/// The messages to and from a process.
pub(super) struct PipeTransport {
    inner: AsyncRwTransport<RoleClient, BoundedLines<ChildStdout>, ChildStdin>,
    breaker: Breaker,
    /// Requests of the host that have no answer yet.
    asked: usize,
    /// Answers that came, which the reader takes off its account.
    answered: Arc<AtomicUsize>,
    /// Answers of the host that are not written yet.
    unread: Arc<AtomicUsize>,
}

impl PipeTransport {
    pub(super) fn new(
        stdout: ChildStdout,
        stdin: ChildStdin,
        max_line: usize,
        breaker: Breaker,
    ) -> Self {
        let answered = Arc::default();
        let lines = BoundedLines::new(stdout, max_line, breaker.clone(), Arc::clone(&answered));
        let inner = AsyncRwTransport::new(lines, stdin).with_max_line_length(usize::MAX);
        Self { inner, breaker, asked: 0, answered, unread: Arc::default() }
    }
}

impl Transport<RoleClient> for PipeTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let is_answer = matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
        if matches!(message, JsonRpcMessage::Request(_)) {
            self.asked += 1;
        }
        if is_answer && self.unread.fetch_add(1, Ordering::Relaxed) >= MAX_UNREAD {
            let reason = "it asks without end and reads no answers";
            self.breaker.end(Failure::Protocol(reason));
        }
        let unread = Arc::clone(&self.unread);
        let sent = self.inner.send(message);
        async move {
            let sent = sent.await;
            if is_answer {
                unread.fetch_sub(1, Ordering::Relaxed);
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.inner.receive().await?;
        // More answers than questions are nothing that was asked for.
        if matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))
            && self.asked > 0
        {
            self.asked -= 1;
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        Some(message)
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

/// A process's output that fails at a line that is too long or nests too deeply: what reads it
/// would drop the line and go on, and the answer in it would never come. It fails as well when
/// there are too many lines that nobody asked for.
struct BoundedLines<R> {
    inner: R,
    max: usize,
    breaker: Breaker,
    line: Line,
    /// The lines and bytes of this turn.
    turn: (usize, usize),
    /// The lines that nobody asked for, less those that the time has forgiven.
    unasked: usize,
    /// Up to when it has.
    forgiven: Instant,
    answered: Arc<AtomicUsize>,
}

impl<R> BoundedLines<R> {
    fn new(inner: R, max: usize, breaker: Breaker, answered: Arc<AtomicUsize>) -> Self {
        Self {
            inner,
            max,
            breaker,
            line: Line::default(),
            turn: (0, 0),
            unasked: 0,
            forgiven: Instant::now(),
            answered,
        }
    }

    fn check(&mut self, new: &[u8]) -> Result<(), Failure> {
        let mut lines = 0;
        for part in new.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len + part.len() > self.max {
                return Err(Failure::TooLarge(self.max));
            }
            self.line.read(part);
            if self.line.is_too_deep() {
                return Err(Failure::Protocol("it is nested too deeply"));
            }
            if part.ends_with(b"\n") {
                self.line = Line::default();
                lines += 1;
            }
        }
        self.turn = (self.turn.0 + lines, self.turn.1 + new.len());
        self.count(lines)
    }

    fn count(&mut self, lines: usize) -> Result<(), Failure> {
        self.unasked += lines;
        if self.unasked <= MAX_UNASKED {
            return Ok(());
        }
        // Only looked at now and then: an answer is known some lines after it was read.
        let answered = self.answered.swap(0, Ordering::Relaxed);
        let since = self.forgiven.elapsed();
        let forgiven = (since * UNASKED_PER_SECOND).as_secs();
        let forgiven = usize::try_from(forgiven).unwrap_or(usize::MAX);
        if forgiven > 0 {
            self.forgiven += since;
        }
        self.unasked = self.unasked.saturating_sub(answered).saturating_sub(forgiven);
        if self.unasked > MAX_UNASKED + TURN_LINES {
            return Err(Failure::Protocol("it writes without end what nobody asked for"));
        }
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for BoundedLines<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.turn.0 >= TURN_LINES || self.turn.1 >= TURN_BYTES {
            self.turn = (0, 0);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if read.is_pending() {
            self.turn = (0, 0);
            return read;
        }
        let new = buffer.filled().get(before..).unwrap_or_default();
        if let Err(failure) = self.check(new) {
            self.breaker.end(failure);
            return Poll::Ready(Err(io::Error::other("the output breaks a bound")));
        }
        read
    }
}

/// The line under way.
#[derive(Default)]
struct Line {
    len: usize,
    /// Whether it is an object. Other lines are noise.
    is_object: bool,
    depth: usize,
    deepest: usize,
    in_string: bool,
    escaped: bool,
}

impl Line {
    fn read(&mut self, part: &[u8]) {
        for byte in part {
            self.len += 1;
            if self.in_string {
                self.in_string = self.escaped || *byte != b'"';
                self.escaped = !self.escaped && *byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.is_object |= self.depth == 0 && self.deepest == 0 && *byte == b'{';
                    self.depth += 1;
                    self.deepest = self.deepest.max(self.depth);
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_too_deep(&self) -> bool {
        self.is_object && self.deepest >= MAX_DEPTH
    }
}
