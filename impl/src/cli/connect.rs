//! `mcp-overlay-host connect`.

use super::{Outcome, Stop};

/// Connects to one MCP server by its URL.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The server.
    url: String,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Arguments { url: _ } = arguments;
    Err(Stop::failed("`connect` is not in this build"))
}
