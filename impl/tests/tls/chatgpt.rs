//! Rules `credentials.where-auth-says` and `status.auth`, at `https://chatgpt.com` itself: a proxy
//! takes the program to a server of this test that has a certificate for that name.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines,
    copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::front::Front;
use crate::server::mcp;

const NAMES: [&str; 3] = ["chatgpt.com", "chat.openai.com", "evil.example"];
const TOKEN: &str = "access-token-of-the-host";
const ACCOUNT: &str = "account-of-the-host";

/// Servers that could get the host's credentials. The path of each is its name.
const SETTINGS: &str = r#"
[mcp_servers.field]
url = "https://chatgpt.com/field"
auth = "chatgpt"
http_headers = { ChatGPT-Account-ID = "configured" }
[mcp_servers.off]
url = "https://chatgpt.com/off"
auth = "chatgpt"
enabled = false
[mcp_servers.no_field]
url = "https://chatgpt.com/no_field"
[mcp_servers.oauth]
url = "https://chatgpt.com/oauth"
auth = "oauth"
[mcp_servers.port]
url = "https://chatgpt.com:8443/port"
auth = "chatgpt"
[mcp_servers.openai]
url = "https://chat.openai.com/openai"
auth = "chatgpt"
[mcp_servers.evil]
url = "https://evil.example/evil"
auth = "chatgpt"
[mcp_servers.variable]
url = "https://chatgpt.com/variable"
auth = "chatgpt"
bearer_token_env_var = "OWN_TOKEN"
[mcp_servers.header]
url = "https://chatgpt.com/header"
auth = "chatgpt"
http_headers = { AUTHORIZATION = "Basic own" }
[mcp_servers.env_header]
url = "https://chatgpt.com/env_header"
auth = "chatgpt"
env_http_headers = { authorization = "OWN_HEADER" }
[mcp_servers.unset_header]
url = "https://chatgpt.com/unset_header"
auth = "chatgpt"
env_http_headers = { Authorization = "UNSET" }
"#;

/// A server that answers at every path, and offers no OAuth.
async fn upstream() -> MockServer {
    let server = MockServer::start().await;
    let respond = |request: &Request| match request.url.path() {
        path if path.contains(".well-known") => ResponseTemplate::new(404),
        _ => mcp(request),
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    server
}

/// A proxy that takes every tunnel to `to`.
async fn proxy(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                assert!(head.starts_with(b"CONNECT "), "{}", String::from_utf8_lossy(&head));
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    at
}

fn chatgpt(token: &str, account: &str) -> Value {
    json!({ "OPENAI_API_KEY": null, "tokens": {
        "id_token": "e30.e30.c2ln", "access_token": token, "refresh_token": "rt",
        "account_id": account,
    }, "last_refresh": "2026-06-09T20:44:16Z" })
}

/// What each server was sent as `Authorization` and `ChatGPT-Account-ID`.
type Sent = BTreeMap<String, (Option<String>, Option<String>)>;

/// The program as an app-server, and the servers that it connects to.
struct Program {
    process: Child,
    answers: Lines<BufReader<ChildStdout>>,
    upstream: MockServer,
    _front: Front,
}

impl Program {
    async fn start(profile: &str, sign_in: &Value) -> Self {
        let upstream = upstream().await;
        let front = Front::named(*upstream.address(), &NAMES).await;
        let proxy = proxy(front.address()).await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-overlay-host"));
        command.args(["app-server", "--orchestrator", "--profile", profile]).env_clear();
        command.env("HTTPS_PROXY", format!("http://{proxy}"));
        command.env("CODEX_CA_CERTIFICATE", front.ca());
        command.env("MCP_OVERLAY_CONFIG_TOML", SETTINGS);
        command.env("MCP_OVERLAY_AUTH_JSON", sign_in.to_string());
        command.env("OWN_TOKEN", "own").env("OWN_HEADER", "Basic own");
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut program = Self { process, answers, upstream, _front: front };
        let client = json!({ "clientInfo": { "name": "test", "version": "1" } });
        program.request("initialize", client).await;
        program
    }

    /// The result of this request. Its id is the method.
    async fn request(&mut self, method: &str, params: Value) -> Value {
        let request = json!({ "id": method, "method": method, "params": params });
        let input = self.process.stdin.as_mut().unwrap();
        input.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        loop {
            let answer = self.answers.next_line().await.unwrap().unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            if answer["id"] == method {
                assert!(answer.get("error").is_none(), "{answer}");
                return answer["result"].clone();
            }
        }
    }

    async fn finish(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().await.unwrap().success());
    }
}

/// Lists the status of all servers: the auth status of each, and what each was sent.
async fn listed(profile: &str, sign_in: Value) -> (BTreeMap<String, String>, Sent) {
    let mut program = Program::start(profile, &sign_in).await;
    let answer = program.request("mcpServerStatus/list", json!({})).await;
    let word = |server: &Value, key: &str| server[key].as_str().unwrap().to_owned();
    let servers = answer["data"].as_array().unwrap();
    let status = servers.iter().map(|of| (word(of, "name"), word(of, "authStatus"))).collect();
    let sent = sent(&program.upstream).await;
    program.finish().await;
    (status, sent)
}

