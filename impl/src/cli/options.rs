//! Options that several commands have.

use std::path::PathBuf;

use mcp_overlay_host::host::home_of;
use mcp_overlay_host::{Environment, Override, Profile};

use super::stop::Stop;

/// The newest profile that released Codex follows (docs/releases/README.md): a user of these programs
/// expects what Codex does today.
pub(super) const NEWEST_RELEASED: Profile = Profile::CodexPr31803;

/// `--profile`, for commands that resolve.
#[derive(clap::Args)]
pub(super) struct ProfileArgument {
    #[arg(long, value_name = "P", default_value_t = NEWEST_RELEASED, help = profile_help())]
    pub(super) profile: Profile,
}

fn profile_help() -> String {
    let names = Profile::ALL.map(Profile::name).join(", ");
    format!("Resolve by the rules of this profile (docs/semantics.md, \"Profiles\"): {names}")
}

/// `-c key=value`, for commands that read configuration.
#[derive(clap::Args)]
pub(super) struct Overrides {
    /// Overrides a setting of config.toml; may be repeated, a later one takes precedence.
    ///
    /// The key is dotted as in TOML. The value is TOML; a value that is not TOML is a string.
    #[arg(
        short = 'c',
        long = "config",
        value_name = "KEY=VALUE",
        long_help = "Overrides a setting of config.toml; may be repeated, a later one takes \
                     precedence. The key is dotted as in TOML. The value is TOML; a value that is \
                     not TOML is a string.\n\nExample: -c features.apps=false"
    )]
    pub(super) overrides: Vec<Override>,
}

/// The folder with `config.toml` and `auth.json`: `CODEX_HOME`, or `~/.codex`.
pub(super) fn codex_home(env: &Environment) -> Result<PathBuf, Stop> {
    home_of(env).ok_or_else(|| {
        Stop::misuse(
            "neither CODEX_HOME nor HOME is set; set CODEX_HOME to the folder that holds config.toml",
        )
    })
}
