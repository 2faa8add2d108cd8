//! `check`: its output and its exit status. `tests/selftest.rs` tests its findings.

use crate::Sandbox;

/// Normalises what differs from run to run: digits become `9`, and runs of spaces one space.
fn without_figures(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let c = if c.is_ascii_digit() { '9' } else { c };
        let repeats = (c == '9' || c == ' ') && out.ends_with(c);
        if !repeats && c != ',' {
            out.push(c);
        }
    }
    out
}

const SHORT: [&str; 7] = ["check", "--cases", "2000", "--only", "vectors", "--only", "random"];

#[test]
fn a_narrowed_run_without_a_failure_exits_0() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&SHORT);
    assert_eq!(output.code, Some(0));
    insta::assert_snapshot!("check_narrowed", without_figures(&output.whole()));
    assert!(!sandbox.path("mcp-overlay-findings").exists(), "nothing was found, nothing is saved");
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let sandbox = Sandbox::new();
    let table = |seed: &str| {
        let mut arguments = SHORT.to_vec();
        arguments.extend(["--seed", seed]);
        let output = sandbox.run(&arguments);
        output.stdout.split_once("situation").unwrap().1.to_string()
    };
    assert_eq!(table("1"), table("1"));
    assert_ne!(table("1"), table("2"));
}

#[test]
fn a_time_ends_the_random_cases() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["check", "--only", "random", "--time", "1"]);
    assert_eq!(output.code, Some(0), "{}", output.whole());
}

#[test]
fn an_empty_check_is_misuse() {
    let sandbox = Sandbox::new();
    for arguments in [["check", "--cases", "0"], ["check", "--time", "0"]] {
        let output = sandbox.run(&arguments);
        assert_eq!(output.code, Some(2));
        assert!(output.stderr.contains(arguments[1]), "{}", output.whole());
    }
}

#[test]
fn findings_path_must_be_a_folder() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("taken", "");
    let output = sandbox.run(&["check", "--only", "vectors", "--findings", &file]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("--findings taken: not a folder"), "{}", output.whole());
}

#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_report_is_an_error() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let tool = env!("CARGO_BIN_EXE_mcp-overlay");
    let explain = ["explain", "--config", "/dev/null"];
    for arguments in [&["check", "--only", "vectors"][..], &explain] {
        let mut command = std::process::Command::new(tool);
        let status = command.args(arguments).stdout(full()).status().unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn unknown_values_of_flags_are_refused() {
    let sandbox = Sandbox::new();
    let profile = sandbox.run(&["check", "--profile", "codex-pr-1"]);
    let phase = sandbox.run(&["check", "--only", "fuzz"]);
    insta::assert_snapshot!("check_misuse", format!("{}\n{}", profile.whole(), phase.whole()));
}

/// Those that the short run of the next test leaves out.
const MORE_PHASES: [&str; 4] = ["edges", "exhaustive", "endpoint", "sequences"];

#[test]
fn the_run_in_the_readme_matches_the_output() {
    let readme = std::fs::read_to_string(crate::repository().join("README.md")).unwrap();
    let pasted = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let sandbox = Sandbox::new();
    // The run in the README is complete: it has more phases, and is clean.
    let mine = sandbox.run(&SHORT).stdout;
    let mine = without_figures(mine.split("not reached").next().unwrap());
    let pasted: Vec<String> = pasted
        .lines()
        .filter(|line| !MORE_PHASES.iter().any(|phase| line.starts_with(phase)))
        .filter(|line| !line.starts_with("clean: "))
        .map(without_figures)
        .collect();
    assert_eq!(mine.lines().collect::<Vec<_>>(), pasted);
}

/// Runs only the endpoint phase, so that only its scenarios can fail.
#[test]
fn a_failing_scenario_fails_the_run() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["check", "--only", "endpoint", "--fault", "sku-header-dropped"]);
    assert_eq!(output.code, Some(1), "{}", output.whole());
    assert!(output.stdout.contains("breaks apps-server.sku-header"), "{}", output.whole());
    let saved = std::fs::read_dir(sandbox.path("mcp-overlay-findings")).unwrap();
    let saved = saved.map(|file| file.unwrap().file_name().into_string().unwrap());
    let saved: Vec<String> = saved.collect();
    assert!(output.stdout.contains("findings: 1 cause; "), "{}", output.whole());
    assert_eq!(saved.len(), 2, "of the extension and of the legacy loader: {saved:?}");
    for name in saved {
        let file = format!("mcp-overlay-findings/{name}");
        for (fault, code) in [("sku-header-dropped", 1), ("api-key-passes-gate", 0)] {
            let replayed = sandbox.run(&["replay", &file, "--fault", fault]);
            assert_eq!(replayed.code, Some(code), "{fault}: {}", replayed.whole());
        }
    }
}

#[test]
fn a_quick_check_has_the_phases_that_find_most() {
    let output = Sandbox::new().run(&["check", "--quick", "--cases", "300"]);
    assert_eq!(output.code, Some(0), "{}", output.whole());
    let phase =
        |word: &str| output.stdout.lines().any(|line| line.starts_with(&format!("{word} ")));
    for (word, is_there) in [
        ("vectors", true),
        ("edges", true),
        ("random", true),
        ("exhaustive", false),
        ("sequences", false),
    ] {
        assert_eq!(phase(word), is_there, "{word}: {}", output.whole());
    }
    assert!(output.stdout.contains("a narrowed run"), "{}", output.whole());
}

#[test]
fn fail_fast_ends_with_the_first_phase_that_fails() {
    let arguments =
        ["check", "--fault", "api-key-passes-gate", "--only", "vectors", "--only", "random"];
    let phases = |more: &[&str]| {
        let output = Sandbox::new().run(&[&arguments[..], &["--cases", "2000"], more].concat());
        assert_eq!(output.code, Some(1), "{}", output.whole());
        let random = output.stdout.lines().any(|line| line.starts_with("random "));
        (random, output.stdout.contains("ended at the first failure"))
    };
    assert_eq!(phases(&[]), (true, false));
    assert_eq!(phases(&["--fail-fast"]), (false, true));
    // A phase that finds nothing does not end the run.
    let sound = ["check", "--only", "vectors", "--only", "random", "--cases", "300", "--fail-fast"];
    let output = Sandbox::new().run(&sound);
    assert!(output.stdout.lines().any(|line| line.starts_with("random ")), "{}", output.whole());
}

#[test]
fn without_shrinking_a_finding_is_the_case_as_it_came() {
    let arguments = ["check", "--fault", "api-key-passes-gate", "--only", "vectors", "--fail-fast"];
    let case = |more: &[&str]| {
        let output = Sandbox::new().run(&[&arguments[..], more].concat());
        let case = output.stdout.lines().find(|line| line.starts_with("  case: ")).map(str::len);
        case.unwrap_or_else(|| panic!("{}", output.whole()))
    };
    assert!(case(&["--no-shrink"]) > 2 * case(&[]));
}
