//! What must hold when a host connects to the servers that a subject resolves to.

use std::time::{Duration, Instant};

use mcp_overlay_host::connection::{ConnectOptions, HostCredentials, connect_apps};
use mcp_overlay_host::{Environment, HostConfig, View};
use mcp_overlay_model::apps::CONNECTORS_TOKEN;
use mcp_overlay_model::{
    Answer, Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Profile,
};
use serde_json::{Map, Value, json};
use wiremock::Request;

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
    apps_from: AppsFrom,
    endpoint: Endpoint,
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
    /// An error that has this word in it.
    Error { word: &'static str },
}

#[derive(Debug)]
enum Credentials {
    Host,
    Environment,
}

const DEFAULT: Setting = Setting {
    base_path: "/backend-api",
    apps: true,
    path_override: true,
    connectors_token: None,
    auth: Some(Auth::ChatGpt),
    apps_from: AppsFrom::Extension,
    endpoint: Endpoint::Json,
};

const PS_MCP: Expect =
    Expect::Tools { path: "/backend-api/ps/mcp", credentials: Credentials::Host };

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "the default override is at /backend-api/ps/mcp",
        rule: Some("endpoint.override-path"),
        setting: DEFAULT,
        expect: PS_MCP,
    },
    Scenario {
        name: "without an override it is at /backend-api/wham/apps",
        rule: Some("endpoint.default-path"),
        setting: Setting { path_override: false, ..DEFAULT },
        expect: Expect::Tools { path: "/backend-api/wham/apps", credentials: Credentials::Host },
    },
    Scenario {
        name: "another host gets /api/codex",
        rule: Some("endpoint.other-host"),
        setting: Setting { base_path: "/", ..DEFAULT },
        expect: Expect::Tools { path: "/api/codex/ps/mcp", credentials: Credentials::Host },
    },
    Scenario {
        name: "the legacy loader reaches the same endpoint",
        rule: Some("legacy.synthesizes-in-effective"),
        setting: Setting { apps_from: AppsFrom::LegacyLoader, ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "externally supplied ChatGPT tokens open the gate",
        rule: Some("gate.open"),
        setting: Setting { auth: Some(Auth::ChatGptAuthTokens), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "an agent identity opens the gate",
        rule: Some("gate.open"),
        setting: Setting { auth: Some(Auth::AgentIdentity), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "a personal access token opens the gate",
        rule: Some("gate.open"),
        setting: Setting { auth: Some(Auth::PersonalAccessToken), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "answers may be server-sent events",
        rule: None,
        setting: Setting { endpoint: Endpoint::Events, ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "an API key sends nothing",
        rule: Some("gate.closed-removes"),
        setting: Setting { auth: Some(Auth::ApiKey), ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "no auth sends nothing",
        rule: Some("gate.closed-removes"),
        setting: Setting { auth: None, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "no auth sends nothing, by a contribution either",
        rule: Some("gate.closed-removes"),
        setting: Setting { auth: None, apps_from: AppsFrom::Contribution, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "Apps off sends nothing",
        rule: Some("hosted.disabled-removes"),
        setting: Setting { apps: false, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "Apps off sends nothing, by the legacy loader either",
        rule: Some("gate.open"),
        setting: Setting { apps: false, apps_from: AppsFrom::LegacyLoader, ..DEFAULT },
        expect: Expect::Nothing,
    },
    Scenario {
        name: "the environment's token replaces the host's credentials",
        rule: Some("apps-server.bearer-env"),
        setting: Setting { connectors_token: Some(TOKEN), ..DEFAULT },
        expect: Expect::Tools {
            path: "/backend-api/ps/mcp",
            credentials: Credentials::Environment,
        },
    },
    Scenario {
        name: "a blank token in the environment replaces nothing",
        rule: Some("apps-server.bearer-env"),
        setting: Setting { connectors_token: Some(" \t"), ..DEFAULT },
        expect: PS_MCP,
    },
    Scenario {
        name: "a redirect to another origin is not followed",
        rule: None,
        setting: Setting { endpoint: Endpoint::RedirectElsewhere, ..DEFAULT },
        expect: Expect::Error { word: "redirect" },
    },
    Scenario {
        name: "401 says to sign in again",
        rule: None,
        setting: Setting { endpoint: Endpoint::Status(401), ..DEFAULT },
        expect: Expect::Error { word: "sign in again" },
    },
    Scenario {
        name: "500 is an error with the status",
        rule: None,
        setting: Setting { endpoint: Endpoint::Status(500), ..DEFAULT },
        expect: Expect::Error { word: "500" },
    },
    Scenario {
        name: "an answer that is no JSON is an error",
        rule: None,
        setting: Setting { endpoint: Endpoint::Garbage, ..DEFAULT },
        expect: Expect::Error { word: "not an MCP server's answer" },
    },
    Scenario {
        name: "a hang ends with the startup timeout",
        rule: None,
        setting: Setting { endpoint: Endpoint::Hang, apps_from: AppsFrom::Contribution, ..DEFAULT },
        expect: Expect::Error { word: "not ready after 1 seconds" },
    },
];

impl Scenario {
    /// Sets the endpoint up, resolves, connects, and looks at what was sent.
    pub(super) async fn run(&self, subject: &dyn Subject) -> Result<(), String> {
        let elsewhere = AppsEndpoint::start(Behaviour::Json).await;
        let endpoint = AppsEndpoint::start(self.setting.behaviour(&elsewhere)).await;
        let view = effective_view(subject, &self.setting.case(&endpoint)).await?;
        let credentials =
            HostCredentials { access_token: ACCESS_TOKEN.into(), account_id: Some(ACCOUNT.into()) };
        let environment = self.setting.environment();
        let started = Instant::now();
        let connected =
            connect_apps(&view, Some(&credentials), &environment, ConnectOptions::default()).await;
        let took = started.elapsed();

        let requests = endpoint.requests().await;
        let strangers = elsewhere.requests().await;
        expect(strangers.is_empty(), || {
            format!("another origin got {} requests, expected none", strangers.len())
        })?;
        match (&self.expect, connected) {
            (Expect::Nothing, Ok(_)) => Err("connected, expected no server at all".to_string()),
            (Expect::Nothing, Err(_)) => expect(requests.is_empty(), || {
                format!("the endpoint got {} requests, expected none", requests.len())
            }),
            (Expect::Tools { path, credentials }, Ok(connection)) => {
                let tools: Vec<String> =
                    connection.tools().iter().map(|tool| tool.name.to_string()).collect();
                connection.shutdown().await;
                expect(tools == [TOOL], || format!("listed {tools:?}, expected [{TOOL:?}]"))?;
                check_requests(&endpoint.requests().await, path, credentials)
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
        }
    }
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Every request goes to the one path with the one set of credentials, and asking is by POST.
fn check_requests(
    requests: &[Request],
    path: &str,
    credentials: &Credentials,
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
        expect(header("x-openai-product-sku") == Some(SKU), || {
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

    fn case(&self, endpoint: &AppsEndpoint) -> Case {
        let origin = endpoint.origin();
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
        Case {
            id: String::new(),
            profile: Profile::default(),
            host: json!({
                "chatgpt_base_url": format!("{origin}{}", self.base_path),
                "apps_mcp_product_sku": SKU,
                "features": {"apps": self.apps, "apps_mcp_path_override": self.path_override},
                "env": environment,
            }),
            plugins: Vec::new(),
            contributors,
            auth: self.auth,
        }
    }
}

/// What the subject says that the host uses, as the production implementation's own kind of view.
async fn effective_view(subject: &dyn Subject, case: &Case) -> Result<View, String> {
    let servers = match subject.ask(std::slice::from_ref(case)).pop() {
        Some(Reply::Answered(Answer::Resolved { views, .. })) => views.effective,
        Some(Reply::Answered(other)) => return Err(format!("expected views, got {other:?}")),
        Some(Reply::Failed(failure)) => {
            return Err(format!("{}: {}", failure.kind.word(), failure.message));
        }
        Some(Reply::NotAsked) | None => return Err("the subject was not asked".into()),
    };
    // Servers that nobody overlays and no gate closes: a host that has them all as they are.
    let host = HostConfig::from_json(&json!({"mcp_servers": servers}), Environment::default())
        .map_err(|error| format!("the effective view holds an invalid server: {error}"))?;
    let inputs = HostInputs::new(host.value, Vec::new(), &[], None)
        .map_err(|rejected| format!("rejected at {}", rejected.path))?;
    Ok(inputs.manager.runtime_servers(&inputs.host, &inputs.plugins).await)
}
