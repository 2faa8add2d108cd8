//! An MCP server hosted by `wiremock`, which remembers every request.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The endpoint's behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers with `application/json`.
    Json,
    /// Answers with `text/event-stream`.
    Events,
    /// Answers every request with this status.
    Status(u16),
    /// Answers every request with invalid JSON, labelled as JSON.
    Garbage,
    /// Accepts every request and answers much later than any startup timeout.
    Hang,
    /// Redirects every request to another origin.
    RedirectTo(String),
}

/// A hosted endpoint.
#[derive(Debug)]
pub struct AppsEndpoint {
    server: MockServer,
}

impl AppsEndpoint {
    /// Starts an endpoint on a free loopback port; dropping it stops it.
    pub async fn start(behaviour: Behaviour) -> Self {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Answers(behaviour)).mount(&server).await;
        AppsEndpoint { server }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        self.server.uri()
    }

    /// All requests so far, in order.
    pub async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap_or_default()
    }
}

struct Answers(Behaviour);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        match &self.0 {
            Behaviour::Status(status) => ResponseTemplate::new(*status),
            Behaviour::Garbage => {
                ResponseTemplate::new(200).set_body_raw("{not json", "application/json")
            }
            Behaviour::Hang => ResponseTemplate::new(200).set_delay(Duration::from_secs(3600)),
            Behaviour::RedirectTo(url) => {
                ResponseTemplate::new(307).insert_header("Location", url.as_str())
            }
            Behaviour::Json | Behaviour::Events => self.mcp(request),
        }
    }
}

impl Answers {
    fn mcp(&self, request: &Request) -> ResponseTemplate {
        if request.method.as_str() != "POST" {
            return ResponseTemplate::new(405);
        }
        let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(id) = message.get("id") else {
            return ResponseTemplate::new(202);
        };
        let answer = match message.get("method").and_then(Value::as_str) {
            Some("initialize") => json!({"jsonrpc": "2.0", "id": id, "result": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "apps", "version": "1"},
            }}),
            Some("tools/list") => json!({"jsonrpc": "2.0", "id": id, "result": {
                "tools": [{"name": "calendar_list", "inputSchema": {"type": "object"}}],
            }}),
            _ => json!({"jsonrpc": "2.0", "id": id, "error": {
                "code": -32601, "message": "method not found",
            }}),
        };
        if self.0 == Behaviour::Events {
            let body = format!("event: message\ndata: {answer}\n\n");
            ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
        } else {
            ResponseTemplate::new(200).set_body_json(answer)
        }
    }
}
