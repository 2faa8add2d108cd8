//! The app-server: MCP for a client over newline-delimited JSON on two streams.
//!
//! Data goes one way: bytes → line (`ingress`) → message (`wire`) → method → answer
//! (`outgoing`). Requests are taken in their order and served at the same time; those that change
//! what later ones see (`initialize`, `thread/start`, reload, logout) take effect before the next
//! line is read.

mod account;
mod apps;
mod ingress;
mod initialize;
mod methods;
mod oauth_login;
mod options;
mod outgoing;
mod page;
mod reload;
mod resources;
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

pub use options::{AUTH_VARIABLE, AppServerOptions, CONFIG_VARIABLE, DEFAULT_PLACES, Mode};
pub use serve::serve;
