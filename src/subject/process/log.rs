//! A subject's standard error: read so that it never blocks, and forgotten but for its end. It is
//! log text and never a verdict.

use std::fmt::Write;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::display::visible;

/// How much of the end is kept, in bytes.
const KEPT: usize = 4 * 1024;

/// Lines that are shown of it.
const SHOWN_LINES: usize = 8;

/// How long the last words of a process may take to arrive.
const GRACE: Duration = Duration::from_millis(30);

/// Somebody who hears all that a process writes.
pub(crate) type Tap = Arc<dyn Hears>;

/// Hears what a process writes.
pub(crate) trait Hears: std::fmt::Debug + Send + Sync {
    /// Bytes that were written to `stream`, in order.
    fn hears(&self, stream: &'static str, bytes: &[u8]);
}

/// The end of what a process wrote to its standard error.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn of(mut stderr: ChildStderr, tap: Option<Tap>) -> Self {
        let log = Log::default();
        let kept = log.clone();
        thread::spawn(move || {
            let mut bytes = [0; 8 * 1024];
            while let Ok(read @ 1..) = stderr.read(&mut bytes) {
                let bytes = bytes.get(..read).unwrap_or_default();
                if let Some(tap) = &tap {
                    tap.hears("standard error", bytes);
                }
                kept.keep(bytes);
            }
        });
        log
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// The last lines, each on a line of its own and harmless to a terminal; empty if there are
    /// none.
    pub(super) fn last_words(&self) -> String {
        thread::sleep(GRACE);
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let mut words = String::new();
        for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
            // Writing to a string cannot fail.
            let _ = write!(words, "\n  its standard error: {}", visible(line));
        }
        words
    }
}
