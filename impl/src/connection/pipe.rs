//! The standard input and output of a process, within bounds.

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
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Slot};

/// The lines and bytes after which the reader yields: while there is input it never waits.
const TURN_LINES: usize = 32;
const TURN_BYTES: usize = 64 * 1024;
/// The maximum burst and rate of unsolicited lines. Log messages and progress notifications stay far
/// below.
const MAX_UNSOLICITED: usize = 10_000;
const UNSOLICITED_PER_SECOND: u32 = 1_000;
/// The maximum number of responses that wait for the process to read them.
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
        // Ends requests in progress now: the reader of the lines may be busy for seconds.
        self.stop.cancel();
    }
}

/// The output of a process of this machine or of another environment.
pub(super) type Output = Box<dyn AsyncRead + Send + Unpin>;
/// The input of such a process.
pub(super) type Input = Box<dyn AsyncWrite + Send + Unpin>;

/// The messages to and from a process.
pub(super) struct PipeTransport {
    inner: AsyncRwTransport<RoleClient, BoundedLines<Output>, Input>,
    breaker: Breaker,
    /// Requests of the host without a response.
    asked: usize,
    /// Received responses, which the reader subtracts from the unsolicited lines.
    answered: Arc<AtomicUsize>,
    /// Responses of the host that are not written yet.
    unread: Arc<AtomicUsize>,
}

impl PipeTransport {
    pub(super) fn new(stdout: Output, stdin: Input, max_line: usize, breaker: Breaker) -> Self {
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
            let reason = "it sends requests without reading the responses";
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
        // Responses beyond the number of requests are unsolicited.
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

/// The output of a process. Fails at a line that is too long or nested too deeply: rmcp would skip
/// the line, and a request would wait for the response in it. Also fails at too many unsolicited
/// lines.
struct BoundedLines<R> {
    inner: R,
    max: usize,
    breaker: Breaker,
    line: Line,
    /// The lines and bytes of this turn.
    turn: (usize, usize),
    /// The unsolicited lines, minus the allowed rate over time.
    unsolicited: usize,
    /// When the allowed rate was last subtracted.
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
            unsolicited: 0,
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
        self.unsolicited += lines;
        if self.unsolicited <= MAX_UNSOLICITED {
            return Ok(());
        }
        // Checked only above the bound: a response is counted some lines after it was read.
        let answered = self.answered.swap(0, Ordering::Relaxed);
        let since = self.forgiven.elapsed();
        let forgiven = (since * UNSOLICITED_PER_SECOND).as_secs();
        let forgiven = usize::try_from(forgiven).unwrap_or(usize::MAX);
        if forgiven > 0 {
            self.forgiven += since;
        }
        self.unsolicited = self.unsolicited.saturating_sub(answered).saturating_sub(forgiven);
        if self.unsolicited > MAX_UNSOLICITED + TURN_LINES {
            return Err(Failure::Protocol("it writes too many unsolicited messages"));
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
            return Poll::Ready(Err(io::Error::other("the output exceeds a bound")));
        }
        read
    }
}

/// The line that is being read.
#[derive(Default)]
struct Line {
    len: usize,
    /// Whether it is an object. Other lines are ignored.
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
