//! The app-server: MCP for a client over newline-delimited JSON on two streams.
//!
//! Data flows in one direction: bytes → line (`ingress`) → message (`wire`) → method → response
//! (`outgoing`). Requests are accepted in order and served concurrently. Requests that change the
//! state for later ones (`initialize`, `thread/start`, reload, logout) take effect before the next
//! line is read.

mod account;
mod apps;
mod direct;
mod ingress;
mod initialize;
mod methods;
mod oauth_login;
mod options;
mod outgoing;
mod page;
mod reload;
mod resources;
mod selected_roots;
mod serve;
mod server;
mod snapshots;
mod status;
mod thread_start;
mod threads;
mod tools;
mod warnings;
mod watch;
mod wire;
mod work;

pub use direct::{Accepted, DirectAppServer, DirectParts, Panicked, Refused};
pub use options::{AUTH_VARIABLE, AppServerOptions, CONFIG_VARIABLE, DEFAULT_PLACES, Mode};
pub use serve::serve;
