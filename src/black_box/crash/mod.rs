//! Crash points: a host is killed at each of its file operations, and started again
//! (docs/crash-points.md).
//!
//! [`point`] names the moment, [`tracer`] runs the host up to it, `operation` tells file operations
//! among system calls. `over_time/crash_run.rs` plays the run and looks at what the host left.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod linux;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod operation;
pub mod plan;
pub mod point;
pub mod tracer;