async fn sent(upstream: &MockServer) -> Sent {
    let mut sent = Sent::new();
    for request in upstream.received_requests().await.unwrap() {
        let of =
            |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let path = request.url.path();
        if path.contains(".well-known") {
            // No discovery carries the host's credentials.
            assert!(!format!("{request:?}").contains(TOKEN) && !path.contains(ACCOUNT));
            continue;
        }
        let name = path.rsplit('/').next().unwrap().to_owned();
        let carried = (of("authorization"), of("chatgpt-account-id"));
        // All requests to a server carry the same.
        assert_eq!(*sent.entry(name).or_insert_with(|| carried.clone()), carried, "{path}");
    }
    sent
}

fn expected(entries: &[(&str, Option<&str>, Option<&str>)]) -> Sent {
    let owned = |text: &Option<&str>| text.map(str::to_owned);
    let entries = entries
        .iter()
        .map(|(name, token, account)| ((*name).to_owned(), (owned(token), owned(account))));
    entries.collect()
}

fn statuses(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_sends_its_credentials_where_the_field_says() {
    let host = format!("Bearer {TOKEN}");
    let (host, account) = (Some(host.as_str()), Some(ACCOUNT));
    for profile in ["codex-pr-29924", "codex-pr-31803"] {
        let (status, sent) = listed(profile, chatgpt(TOKEN, ACCOUNT)).await;
        let own = Some("Basic own");
        let wanted = expected(&[
            ("env_header", own, None),
            ("evil", None, None),
            ("field", host, account),
            ("header", own, None),
            // The Apps server: its path ends with this.
            ("mcp", host, account),
            ("no_field", None, None),
            ("oauth", None, None),
            ("openai", None, None),
            ("port", None, None),
            ("unset_header", None, None),
            ("variable", Some("Bearer own"), None),
        ]);
        assert_eq!(sent, wanted, "{profile}");
        let wanted = statuses(&[
            ("codex_apps", "bearerToken"),
            ("env_header", "bearerToken"),
            ("evil", "unsupported"),
            ("field", "bearerToken"),
            ("header", "bearerToken"),
            ("no_field", "unsupported"),
            ("oauth", "unsupported"),
            ("off", "unsupported"),
            ("openai", "unsupported"),
            ("port", "unsupported"),
            ("unset_header", "bearerToken"),
            ("variable", "bearerToken"),
        ]);
        assert_eq!(status, wanted, "{profile}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_backend_auth_no_server_gets_anything_of_the_host() {
    for sign_in in [json!({ "OPENAI_API_KEY": "sk-of-the-host" }), json!({})] {
        let (status, sent) = listed("codex-pr-29924", sign_in).await;
        assert!(!status.contains_key("codex_apps"));
        assert_eq!((&*status["field"], &*status["variable"]), ("unsupported", "bearerToken"));
        // The configured account is sent, since nothing of the host's is.
        assert_eq!(sent["field"], (None, Some("configured".to_owned())));
        assert!(!format!("{sent:?}").contains("sk-of-the-host"), "{sent:?}");
        assert_eq!(sent["variable"].0.as_deref(), Some("Bearer own"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_field_only_the_apps_server_gets_them() {
    for profile in ["codex-pr-27191", "codex-pr-27198", "codex-pr-27414"] {
        let (status, mut sent) = listed(profile, chatgpt(TOKEN, ACCOUNT)).await;
        assert_eq!((&*status["codex_apps"], &*status["field"]), ("bearerToken", "unsupported"));
        let apps = if profile == "codex-pr-27191" { "apps" } else { "mcp" };
        let (token, account) = sent.remove(apps).unwrap();
        assert_eq!(token.as_deref(), Some(&*format!("Bearer {TOKEN}")), "{profile}");
        assert_eq!(account.as_deref(), Some(ACCOUNT), "{profile}");
        let rest = format!("{sent:?}");
        assert!(!rest.contains(TOKEN) && !rest.contains(ACCOUNT), "{profile}: {rest}");
        assert_eq!(sent.len(), 10, "{profile}: {rest}");
    }
}

/// A connection with the host's credentials ends with the sign-in that it was made for.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_carries_what_the_sign_in_of_that_moment_allows() {
    let mut program = Program::start("codex-pr-29924", &chatgpt(TOKEN, ACCOUNT)).await;
    let thread = program.request("thread/start", json!({})).await["thread"]["id"].clone();
    let call = json!({
        "threadId": thread, "server": "field", "tool": "any", "arguments": {},
    });
    let other = chatgpt("another-token", "another-account");
    for sign_in in [None, Some(json!(null)), Some(other)] {
        if let Some(auth) = sign_in {
            program.request("config/mcpServer/reload", json!({ "auth": auth })).await;
        }
        program.request("mcpServer/tool/call", call.clone()).await;
    }
    let requests = program.upstream.received_requests().await.unwrap();
    let calls = requests.iter().filter(|request| {
        request.url.path() == "/field"
            && String::from_utf8_lossy(&request.body).contains("tools/call")
    });
    let carried = calls.map(|request| {
        ["authorization", "chatgpt-account-id"]
            .map(|name| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned()))
    });
    let host = format!("Bearer {TOKEN}");
    let expected = [
        [Some(host.as_str()), Some(ACCOUNT)],
        [None, Some("configured")],
        [Some("Bearer another-token"), Some("another-account")],
    ];
    assert_eq!(
        carried.collect::<Vec<_>>(),
        expected.map(|pair| pair.map(|text| text.map(str::to_owned)))
    );
    program.finish().await;
}
