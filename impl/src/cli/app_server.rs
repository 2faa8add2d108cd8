//! `mcp-overlay-host app-server`.

use std::task::Poll;
use std::time::Duration;

use mcp_overlay_host::app_server::{AppServerOptions, DEFAULT_PLACES, Mode, serve};
use mcp_overlay_host::connection::{guard_processes_with, kill_all_processes};
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, hosted_apps};
use tokio::io::BufReader;
use tokio::signal;
use tokio_util::sync::CancellationToken;

use super::options::{Overrides, ProfileArgument, codex_home};
use super::stop::{Outcome, Stop};

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
        tokio::spawn(until_signal(stop.clone()));
        serve(options, input, tokio::io::stdout(), stop).await
    });
    // The runtime does not drop tasks that are busy with endless output of a process, so their
    // processes would survive.
    kill_all_processes();
    // Does not wait for a blocked read of standard input.
    runtime.shutdown_timeout(Duration::from_millis(200));
    served.map_err(|error| Stop::failed(format!("standard input cannot be read: {error}")))
}

/// Waits for SIGINT, SIGTERM, SIGHUP or SIGQUIT, which end the server like the end of its input:
/// their default action would leave processes behind.
async fn until_signal(stop: CancellationToken) {
    use signal::unix::SignalKind;
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ];
    // A signal that cannot be caught is skipped.
    let mut signals: Vec<_> = kinds.into_iter().flat_map(signal::unix::signal).collect();
    std::future::poll_fn(|context| {
        // Polls all of them, so that each wakes this task.
        let ready = signals.iter_mut().map(|signal| signal.poll_recv(context).is_ready());
        if ready.fold(false, |any, one| any | one) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    stop.cancel();
}

/// The hidden command of the guard.
pub(super) const GUARD: &str = "guard";

/// Has the servers killed if this process is killed.
fn guard_processes() {
    // The file of this program may have been replaced; Linux still has this one.
    let own = std::path::PathBuf::from("/proc/self/exe");
    let program = if own.exists() { Some(own) } else { std::env::current_exe().ok() };
    if let Some(program) = program {
        guard_processes_with(program, GUARD);
    }
}

/// Every connection takes up to three file descriptors, and the default limit is low. If it cannot be
/// raised, connections beyond it fail.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
