//! Who the user is to the host: how they are signed in, and what that lets the host send.
//!
//! [`AuthStore`] reads `auth.json`, the file that Codex keeps sign-ins in, and is the
//! [`HostCredentialSource`](crate::connection::authorize::HostCredentialSource) of the host.

mod kind;
#[cfg(feature = "network")]
mod store;

pub use kind::{Auth, UnknownAuth};
#[cfg(feature = "network")]
pub use store::{Account, AuthFileError, AuthNow, AuthStore, LogoutError, MAX_AUTH_BYTES};
