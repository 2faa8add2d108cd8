//! The command and the environment of a server's process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio as Pipe;

use tokio::process::Command;

use super::error::{ConnectError, ServerAddress};
use super::secrets::Secrets;
use crate::config::{EnvVar, EnvVarSource, Environment, Stdio};

/// The variables of the host that every process inherits: those that programs need for paths and
/// the locale. None holds a token.
#[cfg(unix)]
const INHERITED: &[&str] = &[
    "HOME",
    "LANG",
    "LC_ALL",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "__CF_USER_TEXT_ENCODING",
];
#[cfg(not(unix))]
const INHERITED: &[&str] = &[
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERDOMAIN",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
];

/// The command of a server, with pipes for its input and outputs.
pub(super) fn command(
    address: &ServerAddress,
    stdio: &Stdio,
    environment: &Environment,
    base: Option<&Path>,
    secrets: &Secrets,
) -> Result<Command, ConnectError> {
    let mut command = Command::new(&stdio.command);
    command
        .args(&stdio.args)
        .env_clear()
        .envs(variables(address, stdio, environment, secrets)?)
        .stdin(Pipe::piped())
        .stdout(Pipe::piped())
        .stderr(Pipe::piped())
        .kill_on_drop(true);
    if let Some(folder) = folder(stdio, base) {
        // The error of the system would name the command.
        if !folder.is_dir() {
            let reason = format!("its cwd {} is not a folder", folder.display());
            return Err(ConnectError::SpawnFailed { address: address.clone(), reason });
        }
        command.current_dir(folder);
    }
    Ok(command)
}

fn folder(stdio: &Stdio, base: Option<&Path>) -> Option<PathBuf> {
    match (base, &stdio.cwd) {
        (Some(base), Some(own)) => Some(base.join(own)),
        (None, Some(own)) => Some(PathBuf::from(own)),
        (base, None) => base.map(Path::to_owned),
    }
}

/// The environment of the process: the inherited variables, then `env_vars`, then `env`; later ones
/// take precedence.
fn variables(
    address: &ServerAddress,
    stdio: &Stdio,
    env: &Environment,
    secrets: &Secrets,
) -> Result<Vec<(String, OsString)>, ConnectError> {
    let from_host = |name: &str| Some((name.to_owned(), env.get(name)?.to_owned()));
    let mut variables: Vec<_> = INHERITED.iter().filter_map(|name| from_host(name)).collect();
    for variable in &stdio.env_vars {
        let name = match variable {
            EnvVar::Name(name) => name,
            EnvVar::Sourced { name, source: None | Some(EnvVarSource::Local) } => name,
            EnvVar::Sourced { name, source: Some(EnvVarSource::Remote) } => {
                let (server, variable) = (address.server.clone(), name.clone());
                return Err(ConnectError::RemoteVariable { server, variable });
            }
        };
        let variable = from_host(name);
        let value = variable.as_ref().and_then(|(_, value)| value.to_str());
        value.into_iter().for_each(|value| secrets.add(value));
        variables.extend(variable);
    }
    let own = stdio.env.iter().flatten();
    own.clone().for_each(|(_, value)| secrets.add(value.expose()));
    variables.extend(own.map(|(name, value)| (name.clone(), value.expose().into())));
    Ok(variables)
}
