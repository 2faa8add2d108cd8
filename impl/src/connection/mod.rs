//! Connections to MCP servers, over streamable HTTP and to processes.
//!
//! Needs a Tokio runtime with time and I/O. The transports are rmcp's; what this module adds is
//! what a host must be sure of: which server, which credentials and no others, no other origin, no
//! process left behind, nothing without bounds, and errors that say what to do.

mod apps;
pub mod authorize;
mod credentials;
mod error;
mod failure;
mod group;
mod handler;
pub(crate) mod http;
mod observed;
mod pipe;
pub(crate) mod recipient;
mod request;
mod session;
mod start;
mod stdio;
mod supervise;
pub(crate) mod target;
pub(crate) mod trust;

use std::path::PathBuf;
use std::sync::Arc;

pub use apps::{AppsConnection, connect_apps};
pub use credentials::HostCredentials;
pub use error::{ConnectError, Place};
pub use group::kill_all_processes;
pub use rmcp::model::{
    CallToolResult, Implementation, JsonObject, ReadResourceResult, Resource, ResourceTemplate,
    Tool,
};
pub use session::Connection;
pub use start::connect;

use self::authorize::{HostCredentialSource, OAuthSource};
use crate::config::Environment;

/// The longest name a server may have: its tools are named `mcp__server__tool`.
pub const MAX_NAME_LEN: usize = 64;

/// What all connections of a host share.
#[derive(Clone)]
pub struct ConnectContext {
    /// The environment variables of the host.
    pub environment: Environment,
    /// Where the host's own credentials come from. They go to the Apps server only; in profiles with
    /// the field `auth`, to the servers at ChatGPT's origin that have `auth` `chatgpt`.
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

/// What becomes of a server's questions to the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Elicitation {
    /// Servers are told that nobody can be asked, and a question is declined.
    #[default]
    Decline,
    /// A form is answered with the defaults that its schema has. One that requires something
    /// without a default is declined, and so is whatever is not a form.
    AcceptDefaults,
}

/// The bounds of a connection, and how the host introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The client's name in `initialize`.
    pub client_name: String,
    /// The client's version in `initialize`.
    pub client_version: String,
    /// The largest answer, event of a stream or line of a process, in bytes. A process that writes
    /// a longer line is ended.
    pub max_response_bytes: usize,
    /// The most tools, resources or templates a server may have.
    pub max_items: usize,
    /// The most pages a list of them may have.
    pub max_pages: usize,
    /// What becomes of a server's questions to the user.
    pub elicitation: Elicitation,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            client_name: env!("CARGO_PKG_NAME").to_owned(),
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            max_response_bytes: 16 * 1024 * 1024,
            max_items: 10_000,
            max_pages: 100,
            elicitation: Elicitation::default(),
        }
    }
}

/// Checks that a server of this name can be connected to.
///
/// # Errors
/// [`ConnectError::InvalidName`]: it is empty, longer than [`MAX_NAME_LEN`], or has other
/// characters than ASCII letters, digits, `_` and `-`.
pub fn check_name(name: &str) -> Result<(), ConnectError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > MAX_NAME_LEN || !name.bytes().all(allowed) {
        let name = name.chars().take(MAX_NAME_LEN).collect();
        return Err(ConnectError::InvalidName { name });
    }
    Ok(())
}
