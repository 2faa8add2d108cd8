//! `mcp-overlay-host executor`.

use std::time::Duration;

use mcp_overlay_host::Environment;
use mcp_overlay_host::connection::{kill_all_processes, serve_executor};
use tokio::io::BufReader;

use super::stop::{Outcome, Stop};
use super::system::{guard_processes, until_signal};

/// Runs servers of another environment for a host.
///
/// Speaks the protocol of docs/executor.md on standard input and output: a host starts it in the other
/// environment, for example over ssh, and it starts processes there. It ends with its input, and all
/// its processes end with it.
#[derive(clap::Args)]
#[command(after_help = "Example, in the config.toml of the host:\n  \
    [mcp_overlay.environments.gpu-box]\n  \
    command = \"ssh\"\n  \
    args = [\"gpu-box\", \"mcp-overlay-host\", \"executor\"]")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Outcome {
    guard_processes();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Stop::failed)?;
    let served = runtime.block_on(async {
        let input = BufReader::with_capacity(1 << 16, tokio::io::stdin());
        let served = serve_executor(input, tokio::io::stdout(), Environment::from_process());
        tokio::select! {
            served = served => served,
            () = until_signal() => Ok(()),
        }
    });
    kill_all_processes();
    // Does not wait for a blocked read of standard input.
    runtime.shutdown_timeout(Duration::from_millis(200));
    served.map_err(|error| Stop::failed(format!("standard input: {error}")))
}
