//! `mcp-overlay subject`

use std::io::{BufWriter, stdin, stdout};
use std::process::ExitCode;

use clap::ValueEnum;
use mcp_overlay::in_process::subject::HostSubject;
use mcp_overlay::protocol;
use mcp_overlay::selftest::Fault;
use mcp_overlay::subject::{ModelSubject, Subject};

use super::console::Outcome;

/// Answer cases on standard input and output, in protocol version 1 (docs/protocol.md).
///
/// An example of a subject, and a subject to test your own driver with.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The implementation that answers
    subject: Who,

    /// Seed this fault into the production implementation; `selftest --list` lists the names
    #[arg(long, value_name = "FAULT", value_parser = super::selftest::fault)]
    fault: Option<&'static Fault>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Who {
    /// The production implementation
    Production,
    /// The specification
    Model,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let subject: Box<dyn Subject> = match (arguments.subject, arguments.fault) {
        (Who::Production, None) => Box::<HostSubject>::default(),
        (Who::Production, Some(fault)) => fault.subject(),
        (Who::Model, None) => Box::new(ModelSubject),
        (Who::Model, Some(_)) => {
            return Err("--fault: faults are seeded into `production`, not into `model`".into());
        }
    };
    protocol::serve(&*subject, stdin().lock(), BufWriter::new(stdout().lock()))?;
    Ok(ExitCode::SUCCESS)
}
