//! Blocking reads of a user's files, for a bounded time.
//!
//! A home may be on a file system of the network that stops answering. A read of it cannot be
//! cancelled, so it runs in a thread of its own, and the host goes on without it.

use std::any::Any;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a read may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

/// The message about a read that took longer.
pub(crate) fn too_long() -> String {
    format!("its disk does not answer within {} seconds", LIMIT.as_secs())
}

type Output = Box<dyn Any + Send>;
type Work = Box<dyn FnOnce() -> Output + Send>;

/// Threads that read.
pub(crate) struct Readers(Mutex<State>);

struct State {
    idle: Vec<Reader>,
    /// Reads that took too long and have not ended.
    stuck: Vec<Reader>,
}

/// A thread that does one piece of work after another.
struct Reader {
    work: Sender<Work>,
    done: Receiver<Output>,
}

impl Reader {
    fn start() -> Option<Self> {
        let ((work, todo), (send, done)) = (channel::<Work>(), channel());
        let run = move || todo.into_iter().all(|work| send.send(work()).is_ok());
        thread::Builder::new().name("read files".to_owned()).spawn(run).ok()?;
        Some(Self { work, done })
    }
}

/// The readers of the user's files.
pub(crate) static FILES: Readers = Readers::new();

impl Readers {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { idle: Vec::new(), stuck: Vec::new() }))
    }

    /// The result of `work`; `None` if it takes longer than `limit`. While such work has not ended,
    /// further work is not tried: it would hang too, and each would block a request.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let reader = self.reader()?;
        reader.work.send(Box::new(move || Box::new(work()) as Output)).ok()?;
        match reader.done.recv_timeout(limit) {
            Ok(output) => {
                self.with(|state| state.idle.push(reader));
                output.downcast().ok().map(|output| *output)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.with(|state| state.stuck.push(reader));
                None
            }
            // The work panicked, which ended the thread.
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn reader(&self) -> Option<Reader> {
        let idle = self.with(|state| {
            state.stuck.retain(|reader| matches!(reader.done.try_recv(), Err(TryRecvError::Empty)));
            state.stuck.is_empty().then(|| state.idle.pop())
        });
        idle?.or_else(Reader::start)
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_read_that_hangs_ends_at_the_limit_and_later_ones_fail_at_once_until_it_ends() {
        let readers = Readers::new();
        assert_eq!(readers.run(LIMIT, || 1), Some(1));
        let (release, held) = channel::<()>();
        let begin = Instant::now();
        let hang = move || held.recv().is_ok();
        assert_eq!(readers.run(Duration::from_millis(100), hang), None);
        for _ in 0..100 {
            assert_eq!(readers.run(LIMIT, || 2), None);
        }
        assert!(begin.elapsed() < Duration::from_secs(1));
        release.send(()).unwrap();
        while readers.run(LIMIT, || 3).is_none() {
            assert!(begin.elapsed() < Duration::from_secs(10));
            thread::yield_now();
        }
    }

    #[test]
    fn many_reads_at_once_all_end_and_their_threads_are_used_again() {
        static READERS: Readers = Readers::new();
        let sum: usize = thread::scope(|scope| {
            let all: Vec<_> = (0..16)
                .map(|n| {
                    scope.spawn(move || {
                        (0..100).filter_map(|_| READERS.run(LIMIT, move || n)).sum::<usize>()
                    })
                })
                .collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(sum, 100 * (0..16).sum::<usize>());
        assert!(READERS.with(|state| state.idle.len()) <= 16);
    }
}
