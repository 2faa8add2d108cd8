//! An open connection.

use std::fmt;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{Implementation, Tool};
use rmcp::service::Peer;

use super::ending::Ending;
use super::error::ServerAddress;
use super::failure::Slot;
use super::offer::Offer;
use super::options::ConnectOptions;
use super::secrets::Secrets;
use super::target::Authorization;

/// The timeout of a shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// An open connection to a server. Dropping it closes it without waiting.
pub struct Connection {
    pub(super) address: ServerAddress,
    pub(super) authorization: Authorization,
    /// The reason of a broken connection.
    pub(super) session: Slot,
    pub(super) secrets: Secrets,
    pub(super) ending: Ending,
    pub(super) offer: Offer,
    pub(super) options: ConnectOptions,
    pub(super) peer: Peer<RoleClient>,
    pub(super) tools: Vec<Tool>,
}

impl Connection {
    pub(super) fn new(
        address: ServerAddress,
        authorization: Authorization,
        (session, secrets): (Slot, Secrets),
        ending: Ending,
        offer: Offer,
        options: ConnectOptions,
        peer: Peer<RoleClient>,
    ) -> Self {
        let tools = Vec::new();
        Self { address, authorization, session, secrets, ending, offer, options, peer, tools }
    }

    /// Whether the connection broke or was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ending.stop.is_cancelled() || self.ending.ended.is_cancelled()
    }

    /// The server's name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.address.server
    }

    /// The name and version that the server sent in `initialize`.
    #[must_use]
    pub fn server_info(&self) -> Option<Implementation> {
        self.peer.peer_info()?.server_info.clone()
    }

    /// The tools at the time of the connection, without those that the configuration disables.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Waits until the connection broke or was closed.
    pub async fn closed(&self) {
        self.ending.ended.cancelled().await;
    }

    /// Deletes the session at the server, and ends the process, by force if necessary. Waits at most
    /// 2 seconds.
    pub async fn shutdown(&self) {
        // On a timeout the connection is gone too.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.ending.finish()).await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}
