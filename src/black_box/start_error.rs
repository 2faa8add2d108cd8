//! Why an app-server cannot be checked.

use std::io;

use super::true_origin::tls::FrontError;

/// Why a command cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The test servers could not be hosted.
    #[error("cannot host the servers of the cases on loopback: {0}")]
    TestServers(#[source] io::Error),
    /// TLS in front of the Apps endpoint failed to start.
    #[error("cannot host the Apps endpoint at ChatGPT's own origin: {0}")]
    Front(#[from] FrontError),
    /// The app-server did not start with an empty config.
    #[error(
        "the app-server `{command}` {problem}\n  help: expected a program that speaks the protocol \
         of `codex app-server` on standard input and output, such as \"codex app-server\""
    )]
    Start {
        /// The program.
        command: String,
        /// What happened.
        problem: String,
    },
}
