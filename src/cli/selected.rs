//! Selects the subject of a command: the production implementation, a stdio command or an
//! app-server.

use std::process::ExitCode;
use std::time::Duration;

use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::black_box::true_origin::namespace::{self, Entered, Inside};
use mcp_overlay::black_box::{self, BlackBox};
use mcp_overlay::in_process::driver::HostDriver;
use mcp_overlay::selftest::Fault;
use mcp_overlay::subject::stdio::{Patience, kill_all};
use mcp_overlay::subject::{Driver, StdioDriver, SubjectKind};
use mcp_overlay::temporary;
use mcp_overlay_model::Profile;

use super::console::{MISUSE, Misuse, complain};

/// Options that select the subject and its timeouts.
#[derive(clap::Args)]
pub(crate) struct SubjectArguments {
    /// Check this command instead of the production implementation; it speaks version 1 of the
    /// protocol in docs/protocol.md on its standard input and output. May be repeated; each
    /// command gets its own report
    #[arg(long, value_name = "CMD", help_heading = "Subject")]
    pub(crate) stdio: Vec<String>,

    /// Check this app-server from outside: a program, with its arguments, that speaks the protocol
    /// of `codex app-server` (docs/app-server.md), such as "codex app-server". It needs no adapter
    /// (docs/black-box.md). May be repeated
    #[arg(
        long,
        value_name = "CMD",
        conflicts_with_all = ["stdio", "fault"],
        help_heading = "Subject"
    )]
    pub(crate) app_server: Vec<String>,

    /// With --app-server: serve the Apps endpoint at https://chatgpt.com itself, in an isolated
    /// network where that name resolves to this machine and nothing else is reachable. Needs Linux
    /// and permission to create user namespaces; otherwise the exit status is 2 (docs/black-box.md)
    #[arg(long, requires = "app_server", help_heading = "Subject")]
    true_origin: bool,

    /// Seed this fault into the production implementation, to see what a finding looks like;
    /// `selftest --list` lists the names
    #[arg(long, value_name = "FAULT", value_parser = super::selftest::fault, conflicts_with = "stdio", help_heading = "Subject")]
    fault: Option<&'static Fault>,

    /// Timeout for a case, in seconds [default: 2; for an app-server: 20]
    #[arg(long, value_name = "SECS", value_parser = seconds, help_heading = "Subject")]
    timeout: Option<Duration>,

    /// Timeout for starting the command and its first answer, in seconds [default: 10; for an
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

    /// Whether no other subject is selected.
    pub(crate) fn is_production(&self) -> bool {
        self.stdio.is_empty() && self.fault.is_none() && self.app_server.is_empty()
    }

    /// Whether the subjects are observed from outside.
    pub(crate) fn is_outside(&self) -> bool {
        !self.app_server.is_empty()
    }

    /// The kind of the subjects.
    pub(crate) fn kind(&self) -> SubjectKind {
        match (self.app_server.is_empty(), self.stdio.is_empty()) {
            (false, _) if self.true_origin => SubjectKind::AppServerAtChatgpt,
            (false, _) => SubjectKind::AppServer,
            (true, false) => SubjectKind::Stdio,
            (true, true) if self.fault.is_some() => SubjectKind::InProcess,
            (true, true) => SubjectKind::Production,
        }
    }

    /// The number of commands; each is a subject.
    pub(crate) fn commands(&self) -> usize {
        self.stdio.len() + self.app_server.len()
    }

    /// The options that select the subject at this position, as a shell reads them.
    pub(crate) fn selecting(&self, position: usize) -> String {
        let quoted = |command: &String| {
            shlex::try_quote(command)
                .map_or_else(|_| "CMD".to_string(), |quoted| quoted.into_owned())
        };
        if let Some(fault) = self.fault {
            return format!(" --fault {}", fault.name);
        }
        if let Some(command) = self.stdio.get(position) {
            return format!(" --stdio {}", quoted(command));
        }
        let origin = if self.true_origin { " --true-origin" } else { "" };
        let app_server = |command| format!(" --app-server {}{origin}", quoted(command));
        self.app_server.get(position).map(app_server).unwrap_or_default()
    }

    fn patience(&self, otherwise: Patience) -> Patience {
        Patience {
            case: self.timeout.unwrap_or(otherwise.case),
            start: self.start_timeout.unwrap_or(otherwise.start),
        }
    }
}

