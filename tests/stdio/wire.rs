//! The phase `wire` finds each form of a request that a subject does not read.

use std::path::Path;
use std::process::{Command, Output};

use mcp_overlay::subject::Form;
use serde_json::Value;

use super::{Processes, saved};

fn tool(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcp-overlay")).args(arguments).output().unwrap()
}

fn wire(command: &str, findings: &Path, more: &[&str]) -> Output {
    let findings = findings.to_str().unwrap();
    let check = ["check", "--only", "wire", "--stdio", command, "--timeout", "1"];
    tool(&[&check[..], &["--findings", findings], more].concat())
}

#[test]
fn each_form_is_found() {
    let ways = [
        ("chokes-on-blank-lines", Form::BlankLines, "crashed"),
        ("wants-compact-json", Form::WhiteSpace, "crashed"),
        ("knows-no-carriage-return", Form::WhiteSpace, "crashed"),
        ("wants-a-sign-of-an-exponent", Form::Exponents, "crashed"),
        ("reads-2-to-the-64", Form::Exponents, "crashed"),
        ("wants-cmd-first", Form::MemberOrder, "crashed"),
        ("knows-its-own-members-only", Form::UnknownMembers, "crashed"),
        ("refuses-a-member-twice", Form::DuplicateMembers, "crashed"),
        ("refuses-a-member-of-a-case-twice", Form::DuplicateMembersOfCase, "crashed"),
        ("wants-auth", Form::AbsentMembers, "disagree"),
        ("takes-null-for-a-list", Form::NullMembers, "crashed"),
        ("knows-no-surrogate-pairs", Form::Escapes, "disagree"),
        ("counts-itself", Form::AnySeq, "protocol error"),
        ("reads-seq-as-32-bits", Form::LargeSeq, "protocol error"),
        ("reads-64-levels", Form::DeepCase, "crashed"),
        ("reads-a-million-bytes", Form::LongLine, "crashed"),
        ("forgets-requests-far-ahead", Form::FarAhead, "hung"),
        ("fails-on-an-unknown-profile", Form::UnknownProfile, "protocol error"),
        ("stops-with-1", Form::Stop, "crashed"),
        ("writes-half-a-line-after-stop", Form::Stop, "protocol error"),
        ("ignores-stop", Form::Stop, "hung"),
        ("waits-for-stop", Form::EndOfInput, "hung"),
        ("ends-with-1-without-stop", Form::EndOfInput, "crashed"),
        ("takes-the-last-profile", Form::AbsentMembers, "disagree"),
        ("wants-a-host", Form::AbsentMembers, "disagree"),
        ("takes-plugins-for-inactive", Form::AbsentMembers, "disagree"),
        ("wants-servers-of-plugins", Form::AbsentMembers, "crashed"),
    ];
    for form in Form::ALL {
        assert!(ways.iter().any(|(_, of, _)| *of == form), "no way for {form}");
    }
    // Most of the time is spent waiting for what hangs.
    std::thread::scope(|scope| {
        for some in ways.chunks(ways.len().div_ceil(8)) {
            scope.spawn(|| some.iter().for_each(|(way, form, verdict)| finds(way, *form, verdict)));
        }
    });
}

/// A subject that reads this form in a wrong way is found, with the verdict.
fn finds(way: &str, form: Form, verdict: &str) {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let output = wire(&processes.command(way).join(" "), folder.path(), &["--fail-fast"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{way}: {text}");
    let found = saved(folder.path());
    let of_form = |finding: &&Value| finding["form"] == form.word();
    let finding = found.iter().find(of_form).unwrap_or_else(|| panic!("{way}: {text}"));
    assert_eq!(finding["verdict"], verdict, "{way}: {finding}");
    assert_eq!((&finding["rule"], &finding["sentence"]), (&"".into(), &form.promise().into()));
    assert!(text.contains(&format!("sent as {form}: {}", form.promise())), "{way}: {text}");
    processes.assert_gone();
}

#[test]
fn a_sound_subject_reads_every_form() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let output = wire(&processes.command("fine").join(" "), folder.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("no disagreement in 475 cases"), "{text}");
}

#[test]
fn a_finding_about_a_form_is_replayed_in_this_form() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let way = processes.command("wants-auth").join(" ");
    wire(&way, folder.path(), &[]);
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let file = file.to_str().unwrap();
    assert!(file.contains("disagree-absent-members-"), "{file}");
    assert_eq!(tool(&["replay", file, "--stdio", &way]).status.code(), Some(1));
    let fine = processes.command("fine").join(" ");
    assert_eq!(tool(&["replay", file, "--stdio", &fine]).status.code(), Some(0));
}

/// A case that is wrong in the plain form too is not blamed on the form.
#[test]
fn a_form_is_not_blamed_for_what_fails_without_it() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let output = wire(&processes.command("exits").join(" "), folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let found = saved(folder.path());
    assert!(
        !found.is_empty() && found.iter().all(|finding| finding["form"].is_null()),
        "{found:?}"
    );
}

#[test]
fn the_phase_is_for_subjects_over_stdio() {
    let output = tool(&["check", "--only", "wire"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--stdio"));
}

/// The promises are sentences of the page.
#[test]
fn each_promise_is_on_the_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let page =
        std::fs::read_to_string(page).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    for form in Form::ALL {
        assert!(page.contains(form.promise()), "{}", form.promise());
    }
}
