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
/// Logs in if the server asks for that, lists its tools, and calls those that are asked for. Reads
/// no configuration and stores nothing: tokens are forgotten at the end.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The server, http or https.
    url: String,
    /// How long one request may take, and a login.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Calls a tool, with arguments as a JSON object: `--call 'add={"a":1,"b":2}'`. May be
    /// repeated.
    #[arg(long = "call", value_name = "TOOL[=JSON]", value_parser = parse_call)]
    calls: Vec<(String, Option<JsonObject>)>,
    /// Answers the server's questions with their defaults, instead of declining them.
    #[arg(long)]
    answer_with_defaults: bool,
    /// Asks for these scopes at the login, instead of those that the server names.
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// The client id that the authorization server knows; without it this program registers.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The environment variable that holds the client's secret.
    #[arg(long, value_name = "VARIABLE", requires = "client_id")]
    client_secret_env: Option<String>,
    /// The https URL of a client ID metadata document, for authorization servers that take one.
    #[arg(long, value_name = "URL")]
    client_metadata_url: Option<String>,
    /// Fetches the login page itself instead of showing its address. For authorization servers
    /// that ask nobody anything, in tests.
    #[arg(long)]
    headless_login: bool,
    /// Prints everything as one JSON object, as the server has sent it.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    let env = Environment::from_process();
    let client_secret = arguments.client_secret_env.as_ref().map(|variable| {
        let secret = env.get(variable).and_then(|value| value.to_str());
        let unset = || Stop::misuse(format!("{variable} is not set to a text"));
        secret.filter(|secret| !secret.is_empty()).map(Redacted::from).ok_or_else(unset)
    });
    let asked = ConnectUrl {
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
            // Where nobody listens nobody logs in either, and the login ends by itself.
            let _ = writeln!(anstream::stderr(), "Log in with a browser:\n  {url}");
        }))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::failed(format!("no threads: {error}")))?;
    let names: Vec<String> = asked.calls.iter().map(|(tool, _)| tool.clone()).collect();
    let answers = runtime.block_on(connect_url(asked, browser)).map_err(|error| match error {
        ConnectError::InvalidUrl { .. } => {
            Stop::misuse("the URL is not an http or https URL without user and password")
        }
        error => Stop::failed(error),
    })?;
    let failed = answers.results.iter().any(|result| result.is_error == Some(true));
    // A reader that has seen enough is no failure.
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
        None => writeln!(out, "server: it does not introduce itself")?,
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
