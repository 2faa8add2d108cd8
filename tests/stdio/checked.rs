//! A whole run over stdio: breakdowns are isolated, shrunk and saved, and the rest is checked.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::{Processes, saved};

/// Runs `check` over the vectors and some random cases.
fn check(processes: &Processes, way: &str, findings: &Path, more: &[&str]) -> Output {
    let command = processes.command(way).join(" ");
    Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["check", "--stdio", &command, "--timeout", "0.5"])
        .args(["--only", "vectors", "--only", "random", "--cases", "300"])
        .args(["--findings", findings.to_str().unwrap()])
        .args(more)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_breakdown_is_isolated_shrunk_and_saved() {
    for (way, verdict) in [
        ("hangs", "hung"),
        ("exits", "crashed"),
        ("dies-by-a-signal", "crashed"),
        ("leaves-a-child", "crashed"),
        ("says-no-protocol", "protocol error"),
        ("answers-twice", "protocol error"),
    ] {
        let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
        let output = check(&processes, way, folder.path(), &[]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{way}: {text}");
        assert!(text.contains(&format!("misbehaving {way} {verdict}")), "{way}: {text}");
        assert!(text.contains("gave up"), "{way}: one case in twenty breaks it: {text}");
        let findings = saved(folder.path());
        let [finding] = findings.as_slice() else { panic!("{way}: {findings:?}") };
        assert_eq!(finding["verdict"], verdict);
        let smallest = serde_json::json!({
            "profile": "codex-pr-27191", "host": {}, "auth": "agent_identity",
        });
        assert_eq!(finding["case"], smallest, "{way}");
        processes.assert_gone();
    }
}

/// One pause of the machine is no finding.
#[test]
fn an_answer_that_is_late_once_is_slow() {
    for phase in ["vectors", "wire", "endpoint"] {
        let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
        let more = ["--timeout", "1", "--json", "report.json"];
        let output = check_phase(&processes, "pauses-once", folder.path(), phase, &more);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(0), "{phase}: {text}");
        assert!(text.contains("; 1 slow answer"), "{phase}: {text}");
        assert!(text.contains("slow: the subject gave no answer within 1 s"), "{phase}: {text}");
        let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
        assert!(report.contains("\"slow\":1"), "{report}");
        assert!(saved(&folder.path().join("mcp-overlay-findings")).is_empty());
    }
}

#[test]
fn answers_that_are_late_often_are_a_finding() {
    for (way, words) in [
        ("pauses-often", "this is slow answer 4 of the run"),
        ("answers-late", "and was late again"),
        ("hangs", "gave no answer within 10 s"),
    ] {
        let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
        let more = ["--timeout", "1", "--restarts", "2"];
        let output = check_phase(&processes, way, folder.path(), "vectors", &more);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{way}: {text}");
        assert!(text.contains(words), "{way}: {text}");
        let findings = saved(&folder.path().join("mcp-overlay-findings"));
        assert!(findings.iter().all(|finding| finding["verdict"] == "hung"), "{findings:?}");
        assert!(!findings.is_empty(), "{way}: {text}");
        processes.assert_gone();
    }
}

fn check_phase(
    processes: &Processes,
    way: &str,
    folder: &Path,
    phase: &str,
    more: &[&str],
) -> Output {
    let command = processes.command(way).join(" ");
    Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["check", "--stdio", &command, "--only", phase])
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn a_crash_that_no_single_case_causes_is_reported() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let output = check(&processes, "dies-of-the-hundredth", folder.path(), &["--restarts", "50"]);
    assert_eq!(output.status.code(), Some(1));
    let findings = saved(folder.path());
    assert!(!findings.is_empty(), "{}", text(&output));
    for finding in findings {
        assert_eq!(finding["verdict"], "crashed");
        assert!(finding["note"].as_str().unwrap().contains("seen once"), "{finding}");
    }
}

#[test]
fn changing_answers_are_reported_as_not_deterministic() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let output = check(&processes, "answers-at-random", folder.path(), &["--twice", "100"]);
    assert_eq!(output.status.code(), Some(1));
    let findings = saved(folder.path());
    let pure = |finding: &&Value| finding["rule"] == "resolution.pure";
    let finding = findings.iter().find(pure).unwrap_or_else(|| panic!("{}", text(&output)));
    assert_eq!(finding["verdict"], "not deterministic");
    assert_eq!(finding["case"]["auth"], "agent_identity");
}

#[test]
fn state_kept_from_an_earlier_case_is_found_and_replayed() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let way = "remembers-the-last-auth";
    let output = check(&processes, way, folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let findings = saved(folder.path());
    let after = findings.iter().find(|finding| finding["after"].is_object());
    let finding = after.unwrap_or_else(|| panic!("{}", text(&output)));
    assert_eq!(finding["rule"], "resolution.pure");
    let file = folder.path().join("again.json");
    std::fs::write(&file, finding.to_string()).unwrap();
    let replay = |more: &[&str]| {
        let tool = env!("CARGO_BIN_EXE_mcp-overlay");
        Command::new(tool).arg("replay").arg(&file).args(more).output().unwrap().status.code()
    };
    assert_eq!(replay(&["--stdio", &processes.command(way).join(" ")]), Some(1));
    assert_eq!(replay(&["--stdio", &processes.command("fine").join(" ")]), Some(0));
    assert_eq!(replay(&[]), Some(2), "production was not what failed");
}

