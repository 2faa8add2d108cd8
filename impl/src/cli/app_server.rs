//! `mcp-overlay-host app-server`.

use std::time::Duration;

use mcp_overlay_host::app_server::{AppServerOptions, DEFAULT_PLACES, Mode, serve};
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, hosted_apps};
use tokio::io::BufReader;
use tokio::signal;
use tokio_util::sync::CancellationToken;

use super::{Outcome, Overrides, Stop, codex_home};

/// Serves the app-server protocol on standard input and output.
///
/// Newline-delimited JSON as `codex app-server` speaks it: `initialize`, then `thread/start`,
/// `mcpServerStatus/list`, `mcpServer/tool/call` and the others of docs/app-server.md. It ends when
/// its input does. Warnings about the configuration go to standard error.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    echo '{\"id\":1,\"method\":\"initialize\",\"params\":{\"clientInfo\":{\"name\":\"me\",\
    \"version\":\"1\"}}}' | mcp-overlay-host app-server")]
pub(super) struct Arguments {
    /// Read and write nothing on disk and start no processes: configuration and sign-in come with
    /// `initialize`, or from MCP_OVERLAY_CONFIG_TOML and MCP_OVERLAY_AUTH_JSON
    #[arg(long)]
    orchestrator: bool,
    #[command(flatten)]
    config: Overrides,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let environment = Environment::from_process();
    let mode = if arguments.orchestrator {
        Mode::Orchestrator
    } else {
        Mode::Local { codex_home: codex_home(&environment)? }
    };
    let mut extensions = McpExtensionRegistryBuilder::new();
    hosted_apps::install(&mut extensions);
    let options = AppServerOptions {
        mode,
        overrides: arguments.config.overrides.clone(),
        environment,
        extensions: extensions.build(),
        cwd: std::env::current_dir().unwrap_or_else(|_| std::env::temp_dir()),
        places: DEFAULT_PLACES,
    };
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Stop::failed)?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        let input = BufReader::with_capacity(1 << 16, tokio::io::stdin());
        tokio::spawn(until_told(stop.clone()));
        serve(options, input, tokio::io::stdout(), stop).await
    });
    // Tasks that still own a process kill it now. A read of standard input may still be under way;
    // nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(200));
    served.map_err(|error| Stop::failed(format!("standard input cannot be read: {error}")))
}

/// SIGINT and SIGTERM end the server as the end of its input does.
async fn until_told(stop: CancellationToken) {
    let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
}

/// Every connection is a file or three, and the usual limit is low. Where it cannot be raised,
/// connections beyond it fail one by one.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
