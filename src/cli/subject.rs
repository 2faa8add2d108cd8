//! `mcp-overlay subject`

use std::io::{BufWriter, stdin, stdout};
use std::process::ExitCode;

use clap::ValueEnum;
use mcp_overlay::protocol;
use mcp_overlay::subject::{ModelSubject, ProductionSubject, Subject};

use super::Outcome;

/// Answer cases on standard input and output, protocol version 1 (docs/protocol.md).
///
/// For people who drive a subject themselves, and as an example of what one does.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Who answers
    subject: Who,
}

#[derive(Clone, Copy, ValueEnum)]
enum Who {
    /// The production implementation
    Production,
    /// The specification
    Model,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let subject: &dyn Subject = match arguments.subject {
        Who::Production => &ProductionSubject,
        Who::Model => &ModelSubject,
    };
    protocol::serve(subject, stdin().lock(), BufWriter::new(stdout().lock()))?;
    Ok(ExitCode::SUCCESS)
}
