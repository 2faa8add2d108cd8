//! The rules about secrets in the file, and about texts in their place.

use toml::de::DeValue;

use super::finding::{Finding, Found};
use super::parsed::{Entry, Value, entries_of};
use super::path::shown;
use super::recognised::{Text, alone, has_variable, is_name, is_token, named};
use super::rule::Rule;
use super::secrets::in_url;
use super::server::Server;
use super::starting::{is_http, is_whole_header};
use super::words::{Strength, strength_of, words_of};
use crate::config::Environment;

const URL_HELP: &str = "send the secret in a header instead, from an environment variable";
const EVERYONE: &str = "everyone who can read the file gets it";
const AS_WRITTEN: &str = "Codex replaces no variables: the server gets this text as it is";
const FILL_IN: &str = "the server gets this text as it is";

/// The findings about the texts of a server.
pub(super) fn check(server: &Server<'_, '_>, env: &Environment, found: &mut Found) {
    headers(server, found);
    urls(server, found);
    variables(server, found);
    arguments(server, found);
    paths(server, found);
    names(server, env, found);
}

fn headers(server: &Server<'_, '_>, found: &mut Found) {
    let headers = entries_of(server.table, "http_headers");
    for header in headers.filter(|header| !is_whole_header(header.key)) {
        let Some(value) = header.text() else { continue };
        let name = shown(header.key);
        let bearer = header.key.eq_ignore_ascii_case("authorization");
        let help = if bearer {
            "put the token into an environment variable, and name it in `bearer_token_env_var`"
        } else {
            "put the value into an environment variable, and name it in `env_http_headers`"
        };
        let (rule, message, meaning) = match named(header.key, value) {
            Text::Plain => continue,
            Text::Secret => {
                (Rule::HeaderSecret, format!("the header {name} looks like a secret"), EVERYONE)
            }
            Text::Variable => (
                Rule::NotExpanded,
                format!("the header {name} has a variable in its value"),
                AS_WRITTEN,
            ),
            Text::Placeholder => (
                Rule::Placeholder,
                format!("the value of the header {name} is a placeholder"),
                FILL_IN,
            ),
        };
        let key = server.path.with("http_headers").with(header.key).to_string();
        let finding = Finding::new(rule, header.value_span(), message).at(key);
        found.push(finding.meaning(meaning).help(help));
    }
}

fn urls(server: &Server<'_, '_>, found: &mut Found) {
    for key in ["url", "oauth_resource"] {
        let Some(entry) = server.get(key) else { continue };
        let Some(text) = entry.text() else { continue };
        if let Some(what) = in_url(text) {
            let finding = server.about(Rule::UrlSecret, &entry, format!("`{key}` contains {what}"));
            found.push(finding.meaning("ends up in logs").help(URL_HELP));
        } else if has_variable(text) && (key != "url" || is_http(text)) {
            let message = format!("`{key}` has a variable in it");
            let finding = server.about(Rule::NotExpanded, &entry, message);
            let finding = finding.meaning("Codex replaces no variables: it uses the URL as it is");
            found.push(finding.help("write the whole URL"));
        }
    }
}

/// The values of `env`.
fn variables(server: &Server<'_, '_>, found: &mut Found) {
    for variable in entries_of(server.table, "env") {
        let Some(value) = variable.text() else { continue };
        let name = shown(variable.key);
        let is = named(variable.key, value);
        let forward = if is_variable_name(variable.key) {
            format!("set it where you start Codex, and write `env_vars = [\"{}\"]`", variable.key)
        } else {
            "set it where you start Codex, and name it in `env_vars`".to_owned()
        };
        let is_itself = value.trim_matches(['$', '{', '}']) == variable.key;
        let help = if is == Text::Variable && !is_itself {
            format!("write the whole value; if that is a secret, {forward}")
        } else {
            format!("remove it here, {forward}")
        };
        let (rule, message, meaning) = match is {
            Text::Plain => continue,
            Text::Secret => {
                (Rule::EnvSecret, format!("the value of {name} looks like a secret"), EVERYONE)
            }
            Text::Variable => {
                (Rule::NotExpanded, format!("the value of {name} has a variable in it"), AS_WRITTEN)
            }
            Text::Placeholder => {
                (Rule::Placeholder, format!("the value of {name} is a placeholder"), FILL_IN)
            }
        };
        let key = server.path.with("env").with(variable.key).to_string();
        let finding = Finding::new(rule, variable.value_span(), message).at(key);
        found.push(finding.meaning(meaning).help(help));
    }
}

const ARGUMENT_HELP: &str = "if the program also reads it from a variable, set that where you start Codex and name it in `env_vars`";
const SHELL_HELP: &str = "write the value itself, or let a shell replace it: `command = \"sh\"`, \
                          `args = [\"-c\", \"exec PROGRAM $NAME\"]`, `env_vars = [\"NAME\"]`";

