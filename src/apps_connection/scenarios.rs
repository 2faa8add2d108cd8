//! What must hold when a host connects to the servers that a subject resolves to.

mod table;

use std::time::{Duration, Instant};

use mcp_overlay_host::connection::{
    AppsConnection, ConnectError, ConnectOptions, HostCredentials, connect_apps,
};
use mcp_overlay_host::{Environment, HostConfig, View};
use mcp_overlay_model::apps::CONNECTORS_TOKEN;
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Profile,
};
use serde_json::{Map, Value, json};
use wiremock::Request;

pub use self::table::SCENARIOS;
use super::apps_server::{AppsEndpoint, Behaviour};
use crate::subject::{HostInputs, Reply, Subject};

const ACCESS_TOKEN: &str = "host-access-token";
const ACCOUNT: &str = "account-123";
const TOKEN: &str = "connectors-token";
const SKU: &str = "tpp";
const TOOL: &str = "calendar_list";

/// The startup timeout of the scenarios that must end by it, in seconds.
const SHORT_TIMEOUT: u64 = 1;
/// What a machine may lag behind; a hang lasts much longer.
const SLACK: Duration = Duration::from_secs(5);

/// One thing that must hold.
#[derive(Debug)]
pub struct Scenario {
    /// What it is, in words.
    pub name: &'static str,
    /// The rule that it stands for; none for what MCP or the host's own safety asks.
    pub rule: Option<&'static str>,
    setting: Setting,
    expect: Expect,
}

/// The host that connects, and what it connects to.
#[derive(Debug)]
struct Setting {
    /// The path of `chatgpt_base_url` on the endpoint's origin.
    base_path: &'static str,
    apps: bool,
    path_override: bool,
    /// The value of `CODEX_CONNECTORS_TOKEN`.
    connectors_token: Option<&'static str>,
    auth: Option<Auth>,
    /// With which auth the subject is asked the same beforehand; what it answers is not looked at.
    auth_before: Option<Auth>,
    apps_from: AppsFrom,
    endpoint: Endpoint,
    /// What is written otherwise in the host config of the rest, given the endpoint's origin.
    rewrite: fn(&mut Map<String, Value>, &str),
}

#[derive(Clone, Copy, Debug)]
enum AppsFrom {
    Extension,
    LegacyLoader,
    /// A contribution that points at the endpoint, with [`SHORT_TIMEOUT`].
    Contribution,
}

#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Json,
    Events,
    Status(u16),
    Garbage,
    Hang,
    RedirectElsewhere,
}

