//! An open connection.

use std::fmt;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{Implementation, Tool};
use rmcp::service::Peer;

use super::ending::Ending;
use super::error::Place;
use super::failure::Slot;
use super::offer::Offer;
use super::options::ConnectOptions;
use super::target::Authorization;

/// How long an end may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// An open connection to a server. Dropping it ends it too, but does not wait for that.
pub struct Connection {
    pub(super) place: Place,
    pub(super) authorization: Authorization,
    /// Why the connection broke, if it did.
    pub(super) session: Slot,
    pub(super) ending: Ending,
    pub(super) offer: Offer,
    pub(super) options: ConnectOptions,
    pub(super) peer: Peer<RoleClient>,
    pub(super) tools: Vec<Tool>,
}

impl Connection {
    pub(super) fn new(
        place: Place,
        authorization: Authorization,
        session: Slot,
        ending: Ending,
        offer: Offer,
        options: ConnectOptions,
        peer: Peer<RoleClient>,
    ) -> Self {
        let tools = Vec::new();
        Self { place, authorization, session, ending, offer, options, peer, tools }
    }

    /// Whether the connection broke or ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ending.stop.is_cancelled() || self.ending.ended.is_cancelled()
    }

    /// The server's name in configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.place.server
    }

    /// How the server introduced itself.
    #[must_use]
    pub fn server_info(&self) -> Option<Implementation> {
        self.peer.peer_info()?.server_info.clone()
    }

    /// The tools the server had when the connection was made, those that the configuration does
    /// not offer left out.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Waits until the connection broke or was ended.
    pub async fn closed(&self) {
        self.ending.ended.cancelled().await;
    }

    /// Ends the session, telling the server so, and the process, by force if it must be. Gives up
    /// waiting after 2 seconds.
    pub async fn shutdown(&self) {
        // How the session ended matters to nobody: the connection is gone either way.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.ending.finish()).await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("place", &self.place)
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}
