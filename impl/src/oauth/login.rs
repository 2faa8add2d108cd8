//! A login: from a server's metadata to stored tokens, by way of the user's browser.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, CredentialStore as _, InMemoryCredentialStore,
};
use tokio::time::Instant;

use super::callback::{Answer, CallbackServer};
use super::discovery::{AsClient, Discovered};
use super::http::{Http, shown_code};
use super::tokens::Tokens;
use super::{OAuth, StoreError, server_url};
use crate::config::{Environment, Redacted, ServerConfig, StreamableHttp, Transport};
use crate::connection::target::configured_headers;
use crate::connection::trust::Trust;
use crate::extension::BoxFuture;
use crate::hosted_apps::CODEX_APPS;

/// How long a login may take unless the caller says otherwise.
pub const DEFAULT_LOGIN_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest time a login may take.
pub const MAX_LOGIN_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long what comes before and after the browser may take, each.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(60);

/// The time a login may take, from a number of seconds as a client sends it: 300 if none is given,
/// at least 1 and at most 3600.
#[must_use]
pub fn login_timeout(seconds: Option<i64>) -> Duration {
    seconds.map_or(DEFAULT_LOGIN_TIMEOUT, |seconds| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Duration::from_secs(seconds).clamp(Duration::from_secs(1), MAX_LOGIN_TIMEOUT)
    })
}

/// What a login asks for. The default asks for what the server's configuration says.
#[derive(Debug, Clone, Default)]
pub struct LoginRequest {
    /// The scopes. Without them the configured ones count (an empty list too), else those that the
    /// server names, else none are asked for.
    pub scopes: Option<Vec<String>>,
    /// How long the login may take, from the start; see [`login_timeout`]. `None`: 300 seconds.
    pub timeout: Option<Duration>,
    /// The value of `WWW-Authenticate` with which the server has refused a request, if it has.
    pub challenge: Option<String>,
    /// The secret that belongs to the configured client id.
    pub client_secret: Option<Redacted>,
    /// The https URL of a client ID metadata document, for authorization servers that take one.
    pub client_metadata_url: Option<String>,
}

/// Why a login failed. Shown to the user, so it says what to do where there is something to do, and
/// holds neither a secret nor words of the other side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The Apps server is not logged in to.
    #[error("`codex_apps` uses the host's own credentials: sign in to the host instead")]
    HostCredentials,
    /// The server is a process.
    #[error("OAuth login is only supported for streamable HTTP servers.")]
    Stdio,
    /// The server's URL is no http or https URL with a host and without a user.
    #[error("the server's URL is not an http or https URL")]
    InvalidUrl,
    /// A configured header cannot be sent.
    #[error("the configured header `{0}` cannot be sent")]
    InvalidHeader(String),
    /// The server offers no OAuth.
    #[error("{0} does not offer OAuth")]
    Unsupported(String),
    /// The server's metadata, or its authorization server's, cannot be used.
    #[error("OAuth cannot be set up for {origin}: {reason}")]
    Discovery {
        /// The server.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// The authorization server does not register clients by itself, or refuses.
    #[error(
        "this client could not be registered: {0}; if the server's operator has given you a client id, set `oauth.client_id`"
    )]
    Registration(String),
    /// There is no port for the browser to come back to.
    #[error("no local port can be opened for the browser to come back to: {0}")]
    Callback(String),
    /// The user, or the authorization server, has refused.
    #[error("the authorization server refused: {0}")]
    Denied(String),
    /// Nobody came back in time.
    #[error("the login was not finished within {0} seconds")]
    Timeout(u64),
    /// The answer comes from another authorization server than the one that was asked.
    #[error(
        "the answer comes from another authorization server than the one that was asked; nothing was sent to it"
    )]
    Issuer,
    /// The authorization server gave no tokens.
    #[error("the authorization server gave no tokens: {0}")]
    Exchange(String),
    /// The tokens could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// Whether what was asked for can never be done, until the request or the configuration is
    /// another one. Otherwise something has failed, on the network, in the store or with the user.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::HostCredentials | Self::Stdio | Self::InvalidUrl | Self::InvalidHeader(_) => true,
            Self::Unsupported(_)
            | Self::Discovery { .. }
            | Self::Registration(_)
            | Self::Callback(_)
            | Self::Denied(_)
            | Self::Timeout(_)
            | Self::Issuer
            | Self::Exchange(_)
            | Self::Store(_) => false,
        }
    }
}

/// A login that waits for the user. Dropping it ends it.
pub struct PendingLogin {
    oauth: OAuth,
    manager: AuthorizationManager,
    granted: InMemoryCredentialStore,
    http: Arc<Http>,
    callback: CallbackServer,
    authorization_url: Url,
    deadline: Instant,
    seconds: u64,
    /// Everything about the login that is known before there are tokens.
    tokens: Tokens,
}

