//! A scenario: a host, the endpoint that it connects to, and the expected result.

use mcp_overlay_host::Environment;
use mcp_overlay_model::host::CONNECTORS_TOKEN;
use mcp_overlay_model::{
    Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Profile, Rule,
};
use serde_json::{Map, Value, json};

use super::apps_server::{AppsEndpoint, Behaviour};

pub(super) const TOKEN: &str = "connectors-token";
const SKU: &str = "tpp";

/// The startup timeout in scenarios that test it, in seconds.
pub(super) const SHORT_TIMEOUT: u64 = 1;

/// An origin that nothing connects to.
const NOWHERE: &str = "http://127.0.0.1:9";

/// One expected behaviour of a connection.
#[derive(Debug)]
pub struct Scenario {
    /// A description.
    pub name: &'static str,
    /// The rule that it tests.
    pub rule: Rule,
    pub(super) setting: Setting,
    pub(super) expect: Expect,
}

/// The host and the endpoint that it connects to.
#[derive(Debug)]
pub(super) struct Setting {
    /// The path of `chatgpt_base_url` on the endpoint's origin.
    pub(super) base_path: &'static str,
    pub(super) apps: bool,
    pub(super) path_override: bool,
    /// The value of `CODEX_CONNECTORS_TOKEN`.
    pub(super) connectors_token: Option<&'static str>,
    pub(super) auth: Option<Auth>,
    /// The auth of the same case, asked beforehand; that answer is ignored.
    pub(super) auth_before: Option<Auth>,
    pub(super) apps_from: AppsFrom,
    pub(super) endpoint: Endpoint,
    /// Edits the host config, given the endpoint's origin.
    pub(super) rewrite: fn(&mut Map<String, Value>, &str),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum AppsFrom {
    Extension,
    LegacyLoader,
    /// A contribution that points at the endpoint, with [`SHORT_TIMEOUT`].
    Contribution,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Endpoint {
    Json,
    Events,
    Status(u16),
    Garbage,
    Hang,
    RedirectElsewhere,
}

#[derive(Debug)]
pub(super) enum Expect {
    /// Tools are listed, and each request goes to this path.
    Tools { path: &'static str, credentials: Credentials },
    /// No request is sent.
    Nothing,
    /// The host config is rejected at this place, and no request is sent.
    Refused { path: &'static str },
    /// The Apps server has this URL; for URLs that no test may connect to.
    Url { url: &'static str },
    /// An error that contains this text.
    Error { word: &'static str },
}

#[derive(Debug)]
pub(super) enum Credentials {
    Host,
    Environment,
}

impl Scenario {
    /// The case for the subject, with the endpoint at this origin.
    pub(crate) fn case(&self, origin: &str) -> Case {
        self.setting.case(origin)
    }

    /// The case as it is asked when nothing connects.
    pub(crate) fn case_alone(&self) -> Case {
        self.case(NOWHERE)
    }

    /// The same case with the auth of the question before, if there is one.
    pub(crate) fn case_before(&self) -> Option<Case> {
        self.setting.auth_before.map(|auth| Case { auth: Some(auth), ..self.case_alone() })
    }

    /// The rule that a connection breaks which goes wrong though the subject's answer is right.
    pub fn connection_rule(&self) -> Rule {
        match self.expect {
            Expect::Error { .. } => Rule::CredentialsNeverShown,
            _ => Rule::CredentialsAppsOnly,
        }
    }
}

pub(super) fn write(host: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    host.insert(key.into(), value.into());
}

impl Setting {
    pub(super) fn behaviour(&self, elsewhere: &AppsEndpoint) -> Behaviour {
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

    pub(super) fn environment(&self) -> Environment {
        Environment::from_pairs(self.connectors_token.map(|token| (CONNECTORS_TOKEN, token)))
    }

    /// The SKU header of the requests; only the host's own Apps server has it.
    pub(super) fn sku(&self) -> Option<&'static str> {
        match self.apps_from {
            AppsFrom::Extension | AppsFrom::LegacyLoader => Some(SKU),
            AppsFrom::Contribution => None,
        }
    }

    pub(super) fn case(&self, origin: &str) -> Case {
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
            thread: None,
            requirements: None,
        }
    }
}
