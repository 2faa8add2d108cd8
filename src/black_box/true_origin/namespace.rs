//! Runs this program again in an isolated network that has only loopback.

use std::process::ExitStatus;

#[cfg(target_os = "linux")]
mod linux;

pub use super::inside::{Inside, MARKER, NamespaceError};

/// The result of [`enter`].
#[derive(Debug)]
pub enum Entered {
    /// This process is inside. The files mounted over the system's exist as long as this value.
    Inside(Inside),
    /// This process is outside. The process inside has ended with this status, and this process
    /// should exit too.
    Ended(ExitStatus),
}

/// Runs this program again, with the same arguments, input and output, in new user, mount and
/// network namespaces: [`HOSTS`](super::HOSTS) resolve to 127.0.0.1 there, no other name resolves,
/// and there is no network but loopback. Waits until it has ended. Called inside, it prepares the
/// namespaces and verifies them.
///
/// Must be called first, before any thread starts. The process inside ends with this process.
///
/// # Errors
/// See [`NamespaceError`].
pub fn enter() -> Result<Entered, NamespaceError> {
    #[cfg(target_os = "linux")]
    {
        match std::env::var(MARKER) {
            Ok(marker) => linux::prepare(&marker).map(Entered::Inside),
            Err(_) => linux::run_inside().map(Entered::Ended),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        Err(NamespaceError::Unavailable("this is not Linux".to_owned()))
    }
}
