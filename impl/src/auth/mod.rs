//! The user's sign-in: its kind, and the credentials that the host may send.
//!
//! [`AuthStore`] reads `auth.json`, the file in which Codex keeps sign-ins, and is the
//! [`HostCredentialSource`](crate::connection::authorize::HostCredentialSource) of the host.

#[cfg(feature = "network")]
mod authorizer;
#[cfg(feature = "network")]
mod claims;
#[cfg(feature = "network")]
mod error;
#[cfg(feature = "network")]
mod file;
mod kind;
#[cfg(feature = "network")]
mod now;
#[cfg(feature = "network")]
mod refresh;
#[cfg(feature = "network")]
mod refresh_state;
#[cfg(feature = "network")]
mod sign_in;
#[cfg(feature = "network")]
mod storage;
#[cfg(feature = "network")]
mod store;
#[cfg(feature = "network")]
mod token_endpoint;

#[cfg(feature = "network")]
pub use error::{AuthFileError, LogoutError};
#[cfg(feature = "network")]
pub use file::Account;
pub use kind::{Auth, UnknownAuth};
#[cfg(feature = "network")]
pub use now::AuthNow;
#[cfg(feature = "network")]
pub use sign_in::{SignInError, SuppliedTokens};
#[cfg(feature = "network")]
pub use storage::MAX_AUTH_BYTES;
#[cfg(feature = "network")]
pub use store::AuthStore;
#[cfg(feature = "network")]
pub use token_endpoint::REFRESH_URL_VARIABLE;
