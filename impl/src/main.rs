//! The binary `mcp-overlay-host`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
