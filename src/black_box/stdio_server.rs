//! The stdio server of the cases: a small MCP server that reports how it was started.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::home::{ACCOUNT_ID, HOST_BEARER, LOGIN};
use crate::files::write_whole;
use crate::subject::process::secrets::holds;

/// The longest accepted message, in bytes.
const LONGEST_LINE: u64 = 1024 * 1024;

/// How a stdio server was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The arguments from the case.
    pub args: Vec<String>,
    /// The variables with names of one letter, which a case can set.
    pub env: BTreeMap<String, String>,
    /// Whether the arguments or the environment contain the host's credentials or a token of a
    /// login.
    pub has_host_credentials: bool,
}

impl Started {
    /// Describes this process.
    #[must_use]
    pub fn now(args: &[String]) -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let all: Vec<(String, String)> =
            std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
        let mut texts = args.iter().chain(all.iter().map(|(_, value)| value));
        let has_host_credentials = texts.any(|text| {
            [HOST_BEARER, ACCOUNT_ID, LOGIN].iter().any(|marker| holds(text.as_bytes(), marker))
        });
        let env = all.into_iter().filter(|(name, _)| name.len() == 1).collect();
        Started { args: args.to_vec(), env, has_host_credentials }
    }
}

/// Writes a file, named after `report`, that describes how the server was started; then serves MCP
/// until the end of input.
///
/// # Errors
/// Errors of the file and the pipes.
pub fn serve(
    report: Option<&Path>,
    args: &[String],
    input: impl BufRead,
    mut output: impl Write,
) -> io::Result<()> {
    if let Some(report) = report {
        let bytes = serde_json::to_vec(&Started::now(args))?;
        write_whole(&file_of(report, std::process::id()), &bytes)?;
    }
    let mut input = input;
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let message: Value = serde_json::from_slice(&line).unwrap_or_default();
        if let Some(answer) = answer(&message) {
            writeln!(output, "{answer}")?;
            output.flush()?;
        }
    }
}

/// What the process of a sequence's server says first to the checker.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The mark of the sequence.
    pub mark: String,
    /// The number of the server.
    pub number: usize,
    /// The number of the process.
    pub process: u32,
    /// Whether its arguments or its environment contain the host's credentials.
    pub has_secrets: bool,
    /// The arguments from the sequence.
    pub args: Vec<String>,
    /// Its variables with names of one capital letter, which a sequence can set.
    pub env: BTreeMap<String, String>,
}

/// Passes everything on to the checker at this address, and back, until either side ends.
///
/// # Errors
/// Errors of the connection and the pipes.
pub fn pass_on(
    to: std::net::SocketAddr,
    (mark, number): (&str, usize),
    args: &[String],
    mut input: impl Read,
    mut output: impl Write + Send + 'static,
) -> io::Result<()> {
    let mut socket = std::net::TcpStream::connect(to)?;
    socket.set_nodelay(true)?;
    let arguments: Vec<String> =
        std::env::args_os().map(|text| text.to_string_lossy().into_owned()).collect();
    let Started { has_host_credentials: has_secrets, mut env, .. } = Started::now(&arguments);
    env.retain(|name, _| name.bytes().all(|byte| byte.is_ascii_uppercase()));
    let (mark, process, args) = (mark.into(), std::process::id(), args.to_vec());
    let hello = Hello { mark, number, process, has_secrets, args, env };
    writeln!(socket, "{}", serde_json::to_string(&hello)?)?;
    let mut back = socket.try_clone()?;
    std::thread::spawn(move || {
        // The checker ended the connection: so does this server.
        let _ = io::copy(&mut back, &mut output);
        std::process::exit(1);
    });
    io::copy(&mut input, &mut socket)?;
    Ok(())
}

/// The report file of this process.
fn file_of(report: &Path, process: u32) -> PathBuf {
    let mut name = report.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{process}"));
    report.with_file_name(name)
}

/// Answers an MCP request; `None` for a notification.
pub(super) fn answer(message: &Value) -> Option<Value> {
    let id = message.get("id")?;
    let result = match message.get("method").and_then(Value::as_str) {
        Some("initialize") => {
            let asked = message.pointer("/params/protocolVersion");
            json!({
                "protocolVersion": asked.cloned().unwrap_or_else(|| "2025-06-18".into()),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "mcp-overlay-endpoint", "version": "1"},
            })
        }
        Some("tools/list") => json!({
            "tools": [{"name": "look", "inputSchema": {"type": "object"}}],
        }),
        Some("resources/list") => json!({"resources": []}),
        Some("resources/templates/list") => json!({"resourceTemplates": []}),
        Some("ping") => json!({}),
        _ => {
            let error = json!({"code": -32601, "message": "method not found"});
            return Some(json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}
