//! An MCP server for tests and load, whose arguments set its speed and its faults.
//!
//! Implements the protocol without the library of the host, so that they do not share a
//! misunderstanding. Its HTTP responses are plain JSON, never event streams.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::net::Ipv4Addr;
use std::process::exit;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const USAGE: &str = "\
usage: mcp-test-server stdio [OPTION]...
       mcp-test-server http [--port N] [--path /mcp] [--count N] [OPTION]...

  --port N           port on 127.0.0.1; 0, the default, takes a free one
  --path PATH        where the server is mounted, /mcp by default
  --count N          N servers on one port, at /1/mcp to /N/mcp, named NAME-1 to NAME-N
  --name NAME        what the server calls itself
  --tools A,B        the tools; echo, env and pid by default, any other name echoes
  --resources        offers test://text, test://blob and the template test://echo/{text}
  --delay-ms N       waits before the answer to initialize
  --call-delay-ms N  waits before the answer to a tool call
  --crash-after N    answers N requests and dies, with status 70, at the next
  --no-exit-on-eof   goes on when standard input ends; without it that is the end

An HTTP server prints a line `listening on URL` for each server once all of them are.";

/// The exit status of an intended crash, different from that of a panic.
const CRASH_STATUS: i32 = 70;
/// Larger requests are refused.
const LARGEST_BODY: usize = 64 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mode, options) = match Options::read(&arguments) {
        Ok(read) => read,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            exit(2);
        }
    };
    match mode {
        Mode::Stdio => serve_stdio(options).await,
        Mode::Http => serve_http(options).await?,
    }
    Ok(())
}

enum Mode {
    Stdio,
    Http,
}

#[derive(Clone)]
struct Options {
    port: u16,
    path: String,
    count: usize,
    name: String,
    tools: Vec<String>,
    resources: bool,
    delay: Duration,
    call_delay: Duration,
    crash_after: Option<u64>,
    exit_on_eof: bool,
}

impl Options {
    fn read(arguments: &[String]) -> Result<(Mode, Self), String> {
        let mut arguments = arguments.iter();
        let mode = match arguments.next().map(String::as_str) {
            Some("stdio") => Mode::Stdio,
            Some("http") => Mode::Http,
            _ => return Err("the first argument is stdio or http".to_owned()),
        };
        let mut options = Self {
            port: 0,
            path: "/mcp".to_owned(),
            count: 1,
            name: "mcp-test-server".to_owned(),
            tools: ["echo", "env", "pid"].map(str::to_owned).to_vec(),
            resources: false,
            delay: Duration::ZERO,
            call_delay: Duration::ZERO,
            crash_after: None,
            exit_on_eof: true,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments.next().cloned().ok_or_else(|| format!("{argument} has no value after it"))
            };
            match argument.as_str() {
                "--port" => options.port = number(argument, &value()?)?,
                "--path" => options.path = value()?,
                "--count" => options.count = number(argument, &value()?)?,
                "--name" => options.name = value()?,
                "--tools" => {
                    let names = value()?;
                    options.tools = names
                        .split(',')
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned)
                        .collect();
                }
                "--resources" => options.resources = true,
                "--delay-ms" => options.delay = Duration::from_millis(number(argument, &value()?)?),
                "--call-delay-ms" => {
                    options.call_delay = Duration::from_millis(number(argument, &value()?)?);
                }
                "--crash-after" => options.crash_after = Some(number(argument, &value()?)?),
                "--no-exit-on-eof" => options.exit_on_eof = false,
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok((mode, options))
    }
}

fn number<T: FromStr>(option: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{option}: {text} is not a number it can use"))
}

/// One MCP server, over stdio or HTTP.
struct Server {
    options: Options,
    requests: AtomicU64,
    sessions: Mutex<BTreeSet<String>>,
    sessions_made: AtomicU64,
}

impl Server {
    fn new(options: Options) -> Self {
        Self {
            options,
            requests: AtomicU64::new(0),
            sessions: Mutex::default(),
            sessions_made: AtomicU64::new(0),
        }
    }

