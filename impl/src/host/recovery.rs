//! When a server that failed or broke is started again.

use std::time::Duration;

use tokio::time::Instant;

/// The delay before the second restart in a row. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest delay: a call waits for it.
const LONGEST_DELAY: Duration = Duration::from_secs(4);
/// A server that was started so long ago may be restarted at once.
const STABLE: Duration = Duration::from_secs(30);

/// The restarts of a server without a pause. The first one is immediate: most servers break once.
/// The others wait, so that a server that always crashes does not keep the machine busy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recovery {
    restarts: u32,
    started: Instant,
}

impl Recovery {
    /// A server that starts now.
    pub(super) fn new() -> Self {
        Self { restarts: 0, started: Instant::now() }
    }

    /// The delay before a restart that is wanted now, and the state of the restarted server.
    pub(super) fn restarted(self) -> (Duration, Self) {
        let restarts = if self.started.elapsed() < STABLE { self.restarts } else { 0 };
        let delay = match restarts.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => {
                let factor = 2_u32.saturating_pow(doublings);
                FIRST_DELAY.saturating_mul(factor).min(LONGEST_DELAY)
            }
        };
        let started = Instant::now() + delay;
        (delay, Self { restarts: restarts.saturating_add(1), started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn restarts_in_a_row_are_delayed_and_a_stable_server_is_restarted_at_once() {
        let mut server = Recovery::new();
        let mut delays = Vec::new();
        for _ in 0..40 {
            let (delay, next) = server.restarted();
            delays.push(delay.as_millis());
            server = next;
            tokio::time::advance(delay).await;
        }
        assert_eq!(delays[..7], [0, 250, 500, 1000, 2000, 4000, 4000]);
        assert_eq!(delays[39], 4000);
        tokio::time::advance(STABLE).await;
        let (delay, next) = server.restarted();
        assert_eq!(delay, Duration::ZERO);
        assert_eq!(next.restarted().0, FIRST_DELAY);
    }
}
