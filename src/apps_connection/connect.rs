//! Runs a scenario: the subject resolves, the production implementation connects, and the checker
//! inspects the requests.

use std::time::{Duration, Instant};

use mcp_overlay_host::connection::{
    AppsConnection, ConnectError, ConnectOptions, HostCredentials, connect_apps,
};
use mcp_overlay_host::{Environment, HostConfig, View};
use mcp_overlay_model::{Answer, CODEX_APPS, Case};
use serde_json::{Value, json};
use wiremock::Request;

use super::apps_server::{AppsEndpoint, Behaviour};
use super::scenario::{Credentials, Expect, SHORT_TIMEOUT, Scenario, TOKEN};
use crate::display::clipped;
use crate::subject::{Driver, Failure, HostInputs, Reply, ask_one};

const ACCESS_TOKEN: &str = "host-access-token";
const ACCOUNT: &str = "account-123";
const TOOL: &str = "calendar_list";

/// Tolerance for a slow machine; a hang lasts much longer.
const SLACK: Duration = Duration::from_secs(5);

/// Why a scenario failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The subject did not answer.
    #[error("{}: {}", .0.kind.word(), .0.message)]
    BrokeDown(Failure),
    /// The outcome differs from the specification; the text says what was expected and what
    /// happened.
    #[error("{0}")]
    Wrong(String),
}

impl From<String> for Problem {
    fn from(words: String) -> Self {
        Problem::Wrong(words)
    }
}

impl Scenario {
    /// Sets up the endpoint, resolves, connects, and inspects the requests.
    pub(super) async fn run(&self, driver: &dyn Driver) -> Result<(), Problem> {
        let elsewhere = AppsEndpoint::start(Behaviour::Json).await;
        let endpoint = AppsEndpoint::start(self.setting.behaviour(&elsewhere)).await;
        let case = self.case(&endpoint.origin());
        if let Some(auth) = self.setting.auth_before {
            answer(driver, &Case { auth: Some(auth), ..case.clone() })?;
        }
        let answer = answer(driver, &case)?;
        Ok(self.check(answer, &endpoint, &elsewhere).await?)
    }

    async fn check(
        &self,
        answer: Answer,
        endpoint: &AppsEndpoint,
        elsewhere: &AppsEndpoint,
    ) -> Result<(), String> {
        let view = match &self.expect {
            Expect::Refused { path } => return check_refused(&answer, path),
            Expect::Url { url } => return check_url(&answer, url),
            _ => effective_view(answer).await?,
        };
        let credentials =
            HostCredentials { access_token: ACCESS_TOKEN.into(), account_id: Some(ACCOUNT.into()) };
        let environment = self.setting.environment();
        let started = Instant::now();
        let connected =
            connect_apps(&view, Some(&credentials), &environment, ConnectOptions::default()).await;
        let took = started.elapsed();

        let strangers = elsewhere.requests().await;
        expect(strangers.is_empty(), || {
            format!("another origin got {} requests, expected none", strangers.len())
        })?;
        self.check_connection(endpoint, connected, took).await
    }

    async fn check_connection(
        &self,
        endpoint: &AppsEndpoint,
        connected: Result<AppsConnection, ConnectError>,
        took: Duration,
    ) -> Result<(), String> {
        match (&self.expect, connected) {
            (Expect::Tools { path, credentials }, Ok(connection)) => {
                let tools: Vec<String> =
                    connection.tools().iter().map(|tool| tool.name.to_string()).collect();
                connection.shutdown().await;
                expect(tools == [TOOL], || {
                    format!("listed the tools `{}`, expected `{TOOL}`", tools.join("`, `"))
                })?;
                check_requests(&endpoint.requests().await, path, credentials, self.setting.sku())
            }
            (Expect::Tools { .. }, Err(error)) => Err(format!("expected tools, got: {error}")),
            (Expect::Error { word }, Err(error)) => {
                let text = format!("{error} {error:?}");
                let leaked = [ACCESS_TOKEN, ACCOUNT].iter().any(|secret| text.contains(secret));
                expect(!leaked, || "the error holds a credential".to_string())?;
                expect(text.contains(word), || {
                    format!("expected an error with \"{word}\", got: {error}")
                })?;
                expect(took < Duration::from_secs(SHORT_TIMEOUT) + SLACK, || {
                    format!("it took {:.1} s to fail", took.as_secs_f64())
                })
            }
            (Expect::Error { word }, Ok(_)) => {
                Err(format!("connected, expected an error with \"{word}\""))
            }
            (_, Ok(_)) => Err("connected, expected no server at all".to_string()),
            (_, Err(_)) => {
                let requests = endpoint.requests().await;
                expect(requests.is_empty(), || {
                    format!("the endpoint got {} requests, expected none", requests.len())
                })
            }
        }
    }
}

