//! `mcp-overlay endpoint`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::black_box::stdio_server;

use super::console::Outcome;

/// Run an MCP server of a case, for a host under test to connect to.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    server: Server,
}

#[derive(clap::Subcommand)]
enum Server {
    /// Serve on standard input and output, with one tool that does nothing
    Stdio {
        /// Write what it was started with, its arguments and its variables of one letter, to a file
        /// of this name with the number of the process behind it
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,

        /// Pass everything on to the checker at this address, and back
        #[arg(long, value_name = "ADDRESS", requires_all = ["mark", "number"])]
        pass_on: Option<SocketAddr>,

        /// The sequence that the checker plays
        #[arg(long, value_name = "MARK", requires = "pass_on")]
        mark: Option<String>,

        /// The number of the server in it
        #[arg(long, value_name = "NUMBER", requires = "pass_on")]
        number: Option<usize>,

        /// Arguments that a case or a sequence gives the server; they mean nothing to it
        #[arg(last = true, value_name = "ARGUMENT")]
        arguments: Vec<String>,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let Server::Stdio { report, pass_on, mark, number, arguments } = &arguments.server;
    let input = std::io::stdin().lock();
    if let (Some(to), Some(mark), Some(number)) = (pass_on, mark, number) {
        stdio_server::pass_on(*to, (mark, *number), arguments, input, std::io::stdout())?;
        return Ok(ExitCode::SUCCESS);
    }
    let output = std::io::stdout().lock();
    stdio_server::serve(report.as_deref(), arguments, input, output)?;
    Ok(ExitCode::SUCCESS)
}
