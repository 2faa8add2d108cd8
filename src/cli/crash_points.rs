//! `mcp-overlay crash-points`

use std::process::ExitCode;
use std::time::Instant;

use mcp_overlay::black_box::crash::tracer::supported;
use mcp_overlay::black_box::narrow::AppsOrigin;
use mcp_overlay::black_box::{self, BlackBox, Crash, CrashReport};
use mcp_overlay::display::printable_lines;
use mcp_overlay::subject::{Driver, silence_subjects};
use mcp_overlay_model::Profile;

use super::console::{FINDINGS, Misuse, Outcome, profile, say};
use super::selected;

/// Kill an app-server at each of its file operations, and check what it left (Linux)
///
/// The host refreshes logins, signs in with an API key and signs out. It is killed before and after
/// each operation on a file of its home, started again, and asked. Every file must be whole, no
/// login lost, and the list of servers that of the disk (docs/crash-points.md).
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  mcp-overlay crash-points --app-server \"codex app-server\"\n\n\
    Exit status: 0 nothing is wrong; 1 findings; 2 wrong use, or this system lets no program trace \
    another."
)]
pub(crate) struct Arguments {
    /// The app-server: a program, with its arguments, such as "codex app-server"
    #[arg(long, value_name = "CMD")]
    app_server: String,

    /// The profile that the app-server follows
    #[arg(long, value_name = "PROFILE", value_parser = profile, default_value = Profile::default().name())]
    profile: Profile,

    /// Show every crash point, and not only those with a problem
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    supported().map_err(|error| error.to_string())?;
    selected::end_with_subjects()?;
    silence_subjects();
    let command = selected::words("--app-server", &arguments.app_server)?;
    let stdio = selected::stdio_server()?;
    let subject = BlackBox::start(command, stdio, black_box::PATIENCE, AppsOrigin::Loopback)?;
    let began = Instant::now();
    let report = subject.crash_points(arguments.profile, &tracer()?, &|_| true)?;
    let seconds = began.elapsed().as_secs_f64();
    say(&printable_lines(&shown(subject.name(), &report, seconds, arguments.all)))?;
    let is_clean = report.crashes.iter().all(|crash| crash.problems.is_empty());
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(FINDINGS) })
}

/// The command that runs this program as the tracer.
fn tracer() -> Result<Vec<String>, Misuse> {
    let own = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let own = own.to_str().ok_or("the path of this program is not UTF-8")?;
    Ok([own, "crash-at"].map(str::to_string).into())
}

fn shown(name: &str, report: &CrashReport, seconds: f64, all: bool) -> String {
    let CrashReport { operations, crashes, not_reached } = report;
    let mut text = format!(
        "{name}: {} file operations, {} crash points, {seconds:.1} s\n",
        operations.len(),
        crashes.len()
    );
    for crash in crashes.iter().filter(|crash| all || !crash.problems.is_empty()) {
        text.push_str(&line(crash));
    }
    let of = |is: &dyn Fn(&&Crash) -> bool| crashes.iter().filter(is).count();
    let lost = of(&|crash| !crash.lost.is_empty());
    if lost > 0 {
        text.push_str(&format!(
            "at {lost} points the host dies between a refresh and its storage: the user logs in again\n"
        ));
    }
    let left = of(&|crash| !crash.left.is_empty());
    if left > 0 {
        text.push_str(&format!("at {left} points a temporary file with secrets is left\n"));
    }
    if !not_reached.is_empty() {
        text.push_str(&format!("{} points were not reached\n", not_reached.len()));
    }
    let wrong = of(&|crash| !crash.problems.is_empty());
    text.push_str(&match wrong {
        0 => "nothing is wrong after any of them\n".to_string(),
        wrong => format!("{wrong} points are wrong\n"),
    });
    text
}

fn line(crash: &Crash) -> String {
    let Crash { point, operation, during, problems, lost, left } = crash;
    let mut text = format!("{point} {operation}, during {during}\n");
    problems.iter().for_each(|problem| text.push_str(&format!("  wrong: {problem}\n")));
    lost.iter().for_each(|server| text.push_str(&format!("  lost: the login to {server}\n")));
    left.iter().for_each(|file| text.push_str(&format!("  left: {file}\n")));
    text
}
