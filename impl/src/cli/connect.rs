//! `mcp-overlay-host connect`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use mcp_overlay_host::connect_url::{Answers, Browser, ConnectUrl, connect_url, parse_call};
use mcp_overlay_host::connection::{ConnectError, JsonObject};
use mcp_overlay_host::printable::one_line;
use mcp_overlay_host::{Environment, Redacted};

use super::stop::{Outcome, Stop};

/// Connects to one MCP server by its URL.
///
/// Logs in if the server requires that, lists its tools, and calls the tools given with `--call`.
/// Reads no configuration and stores nothing: tokens are kept in memory only.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The http or https URL of the server.
    url: String,
    /// The timeout of each request and of a login.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Calls a tool, with arguments as a JSON object: `--call 'add={"a":1,"b":2}'`. May be
    /// repeated.
    #[arg(long = "call", value_name = "TOOL[=JSON]", value_parser = parse_call)]
    calls: Vec<(String, Option<JsonObject>)>,
    /// Answers elicitations of the server with their defaults, instead of declining them.
    #[arg(long)]
    answer_with_defaults: bool,
    /// Requests these scopes at the login, instead of those that the server names.
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// The client id at the authorization server. By default this program registers a client.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The environment variable that holds the client's secret.
    #[arg(long, value_name = "VARIABLE", requires = "client_id")]
    client_secret_env: Option<String>,
    /// The https URL of a client ID metadata document, for authorization servers that support it.
    #[arg(long, value_name = "URL")]
    client_metadata_url: Option<String>,
    /// Fetches the login URL itself instead of printing it. For tests, with authorization servers
    /// that ask no question.
    #[arg(long)]
    headless_login: bool,
    /// Prints everything as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    let env = Environment::from_process();
    let client_secret = arguments.client_secret_env.as_ref().map(|variable| {
        let secret = env.get(variable).and_then(|value| value.to_str());
        let unset = || Stop::misuse(format!("{variable} is not set to a non-empty UTF-8 text"));
        secret.filter(|secret| !secret.is_empty()).map(Redacted::from).ok_or_else(unset)
    });
    let request = ConnectUrl {
        url: arguments.url,
        timeout: Duration::from_secs(arguments.timeout),
        calls: arguments.calls,
        answer_with_defaults: arguments.answer_with_defaults,
        scopes: arguments.scopes,
        client_id: arguments.client_id,
        client_secret: client_secret.transpose()?,
        client_metadata_url: arguments.client_metadata_url,
        environment: env,
    };
    let browser = if arguments.headless_login {
        Browser::Headless
    } else {
        Browser::Person(Arc::new(|url| {
            // If this cannot be written, the login times out.
            let _ = writeln!(anstream::stderr(), "Log in with a browser:\n  {url}");
        }))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Stop::failed(format!("cannot start the runtime: {error}")))?;
    let names: Vec<String> = request.calls.iter().map(|(tool, _)| tool.clone()).collect();
    let answers = runtime.block_on(connect_url(request, browser)).map_err(|error| match error {
        ConnectError::InvalidUrl { .. } => {
            Stop::misuse("the URL is not an http or https URL without user and password")
        }
        error => Stop::failed(error),
    })?;
    let failed = answers.results.iter().any(|result| result.is_error == Some(true));
    // A closed output is not a failure.
    let _ = if arguments.json { print_json(&answers) } else { print(&answers, &names) };
    if failed { Err(Stop::failed("a tool failed")) } else { Ok(()) }
}

fn print_json(answers: &Answers) -> std::io::Result<()> {
    let Answers { server_info, tools, results } = answers;
    let all = serde_json::json!({ "serverInfo": server_info, "tools": tools, "results": results });
    writeln!(anstream::stdout(), "{all}")
}

fn print(answers: &Answers, names: &[String]) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    match &answers.server_info {
        Some(info) => writeln!(out, "server: {} {}", plain(&info.name), plain(&info.version))?,
        None => writeln!(out, "server: unnamed")?,
    }
    writeln!(out, "tools: {}", answers.tools.len())?;
    for tool in &answers.tools {
        let about = tool.description.as_deref().unwrap_or_default();
        let about = about.lines().next().unwrap_or_default();
        let line = format!("  {}  {}", plain(&tool.name), plain(about));
        writeln!(out, "{}", line.trim_end())?;
    }
    for (name, result) in names.iter().zip(&answers.results) {
        let result = serde_json::to_string(result).unwrap_or_default();
        writeln!(out, "{}: {result}", plain(name))?;
    }
    Ok(())
}

/// A server's text, short and on one line.
fn plain(text: &str) -> String {
    one_line(text, 200)
}
