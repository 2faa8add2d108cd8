//! Shared by the program outside the namespaces and the one inside.

#[cfg(target_os = "linux")]
use std::io;

/// The environment variable that marks the program as started inside.
pub const MARKER: &str = "MCP_OVERLAY_TRUE_ORIGIN";

/// Keeps the files that are mounted over the system's.
#[derive(Debug)]
pub struct Inside {
    pub(super) _files: tempfile::TempDir,
}

/// Why there is no isolated network.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// This system does not let this user create namespaces.
    #[error(
        "no namespaces for ChatGPT's own origin: {0}; this needs Linux, `unshare` of util-linux, \
         and leave to make user namespaces"
    )]
    Unavailable(String),
    /// The namespaces exist, but could not be prepared.
    #[error("the namespaces for ChatGPT's own origin: {step}: {reason}")]
    Setup {
        /// The step that failed.
        step: &'static str,
        /// The reason.
        reason: String,
    },
}

impl NamespaceError {
    #[cfg(target_os = "linux")]
    pub(super) fn setup(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Setup { step, reason: error.to_string() }
    }
}
