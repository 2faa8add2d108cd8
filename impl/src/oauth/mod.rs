//! OAuth for MCP servers: logins, tokens and their refresh.
//!
//! rmcp discovers authorization servers, registers clients and exchanges codes. This module adds
//! what a host needs around it: token storage shared with Codex, the callback server, bounds, and
//! errors that say what to do and show no secret.
//!
//! Servers that the host's own credentials are for use no OAuth, and neither does the reserved Apps
//! server. Callers handle both.

mod authorizer;
mod callback;
mod discovery;
mod error;
mod file;
mod headless;
mod http;
#[cfg(feature = "keyring")]
mod keyring;
mod login;
mod login_request;
mod refresh;
mod server_url;
mod service;
mod setting;
mod status;
mod store;
mod tokens;

pub use error::{LoginError, StoreError};
pub(crate) use headless::browse_headless;
pub use login::PendingLogin;
pub use login_request::{DEFAULT_LOGIN_TIMEOUT, LoginRequest, MAX_LOGIN_TIMEOUT, login_timeout};
pub use service::OAuth;
pub(crate) use setting::store_mode;
pub use status::AuthStatus;
pub use store::{StoreMode, TokenStore, UnknownStore};
pub use tokens::Tokens;
