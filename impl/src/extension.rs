//! The interface between the host and its extensions, which contribute MCP servers.

use std::sync::Arc;

pub use futures_util::future::BoxFuture;
use futures_util::future::join_all;

use crate::config::{HostConfig, ServerConfig};

/// One change to the configured servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpServerContribution {
    /// Inserts or replaces a server as a whole. Rules `overlay.set-replaces-whole` and
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
}

impl McpServerContribution {
    /// The server name it is about.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Set { name, .. } | Self::Remove { name } => name,
        }
    }
}

/// An extension that changes the host's MCP servers.
pub trait McpServerContributor: Send + Sync {
    /// Its id, for logs.
    fn id(&self) -> &str;

    /// The contributions for this host, in order. Must be a function of `host` and of what
    /// [`revision`](Self::revision) counts; must not depend on auth. All contributors are asked
    /// at the same time, so none may wait for another's contributions.
    fn contribute<'a>(&'a self, host: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>>;

    /// A number that changes whenever the contributions for the same host may change. While it stays
    /// the same, the previous answer is used again.
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
    /// Without contributors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a contributor after the others. A later contributor's contribution to a name
    /// overrides an earlier one's. Rule `contribution.order`.
    pub fn contributor(&mut self, contributor: Arc<dyn McpServerContributor>) -> &mut Self {
        self.contributors.push(contributor);
        self
    }

    /// The registry of what was registered.
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

    /// Asks all contributors at the same time. Their contributions are returned in registration order,
    /// not in the order of their answers. Rule `contribution.order`.
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

    /// Whether the contributors' revisions are still these.
    pub(crate) fn has_revisions(&self, revisions: &[u64]) -> bool {
        self.revisions().eq(revisions.iter().copied())
    }

    pub(crate) fn revisions(&self) -> impl Iterator<Item = u64> {
        self.contributors.iter().map(|contributor| contributor.revision())
    }
}

impl std::fmt::Debug for McpExtensionRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.contributors.iter().map(|c| c.id().to_owned())).finish()
    }
}
