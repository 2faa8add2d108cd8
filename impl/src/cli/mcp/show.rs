//! `mcp list` and `mcp get`.

use mcp_overlay_host::hosted_apps::CODEX_APPS;
use mcp_overlay_host::printable::escaped_line;
use mcp_overlay_host::{ServerConfig, Transport};
use serde_json::{Map, Value};

use super::super::options::{Overrides, ProfileArgument};
use super::super::output::say;
use super::super::stop::{Outcome, Stop};
use super::masked;
use super::resolved::{Resolved, block_on, no_server};

/// Lists the servers with their status, transport and authorization.
///
/// Masks the values of headers and environment variables, and likely secrets in arguments and URLs.
#[derive(clap::Args)]
pub(super) struct ListArguments {
    /// Prints a JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    profile: ProfileArgument,
    #[command(flatten)]
    config: Overrides,
}

/// Shows one server's settings, masked as `mcp list` does.
#[derive(clap::Args)]
pub(super) struct GetArguments {
    /// The server's name.
    name: String,
    /// Prints a JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    profile: ProfileArgument,
    #[command(flatten)]
    config: Overrides,
}

pub(super) fn list(arguments: &ListArguments) -> Outcome {
    block_on(async {
        let resolved = Resolved::of(&arguments.config, arguments.profile.profile).await?;
        let mut servers = Vec::new();
        for (name, server) in resolved.view().iter() {
            servers.push((&**name, &**server, auth(&resolved, name, server).await));
        }
        if arguments.json {
            let all = servers
                .iter()
                .map(|(name, server, auth)| json(&resolved, name, server, auth).map(Value::Object));
            let all: Vec<Value> = all.collect::<Result<_, _>>()?;
            return say(&format!("{:#}\n", Value::Array(all)));
        }
        if servers.is_empty() {
            return say("No MCP servers. Add one with `mcp-overlay-host mcp add`.\n");
        }
        let rows = servers.iter().map(|(name, server, auth)| row(name, server, auth));
        say(&table(rows))
    })
}

pub(super) fn get(arguments: &GetArguments) -> Outcome {
    block_on(async {
        let resolved = Resolved::of(&arguments.config, arguments.profile.profile).await?;
        let name = &*arguments.name;
        let server = resolved.view().get(name).ok_or_else(|| no_server(name))?;
        let auth = auth(&resolved, name, server).await;
        let object = json(&resolved, name, server, &auth)?;
        if arguments.json {
            return say(&format!("{:#}\n", Value::Object(object)));
        }
        let mut out = format!("{}\n", escaped_line(name));
        for (key, value) in &object {
            match value {
                Value::Object(transport) if key == "transport" => {
                    // The type comes first.
                    let (first, rest): (Vec<_>, Vec<_>) =
                        transport.iter().partition(|(key, _)| *key == "type");
                    first
                        .into_iter()
                        .chain(rest)
                        .for_each(|(key, value)| put(&mut out, key, value));
                }
                _ if key == "name" => {}
                _ => put(&mut out, key, value),
            }
        }
        say(&out)
    })
}

fn put(out: &mut String, key: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    let key = if key == "type" { "transport" } else { key };
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    out.push_str(&format!("  {key}: {}\n", escaped_line(&value)));
}

/// How requests to a server are authorised, as far as known without asking it.
async fn auth(resolved: &Resolved, name: &str, server: &ServerConfig) -> String {
    let Transport::StreamableHttp(http) = &server.transport else { return String::new() };
    if let Some(variable) = &http.bearer_token_env_var {
        let unset = if resolved.env.is_set(variable) { "" } else { ", which is not set" };
        return format!("bearer token of {variable}{unset}");
    }
    if resolved.host.sends_credentials(name, server) {
        let sent = resolved.host.auth().credentials.is_some();
        return if sent { "ChatGPT credentials" } else { "no credentials to send" }.to_owned();
    }
    let configured = http.http_headers.iter().flat_map(|headers| headers.keys());
    let from_env = http.env_http_headers.iter().flat_map(|headers| headers.keys());
    if configured.chain(from_env).any(|header| header.eq_ignore_ascii_case("authorization")) {
        return "Authorization header".to_owned();
    }
    // The Apps server never uses OAuth, even where it gets no credentials of the host.
    if name == CODEX_APPS {
        return String::new();
    }
    match resolved.oauth.load(name, &http.url).await {
        Ok(Some(_)) => "OAuth".to_owned(),
        Ok(None) => String::new(),
        Err(_) => "OAuth tokens cannot be read".to_owned(),
    }
}

