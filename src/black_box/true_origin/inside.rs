//! What the program outside and the one inside have in common.

#[cfg(target_os = "linux")]
use std::io;

/// The environment variable by which the program knows that it was started inside.
pub const MARKER: &str = "MCP_OVERLAY_TRUE_ORIGIN";

/// Keeps the files that stand over the system's.
#[derive(Debug)]
pub struct Inside {
    pub(super) _files: tempfile::TempDir,
}

/// Why there is no such network.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// This system gives this user no namespaces.
    #[error(
        "no namespaces for ChatGPT's own origin: {0}; this needs Linux, `unshare` of util-linux, \
         and leave to make user namespaces"
    )]
    Unavailable(String),
    /// The namespaces are there, and could not be prepared.
    #[error("the namespaces for ChatGPT's own origin: {step}: {reason}")]
    Setup {
        /// What was to be done.
        step: &'static str,
        /// Why it was not.
        reason: String,
    },
}

impl NamespaceError {
    #[cfg(target_os = "linux")]
    pub(super) fn setup(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Setup { step, reason: error.to_string() }
    }
}
