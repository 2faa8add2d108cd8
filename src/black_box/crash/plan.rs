//! What a tracer is to do.

use std::io;
use std::path::PathBuf;

use super::point::Point;

/// What to record, and when to kill.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder, without symbolic links.
    pub folder: PathBuf,
    /// The file of the record.
    pub record: PathBuf,
    /// When to kill; never, to count the operations.
    pub kill: Option<Point>,
}

/// Why a program could not be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The system refuses it.
    #[error(
        "this system lets no program trace another: {0}\n  help: allow ptrace (in a container: \
         --cap-add SYS_PTRACE), or run this elsewhere"
    )]
    Refused(String),
    /// This build cannot trace a program on any system.
    #[error(
        "crash points need Linux on x86-64 or AArch64 and a build with glibc, and this program is built \
         for {0}\n  help: build it on such a system: cargo install --path . (docs/install.md)"
    )]
    Unsupported(String),
    /// It did not start, or the record cannot be written.
    #[error("the program cannot be traced: {0}")]
    Failed(#[from] io::Error),
}
