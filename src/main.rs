//! The command line: see `mcp-overlay --help`.

fn main() {}
