//! A subject's standard error: read continuously so that the subject never blocks. Only the end is
//! kept. It is log text and never affects a verdict.

use std::fmt::Write;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::display::visible;

/// Size of the kept end, in bytes.
const KEPT: usize = 4 * 1024;

/// Number of lines to show.
const SHOWN_LINES: usize = 8;

/// How long to wait for the last output of a process.
const GRACE: Duration = Duration::from_millis(30);

/// A shared receiver of a process's output.
pub(crate) type Tap = Arc<dyn Record>;

/// Receives the output of a process.
pub(crate) trait Record: std::fmt::Debug + Send + Sync {
    /// Receives bytes written to `stream`, in order.
    fn record(&self, stream: &'static str, bytes: &[u8]);
}

/// The end of a process's standard error.
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
                    tap.record("standard error", bytes);
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

    /// The last lines, one per line and safe for a terminal; empty if there are none.
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