#[derive(Debug)]
enum Expect {
    /// Tools are listed, each request goes to this path.
    Tools { path: &'static str, credentials: Credentials },
    /// No request at all.
    Nothing,
    /// The host config is refused at this place, and no request.
    Refused { path: &'static str },
    /// The Apps server has this URL. For hosts that no test may contact.
    Url { url: &'static str },
    /// An error that has this word in it.
    Error { word: &'static str },
}

#[derive(Debug)]
enum Credentials {
    Host,
    Environment,
}

impl Scenario {
    /// The case that the subject is asked, with the endpoint at this origin.
    pub(crate) fn case(&self, origin: &str) -> Case {
        self.setting.case(origin)
    }

    /// Sets the endpoint up, resolves, connects, and looks at what was sent.
    pub(super) async fn run(&self, subject: &dyn Subject) -> Result<(), String> {
        let elsewhere = AppsEndpoint::start(Behaviour::Json).await;
        let endpoint = AppsEndpoint::start(self.setting.behaviour(&elsewhere)).await;
        let case = self.case(&endpoint.origin());
        if let Some(auth) = self.setting.auth_before {
            answer(subject, &Case { auth: Some(auth), ..case.clone() })?;
        }
        let answer = answer(subject, &case)?;
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
        self.check_connection(&endpoint, connected, took).await
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
                expect(tools == [TOOL], || format!("listed {tools:?}, expected [{TOOL:?}]"))?;
                check_requests(&endpoint.requests().await, path, credentials, self.setting.sku())
            }
            (Expect::Tools { .. }, Err(error)) => Err(format!("expected tools, got: {error}")),
            (Expect::Error { word }, Err(error)) => {
                let text = format!("{error} {error:?}");
                let leaked = [ACCESS_TOKEN, ACCOUNT].iter().any(|secret| text.contains(secret));
                expect(!leaked, || "the error holds a credential".to_string())?;
                expect(text.contains(word), || format!("expected {word:?} in: {error}"))?;
                expect(took < Duration::from_secs(SHORT_TIMEOUT) + SLACK, || {
                    format!("it took {took:?} to fail")
                })
            }
            (Expect::Error { word }, Ok(_)) => Err(format!("connected, expected {word:?}")),
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

fn write(host: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    host.insert(key.into(), value.into());
}

fn check_refused(answer: &Answer, path: &str) -> Result<(), String> {
    let refused = matches!(answer, Answer::Rejected { rejected } if rejected.path == path);
    expect(refused, || format!("expected a rejection at {path}, got {answer:?}"))
}

fn check_url(answer: &Answer, url: &str) -> Result<(), String> {
    let Answer::Resolved { views, .. } = answer else {
        return Err(format!("expected views, got {answer:?}"));
    };
    let got = views.effective.get(CODEX_APPS).and_then(|server| server.get("url"));
    expect(got == Some(&Value::from(url)), || format!("expected {url}, got {got:?}"))
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Every request goes to the one path with the one set of credentials, and asking is by POST.
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
        expect(asked(method), || format!("no POST of {method} was seen"))?;
    }
    Ok(())
}

impl Setting {
    fn behaviour(&self, elsewhere: &AppsEndpoint) -> Behaviour {
        match self.endpoint {
            Endpoint::Json => Behaviour::Json,
            Endpoint::Events => Behaviour::Events,
            Endpoint::Status(status) => Behaviour::Status(status),
            Endpoint::Garbage => Behaviour::Garbage,
            Endpoint::Hang => Behaviour::Hang,
            Endpoint::RedirectElsewhere => {
                Behaviour::RedirectTo(format!("{}/backend-api/ps/mcp", elsewhere.origin()))
            }
        }
    }

    fn environment(&self) -> Environment {
        Environment::from_pairs(self.connectors_token.map(|token| (CONNECTORS_TOKEN, token)))
    }

    /// The header that requests carry: only the host's own Apps server has it.
    fn sku(&self) -> Option<&'static str> {
        match self.apps_from {
            AppsFrom::Extension | AppsFrom::LegacyLoader => Some(SKU),
            AppsFrom::Contribution => None,
        }
    }

    fn case(&self, origin: &str) -> Case {
        let environment: Map<String, Value> = self
            .connectors_token
            .map(|token| (CONNECTORS_TOKEN.to_string(), Value::from(token)))
            .into_iter()
            .collect();
        let contributors = match self.apps_from {
            AppsFrom::LegacyLoader => Vec::new(),
            AppsFrom::Extension => {
                vec![Contributor { id: "hosted-apps".into(), kind: ContributorKind::HostedApps }]
            }
            AppsFrom::Contribution => {
                let server = json!({
                    "url": format!("{origin}/backend-api/ps/mcp"),
                    "startup_timeout_sec": SHORT_TIMEOUT,
                });
                let set = Contribution::Set { name: CODEX_APPS.into(), server };
                vec![Contributor { id: "x".into(), kind: ContributorKind::Scripted(vec![set]) }]
            }
        };
        let mut host = Map::new();
        write(&mut host, "chatgpt_base_url", format!("{origin}{}", self.base_path));
        write(&mut host, "apps_mcp_product_sku", SKU);
        let features = json!({"apps": self.apps, "apps_mcp_path_override": self.path_override});
        write(&mut host, "features", features);
        write(&mut host, "env", environment);
        (self.rewrite)(&mut host, origin);
        Case {
            id: String::new(),
            profile: Profile::default(),
            host: Value::Object(host),
            plugins: Vec::new(),
            contributors,
            auth: self.auth,
        }
    }
}

fn answer(subject: &dyn Subject, case: &Case) -> Result<Answer, String> {
    match subject.ask(std::slice::from_ref(case)).pop() {
        Some(Reply::Answered(answer)) => Ok(answer),
        Some(Reply::Failed(failure)) => {
            Err(format!("{}: {}", failure.kind.word(), failure.message))
        }
        Some(Reply::NotAsked) | None => Err("the subject was not asked".into()),
    }
}

/// What the subject says that the host uses, as the production implementation's own kind of view.
async fn effective_view(answer: Answer) -> Result<View, String> {
    let servers = match answer {
        Answer::Resolved { views, .. } => views.effective,
        other => return Err(format!("expected views, got {other:?}")),
    };
    // Servers that nobody overlays and no gate closes: a host that has them all as they are.
    let host = HostConfig::from_json(&json!({"mcp_servers": servers}), Environment::default())
        .map_err(|error| format!("the effective view holds an invalid server: {error}"))?;
    let inputs = HostInputs::new(host.value, Vec::new(), &[], None)
        .map_err(|rejected| format!("rejected at {}", rejected.path))?;
    Ok(inputs.manager.runtime_servers(&inputs.host, &inputs.plugins).await)
}
