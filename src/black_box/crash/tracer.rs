//! Runs a program, records its file operations in one folder, and kills it at one of them.
//!
//! `strace -e inject=…:when=N` counts the calls of each thread apart, and which thread of an
//! asynchronous host does an operation differs between runs. The tracer counts them over all threads.
//! It follows the threads of the program, and not its child processes.

use super::plan::{Plan, TraceError};

/// Whether this build can trace a program.
///
/// # Errors
/// [`TraceError::Unsupported`]
pub fn supported() -> Result<(), TraceError> {
    if cfg!(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )) {
        return Ok(());
    }
    let libc = if cfg!(target_env = "musl") { " with musl" } else { "" };
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    Err(TraceError::Unsupported(format!("{system} on {processor}{libc}")))
}

/// Runs the command to its end, with this program's standard streams. Returns its exit status; `None`
/// after a signal.
///
/// # Errors
/// See [`TraceError`].
pub fn trace(command: &[String], plan: &Plan) -> Result<Option<i32>, TraceError> {
    #[cfg(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    let traced = super::linux::run(command, plan);
    #[cfg(not(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )))]
    let traced = {
        let _ = (command, plan);
        supported().map(|()| None)
    };
    traced
}
