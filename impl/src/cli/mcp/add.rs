//! `mcp add` and `mcp remove`.

use std::collections::BTreeMap;

use clap::ArgGroup;
use mcp_overlay_host::hosted_apps::CODEX_APPS;
use mcp_overlay_host::printable::escaped_line;
use mcp_overlay_host::{Environment, ServerMap};
use reqwest::Url;
use toml_edit::{Array, InlineTable, Value};

use super::super::output::say;
use super::super::stop::{Outcome, Stop};
use super::edit::{self, Settings};
use super::file::{ConfigFile, Edit};

/// Adds a server to config.toml, or replaces the one of the same name.
///
/// Nothing else in the file changes: comments, order and formatting stay. The new text is parsed
/// before it is written.
#[derive(clap::Args)]
#[command(
    group = ArgGroup::new("transport").required(true).args(["url", "command"]),
    override_usage = "mcp-overlay-host mcp add NAME --url URL [--bearer-token-env-var VAR]\n       \
                      mcp-overlay-host mcp add NAME [--env KEY=VALUE]... -- COMMAND [ARGS]...",
    after_help = "Examples:\n  \
                  mcp-overlay-host mcp add docs --url https://docs.example/mcp\n  \
                  mcp-overlay-host mcp add docs --url https://docs.example/mcp \
                  --bearer-token-env-var DOCS_TOKEN\n  \
                  mcp-overlay-host mcp add files --env ROOT=/srv -- npx -y files-server"
)]
pub(super) struct AddArguments {
    /// The server's name: letters, digits, `_` and `-`.
    name: String,
    /// The URL of a streamable HTTP server.
    #[arg(long)]
    url: Option<String>,
    /// The environment variable that holds the server's bearer token. The token itself is not
    /// written to the file.
    #[arg(long, value_name = "VAR", requires = "url", conflicts_with = "command")]
    bearer_token_env_var: Option<String>,
    /// Sets an environment variable for the command; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", requires = "command", conflicts_with = "url")]
    env: Vec<String>,
    /// The command that starts a stdio server, with its arguments.
    #[arg(last = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<String>,
}

/// Removes a server from config.toml.
///
/// Comments directly above the server are removed too; nothing else in the file changes.
#[derive(clap::Args)]
pub(super) struct RemoveArguments {
    /// The server's name.
    name: String,
}

pub(super) fn add(arguments: &AddArguments) -> Outcome {
    let env = Environment::from_process();
    let name = &*arguments.name;
    check_name(name)?;
    let settings = settings(arguments)?;
    let file = ConfigFile::read(&env, Edit::Add)?;
    let before = file.servers(&file.text, &env)?;
    let text = edit::put(&file.text, name, &settings);
    let after = file.servers(&text, &env)?;
    if !only_differs_in(&before, &after, name) || !after.contains_key(name) {
        return Err(not_editable(&file, name));
    }
    let path = file.write(&text)?;
    let done = if before.contains_key(name) { "Replaced" } else { "Added" };
    say(&format!("{done} MCP server '{name}' in {}.\n", path.display()))
}

pub(super) fn remove(arguments: &RemoveArguments) -> Outcome {
    let env = Environment::from_process();
    let name = &*arguments.name;
    let file = ConfigFile::read(&env, Edit::Remove)?;
    let before = file.servers(&file.text, &env)?;
    if !before.contains_key(name) {
        let shown = escaped_line(name);
        let place = file.path.display();
        return Err(Stop::failed(format!("No MCP server named '{shown}' found in {place}.")));
    }
    let text = edit::remove(&file.text, name);
    let after = file.servers(&text, &env)?;
    if !only_differs_in(&before, &after, name) || after.contains_key(name) {
        return Err(not_editable(&file, name));
    }
    let path = file.write(&text)?;
    let shown = escaped_line(name);
    say(&format!("Removed MCP server '{shown}' from {}.\n", path.display()))
}

/// Whether all servers but this one are the same before and after.
fn only_differs_in(before: &ServerMap, after: &ServerMap, name: &str) -> bool {
    let others = |servers: &ServerMap| {
        let mut servers = servers.clone();
        servers.remove(name);
        servers
    };
    others(before) == others(after)
}

fn not_editable(file: &ConfigFile, name: &str) -> Stop {
    let shown = escaped_line(name);
    Stop::failed(format!(
        "{}: the server '{shown}' is written in a way that this command cannot edit; nothing \
         was written, so edit the file by hand",
        file.path.display()
    ))
}

fn check_name(name: &str) -> Result<(), Stop> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(Stop::misuse(format!(
            "'{}' is not a valid server name; use letters, digits, `_` and `-`",
            escaped_line(name)
        )));
    }
    if name == CODEX_APPS {
        return Err(Stop::misuse(format!(
            "'{CODEX_APPS}' is reserved for the Apps server, which gets your ChatGPT \
             credentials: only the host sets its URL; choose another name"
        )));
    }
    Ok(())
}

fn settings(arguments: &AddArguments) -> Result<Settings, Stop> {
    let mut settings = Settings::new();
    if let Some(url) = &arguments.url {
        let parsed = Url::parse(url).ok().filter(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && plain
        });
        if parsed.is_none() {
            let problem = "the URL is not an http or https URL with a host and without a user, \
                           for example https://docs.example/mcp";
            return Err(Stop::misuse(problem));
        }
        settings.push(("url", url.into()));
        if let Some(variable) = &arguments.bearer_token_env_var {
            check_variable("--bearer-token-env-var", variable)?;
            settings.push(("bearer_token_env_var", variable.into()));
        }
        return Ok(settings);
    }
    let Some((command, args)) = arguments.command.split_first() else {
        return Err(Stop::misuse("the command is missing"));
    };
    if command.trim().is_empty() {
        return Err(Stop::misuse("the command after `--` is empty"));
    }
    settings.push(("command", command.into()));
    if !args.is_empty() {
        settings.push(("args", Value::Array(args.iter().collect::<Array>())));
    }
    let env = variables(&arguments.env)?;
    if !env.is_empty() {
        settings.push(("env", Value::InlineTable(env.into_iter().collect::<InlineTable>())));
    }
    Ok(settings)
}

/// The variables of `--env`; the last value of a name takes precedence.
fn variables(pairs: &[String]) -> Result<BTreeMap<&str, &str>, Stop> {
    let mut variables = BTreeMap::new();
    for pair in pairs {
        // The pair is not shown: its value may be a secret.
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Stop::misuse("--env takes KEY=VALUE, for example --env ROOT=/srv: `=` is missing")
        })?;
        check_variable("--env", name)?;
        variables.insert(name, value);
    }
    Ok(variables)
}

/// The name is not shown: it may be a token, given by mistake.
fn check_variable(option: &str, name: &str) -> Result<(), Stop> {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if starts && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(());
    }
    Err(Stop::misuse(format!(
        "{option} takes the name of an environment variable: letters, digits and `_`, not \
         starting with a digit"
    )))
}
