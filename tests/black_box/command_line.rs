//! `check --app-server` on the command line.

use std::process::{Command, Output};

use crate::Hosts;

pub(crate) fn check(hosts: &Hosts, arguments: &[&str]) -> Output {
    tool(hosts, &[&["check"], arguments].concat())
}

fn tool(hosts: &Hosts, arguments: &[&str]) -> Output {
    let tool = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(arguments)
        .current_dir(hosts.folder.path())
        .output();
    tool.unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_program_that_cannot_be_started_is_an_error() {
    let hosts = Hosts::new();
    for (command, words) in [
        ("/no/such/codex app-server", "cannot be started"),
        ("/bin/false app-server", "ended with"),
        ("echo hello", "wrote invalid JSON"),
        ("", "no command in it"),
    ] {
        let output = check(&hosts, &["--app-server", command]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {text}");
        let program = command.split(' ').next().unwrap();
        assert!(text.contains(program) && text.contains(words), "{command}: {text}");
    }
}

#[test]
fn other_subject_flags_conflict_with_app_server() {
    let hosts = Hosts::new();
    for other in [["--stdio", "x"], ["--fault", "api-key-passes-gate"]] {
        let output = check(&hosts, &[&["--app-server", "x"][..], &other].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains("cannot be used with"), "{}", text(&output));
    }
}

/// A running host cannot be given most of the small scope, and the scenarios need views.
#[test]
fn unsupported_phases_are_refused() {
    let hosts = Hosts::new();
    let command = hosts.command("none").join(" ");
    for phase in ["exhaustive", "endpoint"] {
        let output =
            check(&hosts, &["--app-server", &command, "--only", "random", "--only", phase]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(&format!("--only {phase} with --app-server")), "{text}");
        assert!(text.contains("vectors, random, arguments, split"), "{text}");
    }
    assert_eq!(hosts.noted().len(), 0, "nothing was started");
    let output = check(&hosts, &["--only", "arguments"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

/// Saved findings, the terminal output and the report files contain no secret.
#[test]
fn no_output_contains_a_secret() {
    let hosts = Hosts::new();
    let command = hosts.command("sends-token-elsewhere").join(" ");
    let only = ["--only", "random", "--cases", "40", "--json", "report.json", "--html", "r.html"];
    let output = check(&hosts, &[&["--app-server", &command][..], &only].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("credentials.apps-only"), "{}", text(&output));
    hosts.assert_no_secret_in(&text(&output));
    let mut read = 0;
    for folder in ["", "mcp-overlay-findings"] {
        for file in std::fs::read_dir(hosts.folder.path().join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && !path.ends_with("notes") {
                hosts.assert_no_secret_in(&std::fs::read_to_string(path).unwrap());
                read += 1;
            }
        }
    }
    assert!(read > 2, "only {read} files");
    hosts.assert_gone();
}

#[test]
fn a_finding_can_be_replayed() {
    let hosts = Hosts::new();
    let command = hosts.command("lies-about-auth").join(" ");
    let only = ["--only", "random", "--cases", "40", "--findings", "found"];
    check(&hosts, &[&["--app-server", &command][..], &only].concat());
    let found = std::fs::read_dir(hosts.folder.path().join("found")).unwrap();
    let mut found = found.map(|file| file.unwrap().path().display().to_string());
    let finding = found.find(|file| file.contains("/status.auth-")).unwrap();
    for (fault, status) in [("lies-about-auth", 1), ("none", 0)] {
        let command = hosts.command(fault).join(" ");
        let output = tool(&hosts, &["replay", &finding, "--app-server", &command]);
        assert_eq!(output.status.code(), Some(status), "{fault}: {}", text(&output));
    }
}

/// The host runs in its own home, but relative paths still work.
#[test]
fn relative_paths_in_the_command_start_at_the_working_directory() {
    let hosts = Hosts::new();
    let script = format!("exec {} \"$@\"\n", hosts.command("none").join(" "));
    std::fs::write(hosts.folder.path().join("host.sh"), script).unwrap();
    for command in ["sh host.sh", "sh ./host.sh"] {
        let only = ["--only", "random", "--cases", "10"];
        let output = check(&hosts, &[&["--app-server", command][..], &only].concat());
        assert_eq!(output.status.code(), Some(0), "{command}: {}", text(&output));
    }
}
