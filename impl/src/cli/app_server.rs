//! `mcp-overlay-host app-server`.

use std::time::Duration;

use mcp_overlay_host::app_server::{AppServerOptions, DEFAULT_PLACES, Mode, serve};
use mcp_overlay_host::connection::kill_all_processes;
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, executor_plugins, hosted_apps};
use tokio::io::BufReader;
use tokio_util::sync::CancellationToken;

use super::options::{Overrides, ProfileArgument, codex_home};
use super::stop::{Outcome, Stop};
use super::system::{guard_processes, raise_file_limit, until_signal};

/// Serves the app-server protocol on standard input and output.
///
/// Newline-delimited JSON as `codex app-server` speaks it: `initialize`, then `thread/start`,
/// `mcpServerStatus/list`, `mcpServer/tool/call` and the other methods of docs/app-server.md. Exits at
/// the end of its input. Writes warnings about the configuration to standard error.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    echo '{\"id\":1,\"method\":\"initialize\",\"params\":{\"clientInfo\":{\"name\":\"me\",\
    \"version\":\"1\"}}}' | mcp-overlay-host app-server")]
pub(super) struct Arguments {
    /// Use no disk and start no processes: configuration and sign-in come with `initialize`, or from
    /// MCP_OVERLAY_CONFIG_TOML and MCP_OVERLAY_AUTH_JSON
    #[arg(long)]
    orchestrator: bool,
    #[command(flatten)]
    profile: ProfileArgument,
    #[command(flatten)]
    config: Overrides,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let environment = Environment::from_process().with_profile(arguments.profile.profile);
    let mode = if arguments.orchestrator {
        Mode::Orchestrator
    } else {
        Mode::Local { codex_home: codex_home(&environment)? }
    };
    let mut extensions = McpExtensionRegistryBuilder::new();
    hosted_apps::install(&mut extensions);
    executor_plugins::install(&mut extensions);
    let options = AppServerOptions {
        mode,
        overrides: arguments.config.overrides.clone(),
        environment,
        extensions: extensions.build(),
        cwd: std::env::current_dir().unwrap_or_else(|_| std::env::temp_dir()),
        places: DEFAULT_PLACES,
    };
    raise_file_limit();
    guard_processes();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Stop::failed)?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        let input = BufReader::with_capacity(1 << 16, tokio::io::stdin());
        let stopped = stop.clone();
        tokio::spawn(async move {
            until_signal().await;
            stopped.cancel();
        });
        serve(options, input, tokio::io::stdout(), stop).await
    });
    // The runtime does not drop tasks that are busy with endless output of a process, so their
    // processes would survive.
    kill_all_processes();
    // Does not wait for a blocked read of standard input.
    runtime.shutdown_timeout(Duration::from_millis(200));
    served.map_err(|error| Stop::failed(format!("standard input cannot be read: {error}")))
}