    /// The response to a message; none to a notification or a response.
    async fn answer(&self, message: &Value) -> Option<Value> {
        let (id, method) = (message.get("id")?, message.get("method")?);
        let earlier = self.requests.fetch_add(1, Ordering::Relaxed);
        if self.options.crash_after.is_some_and(|last| earlier >= last) {
            exit(CRASH_STATUS);
        }
        let none = json!({});
        let params = message.get("params").unwrap_or(&none);
        let outcome = match method.as_str() {
            Some("initialize") => {
                tokio::time::sleep(self.options.delay).await;
                Ok(self.initialize(params))
            }
            Some("ping") => Ok(json!({})),
            Some("tools/list") => Ok(self.tools()),
            Some("tools/call") => {
                tokio::time::sleep(self.options.call_delay).await;
                self.call(params)
            }
            Some("resources/list") if self.options.resources => Ok(json!({"resources": [
                {"uri": "test://text", "name": "text", "mimeType": "text/plain"},
                {"uri": "test://blob", "name": "blob", "mimeType": "application/octet-stream"},
            ]})),
            Some("resources/templates/list") if self.options.resources => {
                Ok(json!({"resourceTemplates": [
                    {"uriTemplate": "test://echo/{text}", "name": "echo", "mimeType": "text/plain"},
                ]}))
            }
            Some("resources/read") if self.options.resources => read_resource(params),
            _ => Err((-32601, format!("no method {method}"))),
        };
        Some(match outcome {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err((code, message)) => error(id, code, &message),
        })
    }

    fn initialize(&self, params: &Value) -> Value {
        let mut capabilities = json!({"tools": {}});
        if self.options.resources
            && let Some(capabilities) = capabilities.as_object_mut()
        {
            capabilities.insert("resources".to_owned(), json!({}));
        }
        json!({
            // Accepts every version: the messages of this server are the same in all.
            "protocolVersion": params.get("protocolVersion").unwrap_or(&json!("2025-06-18")),
            "capabilities": capabilities,
            "serverInfo": {"name": self.options.name, "version": env!("CARGO_PKG_VERSION")},
        })
    }

    fn tools(&self) -> Value {
        let tool = |name: &String| match name.as_str() {
            "env" => json!({
                "name": name,
                "description": "The values of the environment variables of these names",
                "inputSchema": {
                    "type": "object",
                    "properties": {"names": {"type": "array", "items": {"type": "string"}}},
                    "required": ["names"],
                },
            }),
            "pid" => json!({
                "name": name,
                "description": "The server's process",
                "inputSchema": {"type": "object"},
            }),
            _ => json!({
                "name": name,
                "description": "The arguments and the _meta of the call",
                "inputSchema": {"type": "object"},
            }),
        };
        json!({"tools": self.options.tools.iter().map(tool).collect::<Vec<_>>()})
    }

    fn call(&self, params: &Value) -> Outcome {
        let name = text(params, "name")?;
        if !self.options.tools.iter().any(|tool| tool == name) {
            return Err((-32602, format!("no tool {name}")));
        }
        let arguments = params.get("arguments").unwrap_or(&Value::Null);
        let structured = match name {
            "env" => {
                let names = arguments.get("names").and_then(Value::as_array).into_iter().flatten();
                names
                    .filter_map(Value::as_str)
                    .map(|name| (name.to_owned(), json!(std::env::var(name).ok())))
                    .collect()
            }
            "pid" => json!({"pid": std::process::id()}),
            _ => json!({"arguments": arguments, "_meta": params.get("_meta")}),
        };
        Ok(json!({
            "content": [{"type": "text", "text": structured.to_string()}],
            "structuredContent": structured,
        }))
    }
}

/// A result, or an error's code and message.
type Outcome = Result<Value, (i64, String)>;

fn read_resource(params: &Value) -> Outcome {
    let uri = text(params, "uri")?;
    let content = match uri {
        "test://text" => json!({"uri": uri, "mimeType": "text/plain", "text": "a text"}),
        "test://blob" => {
            json!({"uri": uri, "mimeType": "application/octet-stream", "blob": "AAECA/8="})
        }
        _ => match uri.strip_prefix("test://echo/") {
            Some(text) => json!({"uri": uri, "mimeType": "text/plain", "text": text}),
            None => return Err((-32002, format!("no resource {uri}"))),
        },
    };
    Ok(json!({"contents": [content]}))
}

fn text<'a>(params: &'a Value, key: &str) -> Result<&'a str, (i64, String)> {
    params.get(key).and_then(Value::as_str).ok_or_else(|| (-32602, format!("{key} is no text")))
}

fn error(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

/// Handles requests concurrently.
async fn serve_stdio(options: Options) {
    let exit_on_eof = options.exit_on_eof;
    let server = Arc::new(Server::new(options));
    let (lines, mut received) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    while let Some(line) = received.recv().await {
        if line.trim().is_empty() {
            continue;
        }
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            print_line(&error(&Value::Null, -32700, "not JSON").to_string());
            continue;
        };
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            if let Some(answer) = server.answer(&message).await {
                print_line(&answer.to_string());
            }
        });
    }
    if !exit_on_eof {
        std::future::pending::<()>().await;
    }
}

