//! Repeats the opening of a connection.

use std::time::Duration;

use tokio::time::Instant;

use super::error::ConnectError;
use crate::extension::BoxFuture;

/// The delays before the second and the third attempt.
const DELAYS: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// Repeats `attempt` after an HTTP status of 500 and above and after a failure of the network, unless
/// the deadline, if there is one, would pass in between. An attempt sends nothing that a server must not get twice.
pub(super) async fn with_retries<'a, T>(
    deadline: Option<Instant>,
    attempt: impl Fn() -> BoxFuture<'a, Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    for delay in DELAYS {
        match attempt().await {
            Err(error)
                if error.is_passing()
                    && deadline.is_none_or(|end| Instant::now() + delay < end) => {}
            outcome => return outcome,
        }
        tokio::time::sleep(delay).await;
    }
    attempt().await
}
