//! Whom a command asks: the production implementation, or anyone's over stdio.

use std::process::ExitCode;
use std::time::Duration;

use mcp_overlay::black_box::narrow::Reach;
use mcp_overlay::black_box::true_origin::namespace::{self, Entered, Inside};
use mcp_overlay::black_box::{self, BlackBox};
use mcp_overlay::selftest::Fault;
use mcp_overlay::subject::stdio::{Patience, kill_all};
use mcp_overlay::subject::{Driver, InProcess, ProductionSubject, StdioDriver};
use mcp_overlay_model::Profile;

use super::console::{MISUSE, Misuse, complain};

/// Options that say whom to ask, and how long to wait for an answer.
#[derive(clap::Args)]
pub(crate) struct SubjectArguments {
    /// Ask this command instead of the production implementation; it speaks the protocol of
    /// docs/protocol.md, version 1, on its standard input and output. May be given again, for a
    /// report each
    #[arg(long, value_name = "CMD", help_heading = "Subject")]
    pub(crate) stdio: Vec<String>,

    /// Check this app-server from outside instead: a program that speaks the protocol of
    /// `codex app-server` (docs/app-server.md), with what it needs for that, such as "codex
    /// app-server". Nothing has to be written for it (docs/black-box.md). May be given again
    #[arg(
        long,
        value_name = "CMD",
        conflicts_with_all = ["stdio", "fault"],
        help_heading = "Subject"
    )]
    pub(crate) app_server: Vec<String>,

    /// With --app-server: have the Apps endpoint at https://chatgpt.com itself, in a network of its
    /// own where that name is this machine and nothing else can be reached. Needs Linux and leave to
    /// make user namespaces; without them the exit status is 2 (docs/black-box.md)
    #[arg(long, requires = "app_server", help_heading = "Subject")]
    true_origin: bool,

    /// Seed this fault into the production implementation, to see what a finding looks like;
    /// `selftest --list` has the names
    #[arg(long, value_name = "FAULT", value_parser = super::selftest::fault, conflicts_with = "stdio", help_heading = "Subject")]
    fault: Option<&'static Fault>,

    /// How long the command may take for a case, in seconds [default: 2; an app-server: 20]
    #[arg(long, value_name = "SECS", value_parser = seconds, help_heading = "Subject")]
    timeout: Option<Duration>,

    /// How long the command may take to start and introduce itself, in seconds [default: 10; an
    /// app-server: 20]
    #[arg(long, value_name = "SECS", value_parser = seconds, help_heading = "Subject")]
    start_timeout: Option<Duration>,
}

impl SubjectArguments {
    /// The profile to check: as asked, or one in which the seeded fault shows.
    pub(crate) fn profile(&self, asked: Profile) -> Profile {
        let shows = |fault: &&Fault| fault.rule.is_none_or(|rule| asked.has(rule));
        match self.fault {
            Some(fault) if !shows(&fault) => fault.profile(),
            _ => asked,
        }
    }

    /// Whether nobody else is named.
    pub(crate) fn is_production(&self) -> bool {
        self.stdio.is_empty() && self.fault.is_none() && self.app_server.is_empty()
    }

    /// Whether the subjects are seen from outside.
    pub(crate) fn is_outside(&self) -> bool {
        !self.app_server.is_empty()
    }

    /// How many commands there are, each a subject.
    pub(crate) fn commands(&self) -> usize {
        self.stdio.len() + self.app_server.len()
    }

    fn patience(&self, otherwise: Patience) -> Patience {
        Patience {
            case: self.timeout.unwrap_or(otherwise.case),
            start: self.start_timeout.unwrap_or(otherwise.start),
        }
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
    Faulty(Box<dyn Driver>),
    Stdio(StdioDriver),
    BlackBox(Box<BlackBox>),
}

impl Driven {
    pub(crate) fn driver(&self) -> &dyn Driver {
        match self {
            Driven::Production => &InProcess(ProductionSubject),
            Driven::Faulty(subject) => &**subject,
            Driven::Stdio(subject) => subject,
            Driven::BlackBox(subject) => &**subject,
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

/// Where the command goes on.
pub(crate) enum Place {
    /// Here. The network of its own, if it is in one, lasts as long as this.
    Here(Option<Inside>),
    /// It went on elsewhere, and has ended.
    Done(ExitCode),
}

/// Goes to the network of its own that `--true-origin` asks for; before there are threads.
pub(crate) fn go(arguments: &SubjectArguments) -> Result<Place, Misuse> {
    if !arguments.true_origin {
        return Ok(Place::Here(None));
    }
    if std::env::var_os(namespace::MARKER).is_none() {
        // The program inside hears of Ctrl-C too, says so, and ends with its own status.
        ctrlc::set_handler(|| {})?;
    }
    Ok(match namespace::enter()? {
        Entered::Inside(inside) => Place::Here(Some(inside)),
        Entered::Ended(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(MISUSE);
            Place::Done(ExitCode::from(code))
        }
    })
}

/// Everybody who is to be asked; a command is started to see whether it can be.
///
/// It must know every one of `profiles`.
pub(crate) fn start(
    arguments: &SubjectArguments,
    profiles: &[Profile],
) -> Result<Vec<Driven>, Misuse> {
    if let Some(fault) = arguments.fault {
        return Ok(vec![Driven::Faulty(fault.driver())]);
    }
    if arguments.commands() == 0 {
        return Ok(vec![Driven::Production]);
    }
    end_with_subjects()?;
    let over_stdio = |command: &String| {
        let patience = arguments.patience(Patience::default());
        let words = words("--stdio", command)?;
        Ok(Driven::Stdio(StdioDriver::start(words, profiles, patience)?))
    };
    let app_server = |command: &String| {
        let patience = arguments.patience(black_box::PATIENCE);
        let words = words("--app-server", command)?;
        let reach = if arguments.true_origin { Reach::TrueOrigin } else { Reach::Loopback };
        let subject = BlackBox::start(words, stdio_server()?, patience, reach)?;
        Ok(Driven::BlackBox(Box::new(subject)))
    };
    let over_stdio = arguments.stdio.iter().map(over_stdio);
    over_stdio.chain(arguments.app_server.iter().map(app_server)).collect()
}

/// A command's words, as in a shell.
fn words(option: &str, command: &str) -> Result<Vec<String>, Misuse> {
    let words = shlex::split(command).filter(|words| !words.is_empty());
    words.ok_or_else(|| {
        format!(
            "{option} {command:?}: no command in it, or a quote without its end\n  help: a \
             program and its arguments, as in a shell; for more than that use sh -c '…'"
        )
        .into()
    })
}

/// This program as the stdio server of the cases.
pub(crate) fn stdio_server() -> Result<Vec<String>, Misuse> {
    let own = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let own = own.to_str().ok_or("the path of this program is not UTF-8")?;
    Ok([own, "endpoint", "stdio"].map(str::to_string).into())
}

/// A subject is in a process group of its own and does not hear of Ctrl-C; one that hangs would stay
/// behind.
pub(crate) fn end_with_subjects() -> Result<(), Misuse> {
    ctrlc::set_handler(|| {
        kill_all();
        black_box::remove_homes();
        complain("error", &"interrupted; what was not checked yet is not checked");
        std::process::exit(MISUSE.into());
    })?;
    Ok(())
}
