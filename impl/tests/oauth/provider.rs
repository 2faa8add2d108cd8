//! An MCP server and its authorization server, on two origins, and a browser.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mcp_overlay_host::Environment;
use mcp_overlay_host::ServerConfig;
use mcp_overlay_host::Transport;
use mcp_overlay_host::oauth::{LoginError, LoginRequest, OAuth, PendingLogin, TokenStore};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const NAME: &str = "docs";

/// The behaviour of the authorization server, and the requests that it received.
#[derive(Default)]
pub(crate) struct State {
    /// Merged into the authorization server's metadata.
    pub(crate) metadata: BTreeMap<String, Value>,
    /// The `scopes_supported` of the MCP server.
    pub(crate) resource_scopes: Option<Value>,
    /// The `resource` in the MCP server's metadata, if it is not its URL.
    pub(crate) resource: Option<String>,
    /// The scopes that requests to the MCP server require, by method; other methods require no token.
    pub(crate) needs: BTreeMap<&'static str, &'static str>,
    /// The scopes of issued access tokens.
    pub(crate) granted: BTreeMap<String, String>,
    /// Whether the MCP server publishes nothing.
    pub(crate) silent: bool,
    /// Returned instead of a code.
    pub(crate) error: Option<&'static str>,
    /// Returned as `iss`.
    pub(crate) issuer: Option<String>,
    /// Returned instead of the state.
    pub(crate) state: Option<&'static str>,
    /// The `expires_in` of tokens, in seconds.
    pub(crate) expires_in: Option<u64>,
    /// The response of the token endpoint instead of tokens.
    pub(crate) token_answer: Option<ResponseTemplate>,
    /// How long the token endpoint takes.
    pub(crate) token_delay: Duration,
    pub(crate) codes: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) issued: u32,
    pub(crate) refreshes: u32,
    pub(crate) requests: Vec<(String, BTreeMap<String, String>)>,
}

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) resource: Arc<MockServer>,
    pub(crate) authorization: Arc<MockServer>,
    state: Arc<Mutex<State>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let provider = Self {
            resource: Arc::new(MockServer::start().await),
            authorization: Arc::new(MockServer::start().await),
            state: Arc::default(),
        };
        let urls = (provider.resource.uri(), provider.authorization.uri());
        let state = Arc::clone(&provider.state);
        let resource = Resource { state, urls: urls.clone() };
        Mock::given(any()).respond_with(resource).mount(&provider.resource).await;
        let state = Arc::clone(&provider.state);
        let authorization = Authorization { state, url: urls.1 };
        Mock::given(any()).respond_with(authorization).mount(&provider.authorization).await;
        provider
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.resource.uri())
    }

    pub(crate) fn server(&self) -> ServerConfig {
        ServerConfig::streamable_http(self.url())
    }

    /// The parameters of the last request to a path of the authorization server.
    pub(crate) fn last(&self, path: &str) -> BTreeMap<String, String> {
        let state = self.state();
        let of_path = state.requests.iter().rev().find(|(at, _)| at == path);
        of_path.unwrap_or_else(|| panic!("no request to {path}")).1.clone()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|(at, _)| at == path).count()
    }

    pub(crate) async fn start_login(
        &self,
        oauth: &OAuth,
        server: &ServerConfig,
        request: LoginRequest,
    ) -> Result<PendingLogin, LoginError> {
        oauth.start_login(NAME, server, &Environment::default(), request).await
    }

    /// A login with a browser that follows redirects.
    pub(crate) async fn login(
        &self,
        oauth: &OAuth,
        server: &ServerConfig,
        request: LoginRequest,
    ) -> Result<(), LoginError> {
        let login = self.start_login(oauth, server, request).await?;
        let browser = tokio::spawn(browse(login.authorization_url().to_owned()));
        let result = login.finish().await;
        browser.abort();
        result
    }

    /// Logged in with the defaults.
    pub(crate) async fn logged_in(&self) -> (OAuth, TokenStore) {
        let store = TokenStore::in_memory();
        let oauth = OAuth::new(store.clone());
        self.login(&oauth, &self.server(), LoginRequest::default()).await.unwrap();
        (oauth, store)
    }
}

/// The server with these changes to its HTTP settings.
pub(crate) fn with_http(
    mut server: ServerConfig,
    change: impl FnOnce(&mut mcp_overlay_host::StreamableHttp),
) -> ServerConfig {
    let Transport::StreamableHttp(http) = &mut server.transport else { panic!("it is HTTP") };
    change(http);
    server
}

