//! What the user should know goes to standard error, as far as anybody reads it there.

use std::fmt::Display;
use std::io::Write;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::host::Warn;
use crate::printable::one_line;

/// How many warnings may wait. More are lost: a host does not stop for them.
const MAX_WAITING: usize = 256;

/// The most characters of a warning.
const MAX_WARNING: usize = 10_000;

/// A way to warn that never waits and never fails, and what is ready when the last warning is
/// written: after the way is dropped.
pub(super) fn to(mut output: impl Write + Send + 'static) -> (Warn, oneshot::Receiver<()>) {
    let (waiting, warnings) = sync_channel::<String>(MAX_WAITING);
    let (done, all_done) = oneshot::channel();
    // A thread of its own: whoever reads standard error may read slowly, or not at all.
    thread::spawn(move || {
        for warning in warnings {
            // There is nobody to tell that nobody reads.
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
        let (warn, done) = to(Broken);
        for _ in 0..10_000 {
            warn(&"something");
        }
        drop(warn);
        done.await.unwrap();
    }
}