impl OAuth {
    /// Starts a login: finds the authorization server, registers as its client unless one is
    /// configured, and opens a local port for the browser to come back to.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub fn start_login<'a>(
        &'a self,
        name: &'a str,
        server: &'a ServerConfig,
        env: &'a Environment,
        request: LoginRequest,
    ) -> BoxFuture<'a, Result<PendingLogin, LoginError>> {
        Box::pin(self.start_login_unboxed(name, server, env, request))
    }

    async fn start_login_unboxed(
        &self,
        name: &str,
        server: &ServerConfig,
        env: &Environment,
        request: LoginRequest,
    ) -> Result<PendingLogin, LoginError> {
        if name == CODEX_APPS {
            return Err(LoginError::HostCredentials);
        }
        let Transport::StreamableHttp(http) = &server.transport else {
            return Err(LoginError::Stdio);
        };
        let limit = request.timeout.unwrap_or(DEFAULT_LOGIN_TIMEOUT).min(MAX_LOGIN_TIMEOUT);
        let deadline = Instant::now() + limit;
        let seconds = limit.as_secs();
        let first = limit.min(NETWORK_TIMEOUT);
        let login = self.prepare(name, server, http, env, &request);
        let login = tokio::time::timeout(first, login).await;
        let mut login = login.map_err(|_| LoginError::Timeout(first.as_secs()))??;
        (login.deadline, login.seconds) = (deadline, seconds);
        Ok(login)
    }

    async fn prepare(
        &self,
        name: &str,
        server: &ServerConfig,
        http: &StreamableHttp,
        env: &Environment,
        request: &LoginRequest,
    ) -> Result<PendingLogin, LoginError> {
        let url = server_url(&http.url).ok_or(LoginError::InvalidUrl)?;
        let headers = configured_headers(http, env).map_err(LoginError::InvalidHeader)?;
        let client = Http::new(url.clone(), headers, http.oauth_resource.clone(), Trust::of(env));
        let mut found = Discovered::at(&url, client, request.challenge.as_deref()).await?;
        let granted = InMemoryCredentialStore::new();
        found.manager.set_credential_store(granted.clone());
        let scopes = match request.scopes.clone().or_else(|| server.scopes.clone()) {
            Some(scopes) => scopes,
            None => found.manager.select_initial_scopes(&[]).await,
        };
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let callback = CallbackServer::bind().await;
        let callback = callback.map_err(|error| LoginError::Callback(error.to_string()))?;
        let as_client = AsClient { name: &self.client_name, request, config: http.oauth.as_ref() };
        let client = found.client(as_client, callback.redirect_uri(), &scopes).await?;
        let at = found.authorization_url(&scopes, http.oauth_resource.as_deref()).await?;
        let tokens = Tokens {
            server_name: name.to_owned(),
            server_url: http.url.clone(),
            client_id: client.client_id,
            access_token: String::new(),
            expires_at: None,
            refresh_token: None,
            scopes: Vec::new(),
            issuer: found.metadata.issuer.clone(),
            refresh_at: None,
            client_secret: client.client_secret,
            resource: parameter(&at, "resource"),
            authorization_server: Some(Tokens::keep_metadata(&found.metadata)),
        };
        let Discovered { manager, http, .. } = found;
        let (oauth, deadline, seconds) = (self.clone(), Instant::now(), 0);
        Ok(PendingLogin {
            oauth,
            manager,
            granted,
            http,
            callback,
            authorization_url: at,
            deadline,
            seconds,
            tokens,
        })
    }
}

impl PendingLogin {
    /// Where the user's browser must go. Holds no lasting secret, but is good for this login.
    #[must_use]
    pub fn authorization_url(&self) -> &str {
        self.authorization_url.as_str()
    }

    /// Waits until the browser has come back, then gets the tokens and stores them.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub fn finish(self) -> BoxFuture<'static, Result<(), LoginError>> {
        Box::pin(self.finish_unboxed())
    }

    async fn finish_unboxed(self) -> Result<(), LoginError> {
        let Self { oauth, manager, granted, http, callback, authorization_url, mut tokens, .. } =
            self;
        let state = parameter(&authorization_url, "state").unwrap_or_default();
        let answer = tokio::time::timeout_at(self.deadline, callback.answer(&state)).await;
        let (code, issuer) = match answer.map_err(|_| LoginError::Timeout(self.seconds))? {
            Answer::Code { code, issuer } => (code, issuer),
            Answer::Error(code) => {
                let shown = shown_code(&code);
                return Err(LoginError::Denied(shown.unwrap_or_else(|| "no reason".to_owned())));
            }
        };
        http.trouble();
        let exchange =
            manager.exchange_code_for_token_with_issuer(&code, &state, issuer.as_deref());
        let exchanged = tokio::time::timeout(NETWORK_TIMEOUT, exchange).await;
        exchanged.map_err(|_| LoginError::Timeout(NETWORK_TIMEOUT.as_secs()))?.map_err(
            |error| match (error, http.trouble()) {
                (
                    AuthError::AuthorizationServerMismatch { .. }
                    | AuthError::AuthorizationServerMissingIssuer { .. }
                    | AuthError::AuthorizationFailed(_),
                    _,
                ) => LoginError::Issuer,
                (_, Some(trouble)) => LoginError::Exchange(trouble.to_string()),
                (_, None) => LoginError::Exchange("its answer holds none".to_owned()),
            },
        )?;
        let no_tokens = || LoginError::Exchange("its answer holds none".to_owned());
        let stored = granted.load().await.ok().flatten().ok_or_else(no_tokens)?;
        tokens.take(&stored).ok_or_else(no_tokens)?;
        // Not in the middle of a refresh, which would write the old tokens' successors over these.
        let _lock = oauth.store.lock(&tokens.server_name, &tokens.server_url).await?;
        Ok(oauth.store.save(tokens).await?)
    }
}

impl std::fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingLogin").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

fn parameter(url: &Url, wanted: &str) -> Option<String> {
    let found = url.query_pairs().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.into_owned())
}