fn row(name: &str, server: &ServerConfig, auth: &str) -> [String; 5] {
    let (transport, target) = match &server.transport {
        Transport::Stdio(stdio) => {
            let args = masked::arguments(&stdio.args);
            ("stdio", [std::slice::from_ref(&stdio.command), &*args].concat().join(" "))
        }
        Transport::StreamableHttp(http) => ("http", masked::url(&http.url)),
    };
    let status = if server.enabled { "enabled" } else { "disabled" };
    let auth = if auth.is_empty() { "-" } else { auth };
    [
        escaped_line(name),
        status.to_owned(),
        transport.to_owned(),
        escaped_line(&target),
        escaped_line(auth),
    ]
}

/// A table with aligned columns. The long ones come last.
fn table(rows: impl Iterator<Item = [String; 5]>) -> String {
    let header = ["NAME", "STATUS", "TRANSPORT", "URL OR COMMAND", "AUTH"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(rows).collect();
    let width = |cell: &String| cell.chars().count();
    let mut widths = [0; 5];
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// The keys of a server's canonical form that describe the transport.
const TRANSPORT: [&str; 12] = [
    "args",
    "auth",
    "bearer_token_env_var",
    "command",
    "cwd",
    "env",
    "env_http_headers",
    "env_vars",
    "http_headers",
    "oauth",
    "oauth_resource",
    "url",
];

fn json(
    resolved: &Resolved,
    name: &str,
    server: &ServerConfig,
    auth: &str,
) -> Result<Map<String, Value>, Stop> {
    let Value::Object(canonical) = server.to_canonical_json() else {
        return Err(Stop::failed("a server has no canonical form"));
    };
    let word = match &server.transport {
        Transport::Stdio(_) => "stdio",
        Transport::StreamableHttp(_) => "streamable_http",
    };
    let mut transport = Map::new();
    transport.insert("type".to_owned(), word.into());
    let mut out = Map::new();
    out.insert("name".to_owned(), name.into());
    out.insert("enabled".to_owned(), server.enabled.into());
    out.insert("source".to_owned(), source(resolved, name).into());
    let auth = if auth.is_empty() { Value::Null } else { auth.into() };
    out.insert("auth".to_owned(), auth);
    for (key, value) in canonical {
        if TRANSPORT.contains(&&*key) {
            let value = masked_value(&key, value);
            transport.insert(key, value);
        } else {
            out.insert(key, value);
        }
    }
    out.insert("transport".to_owned(), Value::Object(transport));
    Ok(out)
}

fn masked_value(key: &str, value: Value) -> Value {
    match (key, value) {
        ("env" | "http_headers", Value::Object(mut values)) => {
            values.values_mut().for_each(|value| *value = masked::MASK.into());
            Value::Object(values)
        }
        ("args", Value::Array(args)) => {
            let text = |arg: &Value| arg.as_str().unwrap_or_default().to_owned();
            let args: Vec<String> = args.iter().map(text).collect();
            masked::arguments(&args).into()
        }
        ("url" | "oauth_resource", Value::String(url)) => masked::url(&url).into(),
        (_, value) => value,
    }
}

/// The source of a server.
fn source(resolved: &Resolved, name: &str) -> String {
    let config = resolved.host.configuration().runtime();
    if let Some(plugin) = config.plugin_owners().get(name) {
        return format!("plugin {plugin}");
    }
    let by_host = name == CODEX_APPS && config.legacy_loader_active();
    if by_host { "host".to_owned() } else { "config".to_owned() }
}
