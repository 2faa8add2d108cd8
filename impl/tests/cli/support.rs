//! Runs the binary in a temporary home.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A temporary home of the host.
pub(crate) struct Home(TempDir);

/// The output of the binary.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A home with this `config.toml`.
    pub(crate) fn with(config: &str) -> Self {
        let home = Self::new();
        std::fs::write(home.config(), config).unwrap();
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("config.toml")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.config()).unwrap()
    }

    /// The binary with no environment but this home.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-overlay-host"));
        command.args(args).env_clear().env("CODEX_HOME", self.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> CommandOutput {
        output_of(&self.command(args).output().unwrap())
    }

    /// Runs a command that must succeed with an empty standard error.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let result = self.run(args);
        assert_eq!((result.status, &*result.err), (0, ""), "{args:?}: {result:?}");
        result.out
    }

    /// The names of the files in the home.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = self.path().read_dir().unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(crate) fn output_of(output: &Output) -> CommandOutput {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    CommandOutput {
        status: output.status.code().unwrap(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}
