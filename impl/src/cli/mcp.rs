//! `mcp-overlay-host mcp`.

use mcp_overlay_host::Environment;

use super::{Outcome, Stop, codex_home};

/// Lists, adds, removes and logs in to MCP servers.
#[derive(clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> Outcome {
    let home = codex_home(&Environment::from_process())?;
    Err(Stop::failed(format!("`mcp` is not in this build ({})", home.display())))
}
