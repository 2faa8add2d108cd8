//! Connections to MCP servers, over streamable HTTP and to processes.
//!
//! Needs a Tokio runtime with time and I/O. rmcp provides the transports. This module guarantees
//! which server gets which credentials, that no other origin gets a request, that no process is
//! left behind, that everything is bounded, and that errors say what to do.

mod apps;
pub mod authorize;
mod authorized;
mod calls;
mod context;
mod credentials;
mod ending;
mod error;
mod executor;
mod failure;
mod group;
#[cfg(unix)]
mod guard;
mod handler;
pub(crate) mod header;
pub(crate) mod http;
mod name;
mod observed;
mod offer;
mod options;
mod pipe;
pub(crate) mod recipient;
mod request;
mod retry;
mod secrets;
mod session;
mod start;
mod stdio;
mod strays;
mod supervise;
pub(crate) mod target;
pub(crate) mod trust;

pub use apps::{AppsConnection, connect_apps};
pub use authorized::RequestHeaders;
pub use context::{ConnectContext, Executor};
pub use credentials::HostCredentials;
pub use error::{ConnectError, ServerAddress};
pub use executor::{Environments, serve_executor};
pub use group::kill_all_processes;
#[cfg(unix)]
pub use guard::{guard, guard_processes_with};
pub use name::MAX_NAME_LEN;
pub use options::{ConnectOptions, Elicitation};
pub use rmcp::model::{
    CallToolResult, Implementation, JsonObject, ReadResourceResult, Resource, ResourceTemplate,
    Tool,
};
pub use session::Connection;
pub use start::{check_name, connect};
