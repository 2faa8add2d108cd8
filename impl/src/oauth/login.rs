//! A login: discovery, the user's browser, and the exchange of the code for tokens.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, CredentialStore as _, InMemoryCredentialStore,
};
use tokio::time::Instant;

use super::callback::{CallbackResult, CallbackServer};
use super::discovery::{AsClient, Discovered};
use super::error::LoginError;
use super::http::{Http, shown_code};
use super::login_request::{DEFAULT_LOGIN_TIMEOUT, LoginRequest, MAX_LOGIN_TIMEOUT};
use super::server_url::server_url;
use super::service::OAuth;
use super::tokens::Tokens;
use crate::config::{Environment, ServerConfig, StreamableHttp, Transport};
use crate::connection::target::configured_headers;
use crate::connection::trust::Trust;
use crate::extension::BoxFuture;
use crate::hosted_apps::CODEX_APPS;

/// The timeout of discovery and registration, and of the token exchange.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(60);

/// A login that waits for the user. Dropping it cancels it.
pub struct PendingLogin {
    oauth: OAuth,
    manager: AuthorizationManager,
    granted: InMemoryCredentialStore,
    http: Arc<Http>,
    callback: CallbackServer,
    authorization_url: Url,
    deadline: Instant,
    seconds: u64,
    /// The entry to store, without the tokens.
    tokens: Tokens,
}

impl OAuth {
    /// Starts a login: finds the authorization server, registers a client unless one is configured,
    /// and opens a local port for the callback.
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
    /// The URL to open in the browser. It holds no lasting secret, but identifies this login.
    #[must_use]
    pub fn authorization_url(&self) -> &str {
        self.authorization_url.as_str()
    }

    /// Waits for the callback, then requests the tokens and stores them.
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
        let result = tokio::time::timeout_at(self.deadline, callback.result(&state)).await;
        let (code, issuer) = match result.map_err(|_| LoginError::Timeout(self.seconds))? {
            CallbackResult::Code { code, issuer } => (code, issuer),
            CallbackResult::Error(code) => {
                let shown = shown_code(&code);
                return Err(LoginError::Denied(
                    shown.unwrap_or_else(|| "without an error code".to_owned()),
                ));
            }
        };
        http.take_failure();
        let exchange =
            manager.exchange_code_for_token_with_issuer(&code, &state, issuer.as_deref());
        let exchanged = tokio::time::timeout(NETWORK_TIMEOUT, exchange).await;
        exchanged.map_err(|_| LoginError::Timeout(NETWORK_TIMEOUT.as_secs()))?.map_err(
            |error| match (error, http.take_failure()) {
                (
                    AuthError::AuthorizationServerMismatch { .. }
                    | AuthError::AuthorizationServerMissingIssuer { .. }
                    | AuthError::AuthorizationFailed(_),
                    _,
                ) => LoginError::Issuer,
                (_, Some(failure)) => LoginError::Exchange(failure.to_string()),
                (_, None) => LoginError::Exchange("the response holds none".to_owned()),
            },
        )?;
        let no_tokens = || LoginError::Exchange("the response holds none".to_owned());
        let stored = granted.load().await.ok().flatten().ok_or_else(no_tokens)?;
        tokens.take(&stored).ok_or_else(no_tokens)?;
        // A refresh in progress would overwrite the new tokens.
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
