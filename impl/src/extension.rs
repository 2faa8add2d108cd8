//! The interface between the host and its extensions, which contribute MCP servers.

use std::sync::Arc;

pub use futures_util::future::BoxFuture;
use futures_util::future::join_all;

use crate::config::{HostConfig, ServerConfig};

/// One change to the configured servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpServerContribution {
    /// Inserts or replaces a whole server. Rules `overlay.set-replaces-whole` and
    /// `overlay.set-replaces-but-disabled`.
    Set {
        /// Its name.
        name: Arc<str>,
        /// The new server.
        server: Arc<ServerConfig>,
    },
    /// Deletes a server, if there is one. Rule `overlay.remove-deletes`.
    Remove {
        /// Its name.
        name: Arc<str>,
    },
    /// Offers a server of a selected plugin: it takes the place of an installed plugin's and yields to
    /// the host config's. Rules `selected.*`.
    SelectedPlugin {
        /// Its name.
        name: Arc<str>,
        /// The id of the plugin.
        plugin_id: Arc<str>,
        /// The place of the plugin in the selection. The lowest one wins.
        selection_order: u64,
        /// The server.
        server: Arc<ServerConfig>,
    },
}

impl McpServerContribution {
    /// The name of the server.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Set { name, .. } | Self::Remove { name } | Self::SelectedPlugin { name, .. } => {
                name
            }
        }
    }
}

/// An extension that contributes to the host's MCP servers.
pub trait McpServerContributor: Send + Sync {
    /// The id of the contributor, for logs.
    fn id(&self) -> &str;

    /// The contributions for this host, in order. They must depend only on `host` and on the state
    /// that [`revision`](Self::revision) counts, not on the sign-in. All contributors are called
    /// concurrently, so none may wait for another's contributions.
    fn contribute<'a>(&'a self, host: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>>;

    /// A number that changes when the contributions for the same host may change. While it is the
    /// same, earlier contributions are reused.
    fn revision(&self) -> u64 {
        0
    }
}

/// The contributors of a host, in registration order.
#[derive(Clone, Default)]
pub struct McpExtensionRegistry {
    contributors: Arc<[Arc<dyn McpServerContributor>]>,
}

/// Collects the contributors of a host.
#[derive(Default)]
pub struct McpExtensionRegistryBuilder {
    contributors: Vec<Arc<dyn McpServerContributor>>,
}

impl McpExtensionRegistryBuilder {
    /// A builder without contributors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a contributor after the earlier ones. A later contributor takes precedence for the
    /// same name. Rule `contribution.order`.
    pub fn contributor(&mut self, contributor: Arc<dyn McpServerContributor>) -> &mut Self {
        self.contributors.push(contributor);
        self
    }

    /// The registry of these contributors.
    #[must_use]
    pub fn build(self) -> McpExtensionRegistry {
        McpExtensionRegistry { contributors: self.contributors.into() }
    }
}

impl McpExtensionRegistry {
    /// The contributors, in registration order.
    #[must_use]
    pub fn contributors(&self) -> &[Arc<dyn McpServerContributor>] {
        &self.contributors
    }

    /// Calls all contributors concurrently. The contributions are in registration order, not in the
    /// order of the answers. Rule `contribution.order`.
    pub async fn contributions(&self, host: &HostConfig) -> Vec<McpServerContribution> {
        match &*self.contributors {
            [] => Vec::new(),
            [only] => only.contribute(host).await,
            several => {
                let asked = several.iter().map(|contributor| contributor.contribute(host));
                join_all(asked).await.into_iter().flatten().collect()
            }
        }
    }
}

impl std::fmt::Debug for McpExtensionRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.contributors.iter().map(|c| c.id().to_owned())).finish()
    }
}
