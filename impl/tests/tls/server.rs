//! A plain server that is an MCP server, an authorization server and a token endpoint.

use mcp_overlay_host::Environment;
use mcp_overlay_host::connection::{ConnectContext, ConnectOptions, Executor};
use reqwest::Url;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// With `protected`, MCP requires a token, which must be refreshed immediately.
pub(crate) async fn start(protected: bool) -> MockServer {
    let server = MockServer::start().await;
    let respond = move |request: &Request| respond(request, protected);
    Mock::given(any()).respond_with(respond).mount(&server).await;
    server
}

fn respond(request: &Request, protected: bool) -> ResponseTemplate {
    // The URL of the TLS front.
    let host = request.headers.get("host").unwrap().to_str().unwrap();
    let at = |path: &str| format!("https://{host}{path}");
    let found = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    match request.url.path() {
        "/mcp" if protected && !request.headers.contains_key("authorization") => {
            ResponseTemplate::new(401)
        }
        "/mcp" => mcp(request),
        "/.well-known/oauth-authorization-server" => found(json!({
            "issuer": at(""),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "registration_endpoint": at("/register"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        })),
        "/register" => found(json!({ "client_id": "registered", "redirect_uris": [] })),
        "/authorize" => {
            let of = |name| request.url.query_pairs().find(|(key, _)| key == name).unwrap().1;
            let mut back = Url::parse(&of("redirect_uri")).unwrap();
            back.query_pairs_mut().append_pair("code", "code-1").append_pair("state", &of("state"));
            ResponseTemplate::new(302).insert_header("location", back.as_str())
        }
        "/token" => {
            let refresh = String::from_utf8_lossy(&request.body).contains("refresh_token");
            let token = if refresh { "access-2" } else { "access-1" };
            let seconds = if refresh { 3600 } else { 0 };
            found(json!({ "access_token": token, "token_type": "bearer",
                "refresh_token": "refresh-1", "expires_in": seconds }))
        }
        _ => ResponseTemplate::new(404),
    }
}

/// What an MCP server that lists no tools answers.
pub(crate) fn mcp(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let result = match body["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "secure", "version": "1" },
        }),
        Some("tools/list") => json!({ "tools": [] }),
        Some("tools/call") => json!({ "content": [] }),
        Some(_) => return ResponseTemplate::new(202),
        None => return ResponseTemplate::new(405),
    };
    let answer = json!({ "jsonrpc": "2.0", "id": body["id"], "result": result });
    ResponseTemplate::new(200).set_body_json(answer)
}

/// The paths and tokens of all requests.
pub(crate) async fn seen(server: &MockServer) -> Vec<(String, Option<String>)> {
    let requests = server.received_requests().await.unwrap();
    let token = |request: &Request| {
        Some(request.headers.get("authorization")?.to_str().unwrap().to_owned())
    };
    requests.iter().map(|request| (request.url.path().to_owned(), token(request))).collect()
}

pub(crate) fn context(environment: Environment) -> ConnectContext {
    ConnectContext {
        environment,
        host_credentials: None,
        oauth: None,
        executor: Executor::None,
        options: ConnectOptions::default(),
        cwd: None,
    }
}