/// Opens a URL and follows redirects, as a browser does. Returns the last status and text.
pub(crate) async fn browse(url: String) -> (u16, String) {
    // The client requires a provider even without TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

struct Resource {
    state: Arc<Mutex<State>>,
    urls: (String, String),
}

impl Resource {
    /// The response to an MCP request.
    fn answer(&self, state: &State, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let method = body["method"].as_str().unwrap();
        if let Some(refused) = self.refuse(state, method, request) {
            return refused;
        }
        let result = match method {
            "initialize" => json!({
                "protocolVersion": body["params"]["protocolVersion"],
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "provider", "version": "1" },
            }),
            "tools/list" => json!({ "tools": [{ "name": "write", "inputSchema": {} }] }),
            "tools/call" => json!({ "content": [{ "type": "text", "text": "written" }] }),
            _ => return ResponseTemplate::new(202),
        };
        let answer = json!({ "jsonrpc": "2.0", "id": body["id"], "result": result });
        ResponseTemplate::new(200).set_body_json(answer)
    }

    fn refuse(&self, state: &State, method: &str, request: &Request) -> Option<ResponseTemplate> {
        let needed = state.needs.get(method)?;
        let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", self.urls.0);
        let token = request.headers.get("authorization");
        let token = token.map(|value| value.to_str().unwrap().trim_start_matches("Bearer "));
        let granted = token.and_then(|token| state.granted.get(token));
        let (status, error) = match granted {
            None => (401, ""),
            Some(scopes) if scopes.split(' ').any(|scope| scope == *needed) => return None,
            Some(_) => (403, r#", error="insufficient_scope""#),
        };
        let challenge =
            format!(r#"Bearer resource_metadata="{metadata}", scope="{needed}"{error}"#);
        Some(ResponseTemplate::new(status).insert_header("www-authenticate", challenge.as_str()))
    }
}

impl Respond for Resource {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let state = self.state.lock().unwrap();
        if request.method.as_str() == "POST" {
            return self.answer(&state, request);
        }
        if state.silent || request.url.path() != "/.well-known/oauth-protected-resource/mcp" {
            return ResponseTemplate::new(404);
        }
        let own = format!("{}/mcp", self.urls.0);
        let mut metadata = json!({
            "resource": state.resource.as_deref().unwrap_or(&own),
            "authorization_servers": [self.urls.1],
        });
        if let Some(scopes) = &state.resource_scopes {
            metadata["scopes_supported"] = scopes.clone();
        }
        ResponseTemplate::new(200).set_body_json(metadata)
    }
}

struct Authorization {
    state: Arc<Mutex<State>>,
    url: String,
}

impl Authorization {
    fn metadata(&self, state: &State) -> Value {
        let mut metadata = json!({
            "issuer": self.url,
            "authorization_endpoint": format!("{}/authorize", self.url),
            "token_endpoint": format!("{}/token", self.url),
            "registration_endpoint": format!("{}/register", self.url),
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
        });
        for (name, value) in &state.metadata {
            metadata[name] = value.clone();
        }
        metadata
    }

    fn authorize(state: &mut State, asked: BTreeMap<String, String>) -> ResponseTemplate {
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
        let returned = state.state.unwrap_or(&asked["state"]);
        back.query_pairs_mut().append_pair("state", returned);
        if let Some(issuer) = &state.issuer {
            back.query_pairs_mut().append_pair("iss", issuer);
        }
        match state.error {
            Some(error) => {
                back.query_pairs_mut().append_pair("error", error);
            }
            None => {
                let code = format!("secret-code-{}", state.codes.len());
                state.codes.insert(code.clone(), asked);
                back.query_pairs_mut().append_pair("code", &code);
            }
        }
        ResponseTemplate::new(302).insert_header("location", back.as_str())
    }

    fn token(state: &mut State, form: &BTreeMap<String, String>) -> ResponseTemplate {
        let refused = |error| ResponseTemplate::new(400).set_body_json(json!({ "error": error }));
        if let Some(answer) = &state.token_answer {
            return answer.clone();
        }
        let mut scope = None;
        if form["grant_type"] == "refresh_token" {
            state.refreshes += 1;
            // Every refresh token is valid for one refresh.
            if Some(&form["refresh_token"]) != state.refresh_token.as_ref() {
                return refused("invalid_grant");
            }
        } else {
            let Some(asked) = state.codes.remove(&form["code"]) else {
                return refused("invalid_grant");
            };
            let digest = Sha256::digest(form["code_verifier"].as_bytes());
            let same = ["client_id", "redirect_uri", "resource"]
                .iter()
                .all(|name| form.get(*name).is_some_and(|value| *value == asked[*name]));
            if BASE64_URL_SAFE_NO_PAD.encode(digest) != asked["code_challenge"] || !same {
                return refused("invalid_grant");
            }
            scope = asked.get("scope").cloned();
        }
        state.issued += 1;
        let (access, refresh) =
            (format!("secret-access-{}", state.issued), format!("secret-refresh-{}", state.issued));
        state.refresh_token = Some(refresh.clone());
        state.granted.insert(access.clone(), scope.unwrap_or_default());
        let mut answer =
            json!({ "access_token": access, "token_type": "Bearer", "refresh_token": refresh });
        if let Some(seconds) = state.expires_in {
            answer["expires_in"] = seconds.into();
        }
        ResponseTemplate::new(200).set_body_json(answer).set_delay(state.token_delay)
    }
}

impl Respond for Authorization {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().unwrap();
        let path = request.url.path();
        let mut url = request.url.clone();
        if path == "/token" {
            url.set_query(std::str::from_utf8(&request.body).ok());
        }
        let parameters: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        state.requests.push((path.to_owned(), parameters.clone()));
        match path {
            "/.well-known/oauth-authorization-server" => {
                ResponseTemplate::new(200).set_body_json(self.metadata(&state))
            }
            "/register" => {
                let mut answer: Value = serde_json::from_slice(&request.body).unwrap();
                answer["client_id"] = "registered".into();
                ResponseTemplate::new(201).set_body_json(answer)
            }
            "/authorize" => Self::authorize(&mut state, parameters),
            "/token" => Self::token(&mut state, &parameters),
            _ => ResponseTemplate::new(404),
        }
    }
}