#[test]
fn noise_and_an_irregular_exit_do_not_change_the_verdict() {
    for way in ["floods-its-standard-error", "stops-with-1"] {
        let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
        let output = check(&processes, way, folder.path(), &[]);
        assert_eq!(output.status.code(), Some(0), "{way}: {}", text(&output));
        let warned = text(&output).contains("warning: misbehaving stops-with-1: after `stop`");
        assert_eq!(warned, way == "stops-with-1", "{}", text(&output));
    }
}

/// A crash on a case that also gets an expected wrong answer is still a crash.
#[test]
fn an_expected_failure_does_not_hide_a_breakdown() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let known = folder.path().join("known.toml");
    std::fs::write(&known, "[[expected]]\nrule = \"gate.open\"\nreason = \"known\"\n").unwrap();
    let more = ["--expected-failures", known.to_str().unwrap(), "--restarts", "1000"];
    let findings = folder.path().join("findings");
    let output = check(&processes, "lets-api-keys-pass-and-dies", &findings, &more);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let verdicts: Vec<Value> = saved(&findings).iter().map(|f| f["verdict"].clone()).collect();
    assert!(verdicts.contains(&"crashed".into()) && verdicts.contains(&"disagree".into()));
}

/// The subject crashes on the cases of the endpoint scenarios.
#[test]
fn a_breakdown_of_the_endpoint_phase_is_never_expected() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let known = folder.path().join("known.toml");
    std::fs::write(&known, "[[expected]]\nrule = \"gate.open\"\nreason = \"known\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["check", "--stdio", &processes.command("exits").join(" "), "--only", "endpoint"])
        .args(["--expected-failures", known.to_str().unwrap()])
        .args(["--findings", folder.path().join("findings").to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("ended with exit status: 3"), "{}", text(&output));
}

#[test]
fn skipped_cases_are_reported_and_do_not_count_as_agreement() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let output = check(&processes, "skips-api-keys", folder.path(), &[]);
    let all = text(&output);
    assert_eq!(output.status.code(), Some(0), "{all}");
    assert!(all.contains("not comparable") && all.contains("cases; 97 skipped"), "{all}");
    assert!(all.contains("skipped    97 cases: no such auth here"), "{all}");
    let known = folder.path().join("known.toml");
    std::fs::write(&known, "[[skip]]\nskipped = \"no such auth\"\nreason = \"issue 19\"\n")
        .unwrap();
    let more = ["--expected-failures", known.to_str().unwrap()];
    let allowed = text(&check(&processes, "skips-api-keys", folder.path(), &more));
    assert!(
        allowed.contains("cases; 97 skipped") && !allowed.contains("no such auth"),
        "{allowed}"
    );
    let unmet = check(&processes, "fine", folder.path(), &more);
    assert_eq!(unmet.status.code(), Some(1), "{}", text(&unmet));
    let case = r#"{"finding":1,"subject":"s","verdict":"disagree","rule":"","sentence":"",
        "differences":[],"case":{"auth":"api_key"},"expected":{"rejected":{"path":"x"}}}"#;
    let file = folder.path().join("skipped.json");
    std::fs::write(&file, case).unwrap();
    let replayed = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["replay", file.to_str().unwrap()])
        .args(["--stdio", &processes.command("skips-api-keys").join(" ")])
        .output()
        .unwrap();
    assert_eq!(replayed.status.code(), Some(2), "{}", text(&replayed));
    assert!(text(&replayed).contains("nothing is compared"), "{}", text(&replayed));
}

/// Ctrl-C, or a CI job that is cancelled, while a subject hangs.
#[test]
fn an_interrupted_check_leaves_no_process_behind() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let command = processes.command("hangs").join(" ");
    let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-overlay"))
        .args(["check", "--stdio", &command, "--timeout", "60", "--only", "vectors"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // By then every worker's process hangs.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(processes.assert_gone() >= 1);
}

#[test]
fn a_breakdown_can_not_be_expected() {
    let (processes, folder) = (Processes::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("known.toml");
    let file = file.to_str().unwrap();
    let findings = folder.path().join("findings");
    let more = ["--write-expected-failures", file];
    assert_eq!(check(&processes, "exits", &findings, &more).status.code(), Some(1));
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written.contains("# crashed-") && !written.contains("[[expected]]"), "{written}");
    let more = ["--expected-failures", file];
    assert_eq!(check(&processes, "exits", &findings, &more).status.code(), Some(1));
}
