//! This program again, in a network of its own that has nothing but loopback.

use std::process::ExitStatus;

#[cfg(target_os = "linux")]
mod linux;

pub use super::inside::{Inside, MARKER, NamespaceError};

/// What [`enter`] has come to.
#[derive(Debug)]
pub enum Entered {
    /// This process is inside. The files that stand over the system's are kept as long as this is.
    Inside(Inside),
    /// This process is outside; the one inside has ended like this, and there is nothing more to do.
    Ended(ExitStatus),
}

/// Runs this program again, with the same arguments and the same input and output, in user, mount
/// and network namespaces of its own: [`HOSTS`](super::HOSTS) are 127.0.0.1 there, no other name is
/// anything, and there is no network but loopback. Waits until it has ended. Called inside, it
/// prepares all that and looks whether it is so.
///
/// To be called first of all, before there are threads. What is inside ends when this process does.
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
