//! Polls the sign-in.

use std::sync::Arc;
use std::time::Duration;

use super::server::AppServer;

/// The polling interval. Every request checks the sign-in anyway; polling closes idle connections
/// soon after a sign-out.
const INTERVAL: Duration = Duration::from_secs(2);

/// Updates all threads when another process signs in or out, until the server shuts down.
pub(super) async fn sign_in(server: Arc<AppServer>) {
    let mut last = None;
    while server.closing.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        let Ok(host) = server.host() else { continue };
        let now = host.auth().now();
        let last = last.replace(Arc::clone(&now));
        // A change may have happened before the first poll.
        if last.is_none_or(|last| !Arc::ptr_eq(&last, &now)) {
            for thread in server.threads.all() {
                drop(thread.servers(host));
            }
        }
    }
}
