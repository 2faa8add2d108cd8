//! A look at who is signed in, when nobody asks.

use std::sync::Arc;
use std::time::Duration;

use super::server::AppServer;

/// How often. Whatever is asked of the host looks by itself; this is for connections that nobody
/// uses, which end soon after their sign-in is gone.
const INTERVAL: Duration = Duration::from_secs(2);

/// Brings all threads up to date when somebody else has signed in or out, until the server closes.
pub(super) async fn sign_in(server: Arc<AppServer>) {
    let mut last = None;
    while server.closing.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        let Ok(host) = server.host() else { continue };
        let now = host.auth().now();
        let last = last.replace(Arc::clone(&now));
        // The first look may already be too late to see a change.
        if last.is_none_or(|last| !Arc::ptr_eq(&last, &now)) {
            for thread in server.threads.all() {
                drop(thread.servers(host));
            }
        }
    }
}
