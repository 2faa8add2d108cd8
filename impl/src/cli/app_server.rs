//! `mcp-overlay-host app-server`.

use std::task::Poll;
use std::time::Duration;

use mcp_overlay_host::app_server::{AppServerOptions, DEFAULT_PLACES, Mode, serve};
use mcp_overlay_host::connection::kill_all_processes;
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, hosted_apps};
use tokio::io::BufReader;
use tokio::signal;
use tokio_util::sync::CancellationToken;

use super::options::{Overrides, ProfileArgument, codex_home};
use super::stop::{Outcome, Stop};

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
    // Tasks that still own a process would kill it when the runtime drops them, but it does not get
    // to those that are busy with what a process writes without end.
    kill_all_processes();
    // A read of standard input may still be under way; nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(200));
    served.map_err(|error| Stop::failed(format!("standard input cannot be read: {error}")))
}

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT end the server as the end of its input does: their default
/// would leave processes behind.
async fn until_told(stop: CancellationToken) {
    use signal::unix::SignalKind;
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ];
    // One that cannot be caught does not keep the others from being.
    let mut signals: Vec<_> = kinds.into_iter().flat_map(signal::unix::signal).collect();
    std::future::poll_fn(|context| {
        // All are asked, so that each wakes this task.
        let told = signals.iter_mut().map(|signal| signal.poll_recv(context).is_ready());
        if told.fold(false, |any, one| any | one) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
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
