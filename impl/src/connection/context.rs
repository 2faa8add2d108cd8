//! What connections are made with.

use std::path::PathBuf;
use std::sync::Arc;

use super::authorize::{HostCredentialSource, OAuthSource};
use super::options::ConnectOptions;
use crate::config::Environment;

/// What all connections of a host share.
#[derive(Clone)]
pub struct ConnectContext {
    /// The environment variables of the host.
    pub environment: Environment,
    /// Where the host's own credentials come from. They go to the Apps server only.
    pub host_credentials: Option<Arc<dyn HostCredentialSource>>,
    /// Where OAuth tokens come from, for all other HTTP servers.
    pub oauth: Option<Arc<dyn OAuthSource>>,
    /// What starts processes.
    pub executor: Executor,
    /// Bounds, and how the host introduces itself.
    pub options: ConnectOptions,
    /// The folder that processes run in unless they have a `cwd`, and that a relative `cwd` counts
    /// from; the host's own if there is none.
    pub cwd: Option<PathBuf>,
}

/// What starts processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executor {
    /// This machine.
    Local,
    /// Nothing: a server that is a process cannot be used.
    None,
}
