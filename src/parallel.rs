//! Work on all cores.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};

pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// A shared counter: each number below a limit goes to one thread.
#[derive(Debug)]
pub(crate) struct Numbers {
    next: AtomicU64,
    end: u64,
}

impl Numbers {
    pub(crate) fn up_to(end: u64) -> Self {
        Numbers { next: AtomicU64::new(0), end }
    }

    /// The next numbers, at most `most`; `None` at the end.
    pub(crate) fn take(&self, most: u64) -> Option<Range<u64>> {
        let start = self.next.fetch_add(most, Ordering::Relaxed);
        (start < self.end).then(|| start..self.end.min(start.saturating_add(most)))
    }
}

/// Runs `work` on every core and returns each result. Propagates a panic after all threads have
/// ended.
pub(crate) fn on_all_cores<R: Send>(work: impl Fn() -> R + Sync) -> Vec<R> {
    on_threads(cores(), work)
}

/// The same on more or fewer threads.
pub(crate) fn on_threads<R: Send>(threads: usize, work: impl Fn() -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let join = |worker: ScopedJoinHandle<'_, R>| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_taken_once() {
        let numbers = Numbers::up_to(1_001);
        let work = || std::iter::from_fn(|| numbers.take(10)).flatten().collect::<Vec<u64>>();
        let mut given: Vec<u64> = on_all_cores(work).into_iter().flatten().collect();
        given.sort_unstable();
        assert!(given.into_iter().eq(0..1_001));
        assert_eq!(numbers.take(1), None);
    }
}