/// Exits if the reader is gone.
fn print_line(line: &str) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
        exit(0);
    }
}

async fn serve_http(options: Options) -> io::Result<()> {
    if options.exit_on_eof {
        std::thread::spawn(|| {
            let _ended = io::stdin().lock().read_to_end(&mut Vec::new());
            exit(0);
        });
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let address = listener.local_addr()?;
    let mut servers = Vec::new();
    if options.count == 1 {
        servers.push((options.path.clone(), Server::new(options)));
    } else {
        for number in 1..=options.count {
            let mut options = options.clone();
            options.name = format!("{}-{number}", options.name);
            servers.push((format!("/{number}{}", options.path), Server::new(options)));
        }
    }
    for (path, _) in &servers {
        print_line(&format!("listening on http://{address}{path}"));
    }
    let servers: Arc<[(String, Server)]> = servers.into();
    loop {
        // Fails with too many open files: a later attempt of the client may succeed.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let servers = Arc::clone(&servers);
        tokio::spawn(async move {
            // Ignores a client that disconnects during a request.
            let _closed = serve_connection(stream, &servers).await;
        });
    }
}

async fn serve_connection(stream: TcpStream, servers: &[(String, Server)]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await? {
        let response = match request.refusal {
            Some(status) => Response::empty(status),
            None => match servers.iter().find(|(path, _)| *path == request.path) {
                Some((_, server)) => respond(server, &request).await,
                None => Response::empty("404 Not Found"),
            },
        };
        stream.write_all(response.to_bytes().as_slice()).await?;
        if request.refusal.is_some() {
            break;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Request {
    method: String,
    path: String,
    session: Option<String>,
    body: Vec<u8>,
    /// The status for a request whose body was not read; the connection is closed after it.
    refusal: Option<&'static str>,
}

/// The next request on the connection; none if the client closed it.
async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Request::default()
    };
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => match value.parse() {
                Ok(bytes) if bytes <= LARGEST_BODY => length = bytes,
                _ => request.refusal = Some("413 Content Too Large"),
            },
            "transfer-encoding" => request.refusal = Some("411 Length Required"),
            "mcp-session-id" => request.session = Some(value.to_owned()),
            _ => {}
        }
    }
    if request.refusal.is_none() {
        request.body.resize(length, 0);
        stream.read_exact(&mut request.body).await?;
    }
    Ok(Some(request))
}

struct Response {
    status: &'static str,
    session: Option<String>,
    body: Option<Value>,
}

impl Response {
    fn empty(status: &'static str) -> Self {
        Self { status, session: None, body: None }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        if let Some(session) = &self.session {
            head += &format!("Mcp-Session-Id: {session}\r\n");
        }
        if self.status.starts_with("405") {
            head += "Allow: POST, DELETE\r\n";
        }
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            head += "Content-Type: application/json\r\n";
        }
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
}

async fn respond(server: &Server, request: &Request) -> Response {
    match request.method.as_str() {
        "POST" => post(server, request).await,
        "DELETE" => {
            let session = request.session.as_deref().unwrap_or_default();
            let ended = lock(&server.sessions).remove(session);
            Response::empty(if ended { "200 OK" } else { "404 Not Found" })
        }
        _ => Response::empty("405 Method Not Allowed"),
    }
}

async fn post(server: &Server, request: &Request) -> Response {
    let Ok(message) = serde_json::from_slice::<Value>(&request.body) else {
        let body = Some(error(&Value::Null, -32700, "not JSON"));
        return Response { body, ..Response::empty("400 Bad Request") };
    };
    let begins = message.get("method").is_some_and(|method| method == "initialize");
    if !begins {
        let Some(session) = &request.session else {
            return Response::empty("400 Bad Request");
        };
        if !lock(&server.sessions).contains(session) {
            return Response::empty("404 Not Found");
        }
    }
    let Some(answer) = server.answer(&message).await else {
        return Response::empty("202 Accepted");
    };
    let session = begins.then(|| {
        let number = server.sessions_made.fetch_add(1, Ordering::Relaxed);
        let session = format!("{}-{number}", server.options.name);
        lock(&server.sessions).insert(session.clone());
        session
    });
    Response { status: "200 OK", session, body: Some(answer) }
}

/// A panic in one request must not end other sessions.
fn lock(sessions: &Mutex<BTreeSet<String>>) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}
