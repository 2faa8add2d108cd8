//! What an app-server asks of the system: signals, limits, and the guard of its processes.

#[cfg(not(unix))]
pub(super) use other::{guard_processes, raise_file_limit, until_signal};
#[cfg(unix)]
pub(super) use unix::{GUARD, guard_processes, raise_file_limit, until_signal};

#[cfg(unix)]
mod unix {
    use std::task::Poll;

    use mcp_overlay_host::connection::guard_processes_with;
    use tokio::signal::unix::{SignalKind, signal};

    /// Waits for SIGINT, SIGTERM, SIGHUP or SIGQUIT, which end the server like the end of its input:
    /// their default action would leave processes behind.
    pub(crate) async fn until_signal() {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ];
        // A signal that cannot be caught is skipped.
        let mut signals: Vec<_> = kinds.into_iter().flat_map(signal).collect();
        std::future::poll_fn(|context| {
            // Polls all of them, so that each wakes this task.
            let ready = signals.iter_mut().map(|signal| signal.poll_recv(context).is_ready());
            if ready.fold(false, |any, one| any | one) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The hidden command of the guard.
    pub(crate) const GUARD: &str = "guard";

    /// Has the servers killed if this process is killed.
    pub(crate) fn guard_processes() {
        // The file of this program may have been replaced; Linux still has this one.
        let own = std::path::PathBuf::from("/proc/self/exe");
        let program = if own.exists() { Some(own) } else { std::env::current_exe().ok() };
        if let Some(program) = program {
            guard_processes_with(program, GUARD);
        }
    }

    /// Every connection takes up to three file descriptors, and the default limit is low. If it cannot
    /// be raised, connections beyond it fail.
    pub(crate) fn raise_file_limit() {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

#[cfg(not(unix))]
mod other {
    /// Waits for Ctrl-C.
    pub(crate) async fn until_signal() {
        if tokio::signal::ctrl_c().await.is_err() {
            // It cannot be caught, so the end of the input ends the server.
            std::future::pending::<()>().await;
        }
    }

    /// There are no process groups to guard.
    pub(crate) fn guard_processes() {}

    /// There is no such limit.
    pub(crate) fn raise_file_limit() {}
}
