//! The context of connections.

use std::path::PathBuf;
use std::sync::Arc;

use super::authorize::{HostCredentialSource, OAuthSource};
use super::executor::Environments;
use super::options::ConnectOptions;
use crate::config::Environment;

/// What all connections of a host have in common.
#[derive(Clone)]
pub struct ConnectContext {
    /// The environment variables of the host.
    pub environment: Environment,
    /// The source of the host's own credentials. They are sent to the Apps server only; in profiles
    /// with the field `auth`, to the servers at ChatGPT's origin whose `auth` is `chatgpt`.
    pub host_credentials: Option<Arc<dyn HostCredentialSource>>,
    /// The source of OAuth tokens, for other HTTP servers.
    pub oauth: Option<Arc<dyn OAuthSource>>,
    /// Where processes are started.
    pub executor: Executor,
    /// Bounds, and the name and version of the host.
    pub options: ConnectOptions,
    /// The working directory of processes without a `cwd`, and the base of a relative `cwd`. By
    /// default the host's own.
    pub cwd: Option<PathBuf>,
}

/// Where processes are started.
#[derive(Debug, Clone)]
pub enum Executor {
    /// This machine.
    Local,
    /// This machine, and the named environments through their executors.
    Named(Environments),
    /// Nowhere: stdio servers cannot be used.
    None,
}
