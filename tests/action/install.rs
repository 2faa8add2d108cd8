//! Which binary the action uses.

use std::fs;

use crate::runner::{COMMIT, Ended, Job};

#[track_caller]
fn uses_the_release(job: &Job) {
    let Ended { success, output } = job.run();
    assert!(success, "{output}");
    assert!(job.text("output").contains("found=true\n"), "{output}");
    assert!(!job.path("cargo").exists(), "it was built: {output}");
    assert_eq!(job.arguments().first().map(String::as_str), Some("check"), "{output}");
}

#[track_caller]
fn builds(job: &Job, reason: &str) {
    let Ended { success, output } = job.run();
    assert!(success, "{output}");
    assert!(output.contains(reason), "{output}");
    let folder = job.path("action's path").display().to_string();
    let root = job.path("mcp-overlay").display().to_string();
    let expected = format!("{folder}\ninstall\n--path\n.\n--locked\n--root\n{root}\n");
    assert_eq!(job.text("cargo"), expected, "{output}");
    assert_eq!(job.arguments().first().map(String::as_str), Some("check"), "{output}");
}

#[track_caller]
fn fails(job: &Job, reason: &str) {
    let Ended { success, output } = job.run();
    assert!(!success && output.contains(reason), "{output}");
    assert!(output.contains("::error::"), "{output}");
    assert!(!job.path("cargo").exists() && job.arguments().is_empty(), "{output}");
    assert!(!job.path("mcp-overlay/bin/mcp-overlay").exists(), "it is installed");
}

#[test]
fn at_the_tag_of_its_version_it_uses_the_released_binary() {
    let job = Job::new().released();
    uses_the_release(&job);
    let version = env!("CARGO_PKG_VERSION");
    let release = "https://forge.example/some-owner/mcp-overlay/releases/download";
    let archive = format!("mcp-overlay-v{version}-x86_64-unknown-linux-musl.tar.gz");
    let files = ["COMMIT", "SHA256SUMS", &archive];
    let addresses: String = files.map(|file| format!("{release}/v{version}/{file}\n")).concat();
    assert_eq!(job.text("addresses"), addresses);
    let bin = job.path("mcp-overlay/bin");
    assert_eq!(job.text("paths").trim_end(), bin.display().to_string());
    assert!(bin.join("mcp-overlay-host").exists());
}

#[test]
fn at_the_commit_of_the_release_it_uses_the_released_binary() {
    uses_the_release(&Job::new().released().context("github.action_ref", COMMIT));
}

#[test]
fn at_another_commit_it_builds() {
    let other = COMMIT.replace('0', "f");
    builds(&Job::new().released().context("github.action_ref", &other), "of another commit");
}

#[test]
fn at_a_branch_or_another_tag_it_builds_and_downloads_nothing() {
    for used_at in ["main", "", "v0", "v99.0.0", "$(touch pwned)"] {
        let job = Job::new().released().context("github.action_ref", used_at);
        builds(&job, "neither a commit nor the tag");
        assert_eq!(job.text("addresses"), "", "{used_at}");
    }
}

#[test]
fn in_a_repository_that_is_not_known_it_builds() {
    for repository in ["", "owner", "a/b/../c", "a/b?x", "$(touch pwned)/x"] {
        let job = Job::new().released().context("github.action_repository", repository);
        builds(&job, "not known");
    }
}

#[test]
fn without_a_release_it_builds() {
    builds(&Job::new(), "gives no COMMIT (curl: (22) 404)");
}

#[test]
fn without_a_binary_for_the_machine_it_builds() {
    let mut job = Job::new().released();
    job.runner.insert("RUNNER_ARCH".into(), "ARM".into());
    builds(&job, "no binary is released for Linux on ARM");
}

#[test]
fn a_binary_that_does_not_run_is_replaced_by_a_build() {
    let job = Job::new();
    let tool = fs::read(job.path("tool")).unwrap();
    fs::write(job.path("tool"), "#!/bin/false\n").unwrap();
    let job = job.released();
    fs::write(job.path("tool"), tool).unwrap();
    builds(&job, "does not run here");
}

#[test]
fn on_request_it_builds() {
    builds(&Job::new().released().input("build", "true"), "the input build is true");
    fails(&Job::new().released().input("build", "yes"), "neither true nor false");
}

#[test]
fn a_build_of_the_same_sources_is_taken_from_the_cache() {
    let job = Job::installed();
    let Ended { success, output } = job.run();
    assert!(success && !job.path("cargo").exists(), "{output}");
    assert_eq!(job.arguments().first().map(String::as_str), Some("check"));
}

#[test]
fn the_key_of_a_build_changes_with_the_sources_alone() {
    let key = |change: &dyn Fn(&Job)| {
        let job = Job::new();
        change(&job);
        job.run();
        let output = job.text("output");
        output.lines().find_map(|line| line.strip_prefix("key=")).unwrap().to_owned()
    };
    let unchanged = key(&|_| {});
    assert!(unchanged.starts_with("mcp-overlay-Linux-X64-"), "{unchanged}");
    assert_eq!(unchanged, key(&|job| fs::write(job.path("action's path/notes"), "x").unwrap()));
    for source in ["src/main.rs", "model/a b.rs", "impl/lib.rs"] {
        let change = |job: &Job| fs::write(job.path("action's path").join(source), "x").unwrap();
        assert_ne!(unchanged, key(&change), "{source}");
    }
}

#[test]
fn a_binary_that_does_not_match_its_checksum_fails_the_job() {
    let job = Job::new().released();
    let version = env!("CARGO_PKG_VERSION");
    let archive = format!("release/mcp-overlay-v{version}-x86_64-unknown-linux-musl.tar.gz");
    let mut bytes = fs::read(job.path(&archive)).unwrap();
    bytes.push(0);
    fs::write(job.path(&archive), bytes).unwrap();
    fails(&job, "has the SHA-256");
}

#[test]
fn a_binary_without_a_checksum_fails_the_job() {
    for sums in ["", "0123  mcp-overlay.tar.gz\n"] {
        let job = Job::new().released();
        fs::write(job.path("release/SHA256SUMS"), sums).unwrap();
        fails(&job, "does not list");
    }
}

#[test]
fn every_machine_of_the_release_gets_its_own_binary() {
    let machines = [
        ("Linux", "X64", "x86_64-unknown-linux-musl"),
        ("Linux", "ARM64", "aarch64-unknown-linux-musl"),
        ("macOS", "X64", "x86_64-apple-darwin"),
        ("macOS", "ARM64", "aarch64-apple-darwin"),
        ("Windows", "X64", "x86_64-pc-windows-msvc"),
    ];
    for (system, processor, target) in machines {
        let mut job = Job::new().released();
        job.runner.insert("RUNNER_OS".into(), system.into());
        job.runner.insert("RUNNER_ARCH".into(), processor.into());
        let Ended { output, .. } = job.run();
        // The binary for Windows has another name, so it does not run here.
        if system != "Windows" {
            assert!(job.text("output").contains("found=true"), "{output}");
        }
        assert!(job.text("addresses").contains(&format!("-{target}.tar.gz")), "{output}");
    }
}
