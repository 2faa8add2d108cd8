//! Refreshes that go wrong: a proxy in front of the token endpoints, which the stored logins name.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// The faults that need the proxy.
const FAULTS: [&str; 4] = [
    "each-call-refreshes",
    "keeps-the-first-refresh-token",
    "retries-a-lost-refresh",
    "never-refreshes",
];

/// A host whose new tokens are not stored where the next one looks.
pub(crate) const NOT_STORED: &str = "does-not-store-the-refreshed-token";

/// Stands between a host and all token endpoints.
pub(crate) struct Proxy {
    port: u16,
}

impl Proxy {
    /// The proxy of this fault, if it has one. `calls` counts the tool calls without an answer.
    pub(crate) fn of(
        fault: &str,
        calls: impl Fn() -> usize + Send + Sync + 'static,
    ) -> Option<Self> {
        let fault = *FAULTS.iter().find(|known| **known == fault)?;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (calls, first) = (Arc::new(calls), Arc::new(Mutex::default()));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (calls, first) = (Arc::clone(&calls), Arc::clone(&first));
                thread::spawn(move || serve(fault, stream, calls(), &first));
            }
        });
        Some(Self { port })
    }

    /// Puts the proxy into the stored logins that do not name it.
    pub(crate) fn enter(&self, home: &Path) {
        let file = home.join(".credentials.json");
        let text = std::fs::read(&file).unwrap_or_default();
        let Ok(Value::Object(mut all)) = serde_json::from_slice(&text) else { return };
        let mut is_new = false;
        for entry in all.values_mut().filter(|entry| entry.get("authorization_server").is_none()) {
            let url = entry["server_url"].as_str().unwrap_or_default().to_string();
            let upstream = url.strip_prefix("http://127.0.0.1:").unwrap_or_default();
            let endpoint = format!("http://127.0.0.1:{}/{upstream}/token", self.port);
            entry["authorization_server"] = json!({"issuer": url,
                "authorization_endpoint": url, "token_endpoint": endpoint});
            is_new = true;
        }
        if is_new {
            let beside = home.join(".credentials.json.new");
            std::fs::write(&beside, Value::Object(all).to_string()).unwrap();
            std::fs::rename(beside, file).unwrap();
        }
    }
}

/// The first refresh token of each token endpoint.
type First = Mutex<BTreeMap<String, String>>;

fn serve(fault: &str, mut stream: TcpStream, calls: usize, first: &First) {
    let Some((path, mut body)) = request(&stream) else { return };
    if fault == "never-refreshes" {
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
        return;
    }
    if fault == "keeps-the-first-refresh-token" {
        let fields = body.split('&').map(|field| match field.strip_prefix("refresh_token=") {
            Some(token) => {
                let mut first = first.lock().unwrap();
                let token = first.entry(path.clone()).or_insert_with(|| token.into());
                format!("refresh_token={token}")
            }
            None => field.into(),
        });
        body = fields.collect::<Vec<_>>().join("&");
    }
    let times = if fault == "each-call-refreshes" { calls.max(1) } else { 1 };
    let others: Vec<_> = (1..times)
        .map(|_| {
            let (path, body) = (path.clone(), body.clone());
            thread::spawn(move || forward(&path, &body))
        })
        .collect();
    let mut answer = forward(&path, &body);
    if fault == "retries-a-lost-refresh" && is_cut(&answer) {
        answer = forward(&path, &body);
    }
    others.into_iter().for_each(|other| {
        let _ = other.join();
    });
    let _ = stream.write_all(&answer);
}

/// The path and the body of a request.
fn request(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_string();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, String::from_utf8(body).ok()?))
}

/// Sends a refresh on. The path begins with the port.
fn forward(path: &str, body: &str) -> Vec<u8> {
    let exchange = || {
        let (port, path) = path.strip_prefix('/')?.split_once('/')?;
        let mut upstream = TcpStream::connect(format!("127.0.0.1:{port}")).ok()?;
        let head = format!(
            "POST /{path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        upstream.write_all(head.as_bytes()).ok()?;
        let mut answer = Vec::new();
        // What was read before an error counts.
        let _ = upstream.read_to_end(&mut answer);
        Some(answer)
    };
    exchange().unwrap_or_default()
}

/// Whether an answer ends before its JSON does.
fn is_cut(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.starts_with("HTTP/1.1 200") && !text.trim_end().ends_with('}')
}
