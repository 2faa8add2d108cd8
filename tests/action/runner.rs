//! Plays a runner of GitHub Actions for the steps of the action.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::steps::{self, Step};

/// The commit of the release.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Prints its version, or writes its arguments to a file, each ended by a zero byte.
const TOOL: &str = r#"#!/usr/bin/env bash
if [ "$*" = --version ]; then echo "mcp-overlay stub"; exit; fi
printf '%s\0' "$@" >"$RUNNER_TEMP/arguments"
"#;

/// Gives the files of the release, and fails as curl does if there is none.
const CURL: &str = r#"#!/usr/bin/env bash
while [ $# -gt 1 ]; do
  if [ "$1" = --output ]; then output=$2; fi
  shift
done
echo "$1" >>"$RUNNER_TEMP/addresses"
cp "$RUNNER_TEMP/release/${1##*/}" "$output" 2>/dev/null || { echo "curl: (22) 404" >&2; exit 22; }
"#;

/// Installs the stub of the tool as `cargo install` would install the tool.
const CARGO: &str = r#"#!/usr/bin/env bash
printf '%s\n' "$PWD" "$@" >"$RUNNER_TEMP/cargo"
mkdir -p "${@: -1}/bin" && cp "$RUNNER_TEMP/tool" "${@: -1}/bin/mcp-overlay"
"#;

/// A job that uses the action.
pub(crate) struct Job {
    folder: tempfile::TempDir,
    pub(crate) inputs: BTreeMap<String, String>,
    /// What contexts other than `inputs` say.
    pub(crate) contexts: BTreeMap<String, String>,
    /// Variables that the runner sets.
    pub(crate) runner: BTreeMap<String, String>,
}

/// How a job ended.
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) output: String,
}

impl Job {
    /// A job on Linux whose action is used at the tag of its version, with the action's default inputs.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        for path in ["Cargo.toml", "Cargo.lock", "docs/semantics.md", ".github/action/install.sh"] {
            let copy = root.join("action's path").join(path);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(sources.join(path), copy).unwrap();
        }
        for path in ["src", "model", "impl"] {
            fs::create_dir(root.join("action's path").join(path)).unwrap();
        }
        fs::create_dir_all(root.join("workspace")).unwrap();
        fs::create_dir_all(root.join("bin")).unwrap();
        for (name, script) in [("tool", TOOL), ("bin/curl", CURL), ("bin/cargo", CARGO)] {
            fs::write(root.join(name), script).unwrap();
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let contexts = [
            ("github.action_path", root.join("action's path").display().to_string()),
            ("github.action_ref", format!("v{}", env!("CARGO_PKG_VERSION"))),
            ("github.action_repository", "some-owner/mcp-overlay".into()),
            ("github.server_url", "https://forge.example".into()),
            ("runner.temp", root.display().to_string()),
        ];
        let runner = [("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")];
        Self {
            inputs: steps::inputs(),
            contexts: contexts.map(|(name, value)| (name.into(), value)).into(),
            runner: runner.map(|(name, value)| (name.into(), value.into())).into(),
            folder,
        }
    }

    /// A job that finds the tool in the cache.
    pub(crate) fn installed() -> Self {
        let job = Self::new().context("steps.cache.outputs.cache-hit", "true");
        fs::create_dir_all(job.path("mcp-overlay/bin")).unwrap();
        fs::copy(job.path("tool"), job.path("mcp-overlay/bin/mcp-overlay")).unwrap();
        job.input("build", "true")
    }

    pub(crate) fn input(mut self, name: &str, value: &str) -> Self {
        assert!(self.inputs.contains_key(name), "no input is named {name}");
        self.inputs.insert(name.into(), value.into());
        self
    }

    pub(crate) fn context(mut self, name: &str, value: &str) -> Self {
        self.contexts.insert(name.into(), value.into());
        self
    }

    /// The path of a file of the job.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file of the job; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Adds the files that the release workflow packs, with the stub as every binary.
    pub(crate) fn released(self) -> Self {
        let script = include_str!("../../.github/release/pack.sh");
        let targets = script.split('"').find(|part| part.contains("-musl ")).unwrap();
        for target in targets.split_whitespace() {
            let folder = self.path("binaries").join(target);
            fs::create_dir_all(&folder).unwrap();
            let extension = if target.contains("windows") { ".exe" } else { "" };
            for binary in ["mcp-overlay", "mcp-overlay-host"] {
                fs::copy(self.path("tool"), folder.join(format!("{binary}{extension}"))).unwrap();
            }
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/release/pack.sh");
        let mut pack = Command::new("bash");
        pack.arg(script).arg(self.path("binaries")).arg(COMMIT).arg(self.path("release"));
        let packed = pack.output().unwrap();
        assert!(packed.status.success(), "{packed:?}");
        self
    }

    /// Runs the steps until one fails.
    pub(crate) fn run(&self) -> Ended {
        let mut output = String::new();
        for step in Step::all() {
            if !step.field("if").is_none_or(|condition| self.holds(condition)) {
                continue;
            }
            let Some(script) = step.field("run") else { continue };
            assert_eq!(step.field("shell"), Some("bash"));
            let ended = self.run_step(&step, script);
            output.push_str(&String::from_utf8_lossy(&ended.stdout));
            output.push_str(&String::from_utf8_lossy(&ended.stderr));
            if !ended.status.success() {
                return Ended { success: false, output };
            }
        }
        Ended { success: true, output }
    }

    fn run_step(&self, step: &Step, script: &str) -> Output {
        let file = self.path("step.sh");
        fs::write(&file, script).unwrap();
        let folder = step.field("working-directory").map(|path| self.value(path));
        let folder = folder.unwrap_or_else(|| self.path("workspace").display().to_string());
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(file);
        command.current_dir(folder).env_clear().envs(&self.runner);
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("RUNNER_TEMP", self.folder.path());
        command.env("GITHUB_OUTPUT", self.path("output")).env("GITHUB_PATH", self.path("paths"));
        command.envs(step.env.iter().map(|(name, value)| (name, self.value(value))));
        command.output().unwrap()
    }

    /// The value of a field, which is one expression or none.
    fn value(&self, text: &str) -> String {
        match text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")) {
            Some(expression) => self.context_value(expression),
            None => text.to_owned(),
        }
    }

    fn context_value(&self, name: &str) -> String {
        if let Some(input) = name.strip_prefix("inputs.") {
            return self.inputs.get(input).unwrap_or_else(|| panic!("no input {input}")).clone();
        }
        if let Some(output) = name.strip_prefix("steps.release.outputs.") {
            let lines = self.text("output");
            let prefix = format!("{output}=");
            return lines.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or("").into();
        }
        let known = self.contexts.get(name).map(String::as_str);
        // An output of the cache that is not set is empty.
        let known = known.or((name == "steps.cache.outputs.cache-hit").then_some(""));
        known.unwrap_or_else(|| panic!("no context {name}")).to_owned()
    }

    /// Whether a condition holds: comparisons with a text, all of which must hold.
    fn holds(&self, condition: &str) -> bool {
        condition.split(" && ").all(|comparison| {
            let mut parts = comparison.split(' ');
            let (left, operator, right) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let is_equal = self.context_value(left) == right.trim_matches('\'');
            match operator {
                "==" => is_equal,
                "!=" => !is_equal,
                _ => panic!("this test does not understand {condition:?}"),
            }
        })
    }

    /// The arguments that the tool was started with.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let text = self.text("arguments");
        text.split_terminator('\0').map(str::to_owned).collect()
    }
}