fn arguments(server: &Server<'_, '_>, found: &mut Found) {
    let program = server.get("command").and_then(|entry| entry.text()).unwrap_or_default();
    let Some(args) = server.get("args") else { return };
    let Some(values) = args.value.get_ref().as_array() else { return };
    let texts: Vec<(&Value<'_>, &str)> =
        values.iter().filter_map(|value| Some((value, value.get_ref().as_str()?))).collect();
    // These replace variables themselves.
    let replaces = is_shell(program)
        || texts.iter().any(|(_, text)| is_shell(text) || text.starts_with("mcp-remote"));
    let mut before = "";
    for (value, text) in texts {
        let is = argument(before, text);
        before = text;
        let (rule, message, meaning, help) = match is {
            Text::Secret => {
                let meaning = "also those get it who see the processes of this machine";
                (Rule::ArgsSecret, "an argument looks like a secret", meaning, ARGUMENT_HELP)
            }
            Text::Variable if !replaces => {
                (Rule::NotExpanded, "an argument has a variable in it", AS_WRITTEN, SHELL_HELP)
            }
            Text::Placeholder => {
                (Rule::Placeholder, "an argument is a placeholder", FILL_IN, ARGUMENT_HELP)
            }
            Text::Plain | Text::Variable => continue,
        };
        let finding = Finding::new(rule, value.span(), message);
        let key = server.path.with("args").to_string();
        found.push(finding.at(key).meaning(meaning).help(help));
    }
}

/// What an argument is, after the argument before it.
fn argument(before: &str, text: &str) -> Text {
    let (before, text) = match text.strip_prefix("--header=") {
        Some(header) => ("--header", header),
        None => (before, text),
    };
    let is_header = matches!(before, "-H" | "--header" | "--headers");
    if is_header && let Some((name, value)) = text.split_once([':', '=']) {
        return named(name, value);
    }
    if in_url(text).is_some() {
        return Text::Secret;
    }
    // `--token=…`, `API_KEY=…`, and a whole command line.
    let mut last = before;
    let mut most = alone(text);
    for word in text.split_whitespace() {
        let is = match word.split_once('=') {
            Some((name, value)) if is_name(name.trim_start_matches('-')) => named(name, value),
            _ if is_option(last) && !word.starts_with('-') => named(last, word),
            _ => Text::Plain,
        };
        last = word;
        if is == Text::Secret || most == Text::Plain {
            most = is;
        }
    }
    most
}

/// Whether an argument is an option whose value follows it, and whose name is one of a secret.
fn is_option(text: &str) -> bool {
    let is_named = strength_of(&words_of(text)) != Strength::None;
    text.starts_with("--") && !text.contains('=') && is_named
}

fn is_shell(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    matches!(name, "sh" | "bash" | "zsh" | "dash" | "fish" | "cmd" | "powershell" | "pwsh")
}

/// A program and a folder are used as they are written, `~` too.
fn paths(server: &Server<'_, '_>, found: &mut Found) {
    for key in ["command", "cwd"] {
        let Some(entry) = server.get(key) else { continue };
        let Some(text) = entry.text() else { continue };
        let what = match text {
            "~" => "`~`",
            text if text.starts_with("~/") => "`~`",
            text if has_variable(text) => "a variable",
            _ => continue,
        };
        let message = format!("`{key}` has {what} in it");
        let finding = server.about(Rule::NotExpanded, &entry, message);
        let meaning = "Codex uses the path as it is, so the server does not start";
        found.push(finding.meaning(meaning).help("write the whole path"));
    }
}

/// The texts that Codex looks up as names of variables.
fn names(server: &Server<'_, '_>, env: &Environment, found: &mut Found) {
    let mut check = |key: &str, path: String, value: &Value<'_>| {
        let Some(text) = value.get_ref().as_str() else { return };
        if is_variable_name(text) || env.is_set(text) {
            return;
        }
        let (message, help) = if has_variable(text) {
            (
                format!("`{key}` takes the name of a variable alone"),
                "write it without `$`, `{` and `}`",
            )
        } else {
            // It is not shown: it may be the token.
            let help = match key {
                _ if text.is_empty() => "write the variable's name",
                "env_vars" if text.contains('=') => {
                    "write the variable's name alone; a value of your own belongs in `env`"
                }
                "env_vars" => "write the variable's name: letters, digits and `_`",
                _ => "write the variable's name, not the token itself",
            };
            (format!("`{key}` does not have the name of an environment variable"), help)
        };
        let finding = Finding::new(Rule::NotAVariable, value.span(), message).at(path);
        let meaning = match key {
            "bearer_token_env_var" => "this server cannot start",
            "env_vars" => "the server does not get it",
            _ => "the header is not sent",
        };
        found.push(finding.meaning(meaning).help(help));
    };
    if let Some(entry) = server.get("bearer_token_env_var") {
        check(entry.key, server.path.with(entry.key).to_string(), entry.value);
    }
    for header in entries_of(server.table, "env_http_headers") {
        let path = server.path.with("env_http_headers").with(header.key);
        check("env_http_headers", path.to_string(), header.value);
    }
    if let Some(entry) = server.get("env_vars") {
        let path = server.path.with("env_vars").to_string();
        for value in names_of(&entry) {
            check("env_vars", path.clone(), value);
        }
    }
}

/// The names in `env_vars`: texts, or tables with a `name`.
fn names_of<'t, 'a>(entry: &Entry<'t, 'a>) -> impl Iterator<Item = &'t Value<'a>> {
    let values = entry.value.get_ref().as_array();
    values.into_iter().flat_map(|values| values.iter()).filter_map(|value| match value.get_ref() {
        DeValue::Table(table) => super::parsed::get(table, "name").map(|name| name.value),
        _ => Some(value),
    })
}

/// Whether a text can be the name of a variable, and is not a token.
pub(super) fn is_variable_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.starts_with(|c: char| c.is_ascii_digit())
        && (1..=60).contains(&text.len())
        && text.chars().all(plain)
        && !is_token(text)
}
