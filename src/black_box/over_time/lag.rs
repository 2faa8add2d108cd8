//! How late this machine is with what it is asked to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often the thread wakes up.
const TICK: Duration = Duration::from_millis(5);

/// A thread that wakes up again and again, and notes how late. It ends with this value.
pub(super) struct Lag {
    /// In nanoseconds.
    most: Arc<AtomicU64>,
    /// Its end wakes the thread up.
    _until: Sender<()>,
}

impl Lag {
    pub(super) fn measured() -> Self {
        let most = Arc::new(AtomicU64::new(0));
        let (until, ended) = channel::<()>();
        let noted = Arc::clone(&most);
        thread::spawn(move || {
            loop {
                let began = Instant::now();
                if ended.recv_timeout(TICK) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
                let late = began.elapsed().saturating_sub(TICK).as_nanos();
                noted.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Lag { most, _until: until }
    }

    /// How late it was at worst so far.
    pub(super) fn most(&self) -> Duration {
        Duration::from_nanos(self.most.load(Ordering::Relaxed))
    }
}
