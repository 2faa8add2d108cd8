//! Whom a command asks: the production implementation, or anyone's over stdio.

use std::time::Duration;

use mcp_overlay::selftest::Fault;
use mcp_overlay::subject::stdio::{Patience, kill_all};
use mcp_overlay::subject::{ProductionSubject, StdioSubject, Subject};
use mcp_overlay_model::Profile;

use super::{MISUSE, Misuse, complain};

/// Options that say whom to ask, and how long to wait for an answer.
#[derive(clap::Args)]
pub(crate) struct SubjectArguments {
    /// Ask this command instead of the production implementation; it speaks the protocol of
    /// docs/protocol.md, version 1, on its standard input and output. May be given again, for a
    /// report each
    #[arg(long, value_name = "CMD", help_heading = "Subject")]
    pub(crate) stdio: Vec<String>,

    /// Seed this fault into the production implementation, to see what a finding looks like;
    /// `selftest --list` has the names
    #[arg(long, value_name = "FAULT", value_parser = super::selftest::fault, conflicts_with = "stdio", help_heading = "Subject")]
    fault: Option<&'static Fault>,

    /// How long the command may take for a case, in seconds
    #[arg(long, value_name = "SECS", default_value = "2", value_parser = seconds, help_heading = "Subject")]
    timeout: Duration,

    /// How long the command may take to start and introduce itself, in seconds
    #[arg(long, value_name = "SECS", default_value = "10", value_parser = seconds, help_heading = "Subject")]
    start_timeout: Duration,
}

impl SubjectArguments {
    /// Whether nobody else is named.
    pub(crate) fn is_production(&self) -> bool {
        self.stdio.is_empty() && self.fault.is_none()
    }
}

/// The longest time that can be asked for: an hour.
const MOST_SECONDS: f64 = 3_600.0;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_string())?;
    if !(0.001..=MOST_SECONDS).contains(&seconds) {
        return Err(format!("expected 0.001 to {MOST_SECONDS} seconds"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Whom to ask.
pub(crate) enum Driven {
    Production,
    Faulty(Box<dyn Subject>),
    Stdio(StdioSubject),
}

impl Driven {
    pub(crate) fn subject(&self) -> &dyn Subject {
        match self {
            Driven::Production => &ProductionSubject,
            Driven::Faulty(subject) => &**subject,
            Driven::Stdio(subject) => subject,
        }
    }

    /// Ends a process in the way of the protocol. What is wrong with its end is said, and no
    /// verdict: all answers were there.
    pub(crate) fn stop(&self) {
        if let Driven::Stdio(subject) = self {
            for complaint in subject.stop() {
                complain("warning", &format!("{}: {complaint}", subject.name()));
            }
        }
    }
}

/// Everybody who is to be asked; a command is started to see whether it can be.
pub(crate) fn start(arguments: &SubjectArguments, profile: Profile) -> Result<Vec<Driven>, Misuse> {
    if let Some(fault) = arguments.fault {
        return Ok(vec![Driven::Faulty(fault.subject())]);
    }
    if arguments.stdio.is_empty() {
        return Ok(vec![Driven::Production]);
    }
    end_with_subjects()?;
    let patience = Patience { case: arguments.timeout, start: arguments.start_timeout };
    let start = |command: &String| {
        let words = shlex::split(command).filter(|words| !words.is_empty()).ok_or_else(|| {
            format!(
                "--stdio {command:?}: no command in it, or a quote without its end\n  help: a \
                 program and its arguments, as in a shell; for more than that use sh -c '…'"
            )
        })?;
        Ok(Driven::Stdio(StdioSubject::start(words, profile, patience)?))
    };
    arguments.stdio.iter().map(start).collect()
}

/// A subject is in a process group of its own and does not hear of Ctrl-C; one that hangs would stay
/// behind.
fn end_with_subjects() -> Result<(), Misuse> {
    ctrlc::set_handler(|| {
        kill_all();
        complain("error", &"interrupted; what was not checked yet is not checked");
        std::process::exit(MISUSE.into());
    })?;
    Ok(())
}
