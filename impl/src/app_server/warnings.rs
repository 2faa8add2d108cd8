//! Writes warnings to standard error without blocking.

use std::fmt::Display;
use std::io::Write;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::host::Warn;
use crate::printable::one_line;

/// How many warnings may wait. Further ones are dropped, so that the host does not block.
const MAX_WAITING: usize = 256;

/// The most characters of a warning.
const MAX_WARNING: usize = 10_000;

/// A function that queues warnings and never blocks or fails, and a receiver that is ready when the
/// function is dropped and all warnings are written.
pub(super) fn writer(mut output: impl Write + Send + 'static) -> (Warn, oneshot::Receiver<()>) {
    let (waiting, warnings) = sync_channel::<String>(MAX_WAITING);
    let (done, all_done) = oneshot::channel();
    // A thread of its own, since standard error may be read slowly or not at all.
    thread::spawn(move || {
        for warning in warnings {
            // A warning that cannot be written is dropped.
            let _ = writeln!(output, "warning: {warning}");
        }
        let _ = done.send(());
    });
    (Box::new(move |warning| queue(&waiting, warning)), all_done)
}

fn queue(waiting: &SyncSender<String>, warning: &dyn Display) {
    let _ = waiting.try_send(one_line(&warning.to_string(), MAX_WARNING));
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn unread_warnings_neither_fail_nor_block() {
        let (warn, done) = writer(Broken);
        for _ in 0..10_000 {
            warn(&"something");
        }
        drop(warn);
        done.await.unwrap();
    }
}
