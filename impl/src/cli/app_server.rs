//! `mcp-overlay-host app-server`.

use super::{Outcome, Overrides, Stop};

/// Serves the app-server protocol on standard input and output.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Take configuration and sign-in from the orchestrator instead of from files.
    #[arg(long)]
    orchestrator: bool,
    #[command(flatten)]
    config: Overrides,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Arguments { orchestrator: _, config: _ } = arguments;
    Err(Stop::failed("the app-server is not in this build"))
}
