//! What the action makes of its inputs.

use std::fs;

use crate::runner::{Ended, Job};

/// Texts that a shell would run, split, expand or take for an option if they became part of a script.
const HOSTILE: &[&str] = &[
    "$(touch pwned)",
    "`touch pwned`",
    "\"; touch pwned; \"",
    "'; touch pwned; '",
    "a\ntouch pwned\n",
    "a & touch pwned",
    "a || touch pwned",
    "$((1+1)) ${HOME} $HOME \\",
    "x[$(touch pwned)]",
    "--findings=/",
    "-h",
    "*",
    "a  b",
    "%s%n",
    "::set-output name=found::true",
];

/// Runs the job and returns the arguments of the tool, which must not have done anything else.
#[track_caller]
fn arguments(job: &Job) -> Vec<String> {
    fs::write(job.path("workspace/a file"), "").unwrap();
    let Ended { success, output } = job.run();
    assert!(success, "{output}");
    for folder in ["workspace", "action's path", ""] {
        assert!(!job.path(folder).join("pwned").exists(), "an input became code");
    }
    job.arguments()
}

const DEFAULT: [&str; 9] = [
    "check",
    "--github",
    "--shard=1/1",
    "--json",
    "mcp-overlay-report.json",
    "--junit",
    "mcp-overlay-report.xml",
    "--html",
    "mcp-overlay-report.html",
];

#[test]
fn without_inputs_it_runs_the_default_check() {
    assert_eq!(arguments(&Job::installed()), DEFAULT);
}

#[test]
fn each_input_becomes_one_option() {
    let job = Job::installed()
        .input("stdio", "python3 ci/my_subject.py")
        .input("app-server", "codex app-server")
        .input("profile", "all")
        .input("strict", "true")
        .input("expected-failures", "ci/known failures.toml")
        .input("args", "  --cases 100\n  --quick ");
    let expected = [
        "--stdio=python3 ci/my_subject.py",
        "--app-server=codex app-server",
        "--profile=all",
        "--expected-failures=ci/known failures.toml",
        "--strict",
        "--cases",
        "100",
        "--quick",
    ];
    let expected: Vec<&str> = DEFAULT.into_iter().chain(expected).collect();
    assert_eq!(arguments(&job), expected);
}

#[test]
fn no_input_becomes_code_or_a_second_argument() {
    let inputs = ["stdio", "app-server", "profile", "expected-failures", "shard"];
    for hostile in HOSTILE {
        let job = inputs.iter().fold(Job::installed(), |job, input| job.input(input, hostile));
        let given = arguments(&job);
        for input in inputs {
            assert!(given.contains(&format!("--{input}={hostile}")), "{input}: {given:?}");
        }
        // The shard has a default.
        assert_eq!(given.len(), DEFAULT.len() + inputs.len() - 1, "{given:?}");
    }
}

#[test]
fn further_arguments_are_split_at_blanks_and_nothing_else() {
    for hostile in HOSTILE {
        let given = arguments(&Job::installed().input("args", hostile));
        let words: Vec<&str> = DEFAULT.into_iter().chain(hostile.split_whitespace()).collect();
        assert_eq!(given, words);
    }
}

#[test]
fn strict_is_true_or_false() {
    let strict = |value: &str| Job::installed().input("strict", value);
    assert!(!arguments(&strict("false")).contains(&"--strict".into()));
    assert!(!arguments(&strict("")).contains(&"--strict".into()));
    for wrong in ["yes", "$(touch pwned)"] {
        let job = strict(wrong);
        let Ended { success, output } = job.run();
        assert!(!success && output.contains("neither true nor false"), "{output}");
        assert!(job.arguments().is_empty() && !job.path("workspace/pwned").exists());
    }
}

#[test]
fn merge_takes_globs_whose_files_have_any_name() {
    let job = Job::installed().input("merge", "parts/*/report.json\nmore/report.json");
    for folder in ["parts/1", "parts/2 of 2", "parts/$(touch pwned)"] {
        fs::create_dir_all(job.path("workspace").join(folder)).unwrap();
        fs::write(job.path("workspace").join(folder).join("report.json"), "").unwrap();
    }
    let given = arguments(&job);
    let expected = [
        "--",
        "parts/$(touch pwned)/report.json",
        "parts/1/report.json",
        "parts/2 of 2/report.json",
        "more/report.json",
    ];
    assert_eq!(given.first().map(String::as_str), Some("merge"));
    assert!(given.ends_with(&expected.map(String::from)), "{given:?}");
}

#[test]
fn merge_runs_no_code_and_takes_no_option() {
    for hostile in HOSTILE {
        let given = arguments(&Job::installed().input("merge", hostile));
        let (_, files) = given.split_at(given.iter().position(|part| part == "--").unwrap() + 1);
        let lines: Vec<&str> = hostile.lines().collect();
        let expected = if *hostile == "*" { vec!["a file"] } else { lines };
        assert_eq!(files, expected, "{given:?}");
    }
}