fn check_refused(answer: &Answer, path: &str) -> Result<(), String> {
    let refused = matches!(answer, Answer::Rejected { rejected } if rejected.path == path);
    expect(refused, || format!("expected a rejection at {path}, got {}", shown(answer)))
}

fn check_url(answer: &Answer, url: &str) -> Result<(), String> {
    let Answer::Resolved { views, .. } = answer else {
        return Err(format!("expected views, got {}", shown(answer)));
    };
    let got = views.effective.get(CODEX_APPS).and_then(|server| server.get("url"));
    expect(got == Some(&Value::from(url)), || {
        let got = got.map_or("no URL".into(), Value::to_string);
        format!("expected the URL {url}, got {got}")
    })
}

/// An answer in a message: as it is written in the protocol.
fn shown(answer: &Answer) -> String {
    clipped(&serde_json::to_string(answer).unwrap_or_default(), 500)
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Checks that every request has the expected path and credentials, and that MCP requests use POST.
fn check_requests(
    requests: &[Request],
    path: &str,
    credentials: &Credentials,
    sku: Option<&str>,
) -> Result<(), String> {
    let (bearer, account) = match credentials {
        Credentials::Host => (ACCESS_TOKEN, Some(ACCOUNT)),
        Credentials::Environment => (TOKEN, None),
    };
    let authorization = format!("Bearer {bearer}");
    for request in requests {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let (method, got) = (&request.method, request.url.path());
        expect(got == path, || format!("{method} went to {got}, expected {path}"))?;
        expect(header("authorization") == Some(&authorization), || {
            format!("{method} carries another Authorization than expected")
        })?;
        expect(header("chatgpt-account-id") == account, || {
            format!("{method} carries another ChatGPT-Account-ID than expected")
        })?;
        expect(header("x-openai-product-sku") == sku, || {
            format!("{method} carries another X-OpenAI-Product-Sku than expected")
        })?;
    }
    let asked = |method: &str| {
        requests.iter().any(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            request.method.as_str() == "POST" && body.get("method") == Some(&Value::from(method))
        })
    };
    for method in ["initialize", "tools/list"] {
        expect(asked(method), || format!("no POST of {method} was observed"))?;
    }
    Ok(())
}

fn answer(driver: &dyn Driver, case: &Case) -> Result<Answer, Problem> {
    match ask_one(driver, case) {
        Reply::Answered(answer) => Ok(answer),
        Reply::Failed(failure) => Err(Problem::BrokeDown(failure)),
        Reply::NotAsked => Err(Problem::Wrong("the subject was not asked".into())),
    }
}

/// The subject's effective view, as a view of the production implementation.
async fn effective_view(answer: Answer) -> Result<View, String> {
    let servers = match answer {
        Answer::Resolved { views, .. } => views.effective,
        other => return Err(format!("expected views, got {}", shown(&other))),
    };
    // A host without contributors and with an open gate, so that its view has exactly these
    // servers.
    let host = HostConfig::from_json(&json!({"mcp_servers": servers}), Environment::default())
        .map_err(|error| format!("the effective view holds an invalid server: {error}"))?;
    let inputs = HostInputs::new(host.value, Vec::new(), &[], None)
        .map_err(|rejected| format!("rejected at {}", rejected.path))?;
    Ok(inputs.manager.runtime_servers(&inputs.host, &inputs.plugins).await)
}