/// The longest timeout: an hour.
const MOST_SECONDS: f64 = 3_600.0;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_string())?;
    if !(0.001..=MOST_SECONDS).contains(&seconds) {
        return Err(format!("expected 0.001 to {MOST_SECONDS} seconds"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// The selected subject.
pub(crate) enum SelectedSubject {
    Production(Box<HostDriver>),
    Faulty(Box<dyn Driver>),
    Stdio(StdioDriver),
    BlackBox(Box<BlackBox>),
}

impl SelectedSubject {
    pub(crate) fn driver(&self) -> &dyn Driver {
        match self {
            SelectedSubject::Production(host) => &**host,
            SelectedSubject::Faulty(subject) => &**subject,
            SelectedSubject::Stdio(subject) => subject,
            SelectedSubject::BlackBox(subject) => &**subject,
        }
    }

    /// Stops the processes as the protocol says. An irregular exit is a warning and changes no
    /// verdict, because all answers had arrived.
    pub(crate) fn stop(&self) {
        if let SelectedSubject::Stdio(subject) = self {
            for complaint in subject.stop() {
                complain("warning", &format!("{}: {complaint}", subject.name()));
            }
        }
    }
}

/// Where the command runs.
pub(crate) enum Location {
    /// In this process. An isolated network, if there is one, lasts as long as this value.
    Here(Option<Inside>),
    /// In a child process, which has ended.
    Done(ExitCode),
}

/// Enters the isolated network that `--true-origin` asks for. Must run before any thread starts.
pub(crate) fn enter_network(arguments: &SubjectArguments) -> Result<Location, Misuse> {
    if !arguments.true_origin {
        return Ok(Location::Here(None));
    }
    if std::env::var_os(namespace::MARKER).is_none() {
        // The child process receives Ctrl-C too, reports it, and ends with its own status.
        ctrlc::set_handler(|| {})?;
    }
    Ok(match namespace::enter()? {
        Entered::Inside(inside) => Location::Here(Some(inside)),
        Entered::Ended(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(MISUSE);
            Location::Done(ExitCode::from(code))
        }
    })
}

/// All selected subjects. Each command is started once, which shows whether it works.
///
/// A command must know every one of `profiles`.
pub(crate) fn start(
    arguments: &SubjectArguments,
    profiles: &[Profile],
) -> Result<Vec<SelectedSubject>, Misuse> {
    if let Some(fault) = arguments.fault {
        return Ok(vec![SelectedSubject::Faulty(fault.driver())]);
    }
    if arguments.commands() == 0 {
        return Ok(vec![SelectedSubject::Production(Box::default())]);
    }
    end_with_subjects()?;
    if cfg!(not(unix)) && !arguments.stdio.is_empty() {
        complain(
            "warning",
            &"this system has no process groups: a child process of the subject can outlive it",
        );
    }
    let over_stdio = |command: &String| {
        let patience = arguments.patience(Patience::default());
        let words = words("--stdio", command)?;
        Ok(SelectedSubject::Stdio(StdioDriver::start(words, profiles, patience)?))
    };
    let app_server = |command: &String| {
        let patience = arguments.patience(black_box::PATIENCE);
        let words = words("--app-server", command)?;
        let apps_origin =
            if arguments.true_origin { AppsOrigin::TrueOrigin } else { AppsOrigin::Loopback };
        let subject = BlackBox::start(words, stdio_server()?, patience, apps_origin)?;
        Ok(SelectedSubject::BlackBox(Box::new(subject)))
    };
    let over_stdio = arguments.stdio.iter().map(over_stdio);
    over_stdio.chain(arguments.app_server.iter().map(app_server)).collect()
}

/// Splits a command into arguments as a shell does.
pub(crate) fn words(option: &str, command: &str) -> Result<Vec<String>, Misuse> {
    let words = shlex::split(command).filter(|words| !words.is_empty());
    words.ok_or_else(|| {
        format!(
            "{option} {command:?}: no command in it, or a quote without its end\n  help: a \
             program and its arguments, as in a shell; for more than that use sh -c '…'"
        )
        .into()
    })
}

/// The command that runs this program as the stdio server of the cases.
pub(crate) fn stdio_server() -> Result<Vec<String>, Misuse> {
    if cfg!(not(unix)) {
        return Err(
            "a built host can be checked on Linux and macOS only: this system has no process \
                    groups, so servers of the host could not be killed\n  help: check it in a \
                    virtual machine, or write a subject and use --stdio (docs/protocol.md)"
                .into(),
        );
    }
    let own = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let own = own.to_str().ok_or("the path of this program is not UTF-8")?;
    Ok([own, "endpoint", "stdio"].map(str::to_string).into())
}

/// Kills the subjects on Ctrl-C, and removes the temporary folders. Each subject has its own process
/// group, which does not receive Ctrl-C, so a hanging subject would outlive this process.
pub(crate) fn end_with_subjects() -> Result<(), Misuse> {
    ctrlc::set_handler(|| {
        kill_all();
        temporary::remove_all();
        complain("error", &"interrupted; what was not checked yet is not checked");
        std::process::exit(MISUSE.into());
    })?;
    Ok(())
}
