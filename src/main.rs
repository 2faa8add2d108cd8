//! The command line: see `mcp-overlay --help`.

mod cli;

use std::process::ExitCode;

/// A check allocates all the time; the allocator of musl, in the released binaries, is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
