//! Authorises the requests of one connection with the tokens of a login.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use reqwest::Url;

use super::refresh::{RefreshError, refresh};
use super::server_url::server_url;
use super::service::OAuth;
use super::store::TokenStore;
use super::tokens::Tokens;
use crate::connection::authorize::{AuthHeaders, Authorizer, OAuthSource, Refusal, Unauthorized};
use crate::connection::header::{Unsendable, bearer};
use crate::connection::trust::Trust;

/// Reads the tokens from the store at every request: after a logout, in this or another process, no
/// request carries them.
pub(super) struct ServerAuthorizer(Arc<Shared>);

struct Shared {
    store: TokenStore,
    name: String,
    url: String,
    server: Url,
    trust: Trust,
    refused: Mutex<Refused>,
}

#[derive(Default)]
struct Refused {
    /// The token that replaced a refused one. If the server refuses it too, another refresh does
    /// not help.
    renewed: Option<String>,
    /// The scope that the last refusal asked for.
    scope: Option<String>,
    insufficient: bool,
}

/// Which tokens a request needs.
enum Wanted {
    /// Tokens that do not expire soon.
    Fresh,
    /// Tokens with another access token than this one, which the server refused.
    OtherThan(String),
}

impl ServerAuthorizer {
    pub(super) fn new(store: TokenStore, name: &str, url: &str, server: Url, trust: Trust) -> Self {
        let (name, url) = (name.to_owned(), url.to_owned());
        Self(Arc::new(Shared { store, name, url, server, trust, refused: Mutex::default() }))
    }
}

impl Shared {
    async fn load(&self) -> Result<Tokens, Unauthorized> {
        let loaded = self.store.load(&self.name, &self.url).await;
        let tokens = loaded.map_err(|error| Unauthorized(error.to_string()))?;
        let gone = || Unauthorized(format!("you are no longer logged in; {}", self.log_in()));
        tokens.ok_or_else(gone)
    }

    /// The tokens to send, refreshed if necessary.
    async fn tokens(self: &Arc<Self>, wanted: Wanted) -> Result<Tokens, Unauthorized> {
        let tokens = self.load().await?;
        if wanted.are(&tokens) {
            return Ok(tokens);
        }
        // In a task of its own: the request may be cancelled, but once the refresh token is spent
        // the new tokens must be stored.
        let (shared, since) = (Arc::clone(self), Instant::now());
        let renewed = tokio::spawn(async move { shared.renew(wanted, since).await });
        renewed.await.unwrap_or_else(|_| Err(Unauthorized("the host is shutting down".to_owned())))
    }

    /// Refreshes the tokens, unless that was done or failed while this waited, which began at `since`.
    async fn renew(&self, wanted: Wanted, since: Instant) -> Result<Tokens, Unauthorized> {
        let lock = self.store.lock(&self.name, &self.url).await;
        let mut lock = lock.map_err(|error| Unauthorized(error.to_string()))?;
        // Another request or process may have refreshed them in the meantime.
        let old = self.load().await?;
        if wanted.are(&old) {
            return Ok(old);
        }
        // A refresh token whose answer was lost may be spent, and a second attempt taken for theft. One
        // attempt is enough for all requests that wait for it.
        if let Some(reason) = lock.failed_since(since, &old) {
            return Err(Unauthorized(reason));
        }
        let is_good = matches!(wanted, Wanted::Fresh) && !old.have_expired();
        // Before the token is spent: it could not be used again if the new tokens were lost.
        let prepared = match old.refresh_token {
            Some(_) => self.store.prepare().await,
            None => Ok(None),
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(_) if is_good => return Ok(old),
            Err(error) => return Err(Unauthorized(error.to_string())),
        };
        let error = match refresh(&self.server, &old, self.trust.clone()).await {
            Ok(new) => {
                let saved = self.store.save_prepared(new.clone(), prepared).await;
                saved.map_err(|error| Unauthorized(error.to_string()))?;
                return Ok(new);
            }
            // The old tokens are valid for some more seconds.
            Err(_) if is_good => return Ok(old),
            Err(error) => error,
        };
        Err(Unauthorized(match error {
            RefreshError::NoToken => format!("the login has expired; {}", self.log_in()),
            RefreshError::Rejected => {
                // The tokens are useless. A failure to remove them changes nothing.
                let _ = self.store.remove(&self.name, &self.url).await;
                format!("the authorization server ended the login; {}", self.log_in())
            }
            RefreshError::Failed(reason) => {
                let log_in = self.log_in();
                let reason =
                    format!("the login could not be refreshed ({reason}); try again, or {log_in}");
                lock.failed(&old, reason.clone());
                reason
            }
        }))
    }

    /// Tokens that replace the refused one.
    async fn after_refusal(self: &Arc<Self>, token: String) -> Option<Tokens> {
        if self.refused().renewed.as_ref() == Some(&token) {
            return None;
        }
        let tokens = self.tokens(Wanted::OtherThan(token)).await.ok()?;
        self.refused().renewed = Some(tokens.access_token.clone());
        Some(tokens)
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_in(&self) -> String {
        format!("log in again: `{}`", login_command(&self.name))
    }
}

impl Wanted {
    fn are(&self, tokens: &Tokens) -> bool {
        match self {
            Self::Fresh => !tokens.are_stale(),
            Self::OtherThan(refused) => tokens.access_token != *refused,
        }
    }
}

/// The access token that a request carried.
fn token_in(sent: &AuthHeaders) -> Option<&str> {
    let (_, value) = sent.iter().find(|(name, _)| name == AUTHORIZATION)?;
    value.to_str().ok()?.strip_prefix("Bearer ")
}

fn headers(tokens: &Tokens) -> Result<AuthHeaders, Unsendable> {
    Ok(AuthHeaders::new([(AUTHORIZATION, bearer(&tokens.access_token)?)]))
}

impl Authorizer for ServerAuthorizer {
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>> {
        Box::pin(async move {
            let tokens = self.0.tokens(Wanted::Fresh).await?;
            headers(&tokens).map_err(|_| {
                Unauthorized(format!(
                    "the stored token cannot be sent as a header; {}",
                    self.0.log_in()
                ))
            })
        })
    }

    fn refused(&self, refusal: Refusal) -> BoxFuture<'_, Option<AuthHeaders>> {
        Box::pin(async move {
            let challenge = refusal.challenge.as_deref().unwrap_or_default();
            let parsed =
                rmcp::transport::auth::WWWAuthenticateParams::parse(challenge, &self.0.server);
            let insufficient = refusal.status == 403 && parsed.is_insufficient_scope();
            {
                let mut refused = self.0.refused();
                refused.insufficient = insufficient;
                refused.scope = parsed.scope.filter(|_| insufficient);
            }
            if refusal.status != 401 {
                return None;
            }
            let token = token_in(&refusal.sent)?;
            headers(&self.0.after_refusal(token.to_owned()).await?).ok()
        })
    }

    fn accepted(&self, sent: &AuthHeaders) {
        // A token that was good may expire later, and then a refresh helps again.
        self.0.refused().renewed.take_if(|renewed| token_in(sent) == Some(renewed.as_str()));
    }

    fn advice(&self) -> String {
        let refused = self.0.refused();
        let command = login_command(&self.0.name);
        match &refused.scope {
            // Only valid scopes are put into a command.
            Some(scope) if is_scope(scope) => {
                let scopes = scope.split_whitespace().collect::<Vec<_>>().join(",");
                format!("the login lacks a permission; log in again: `{command} --scopes {scopes}`")
            }
            _ if refused.insufficient => {
                format!("the login lacks a permission; log in again: `{command}`")
            }
            _ => self.0.log_in(),
        }
    }
}

/// Whether the text is a list of scopes without special characters of a shell.
fn is_scope(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" :./_-".contains(&byte);
    !text.trim().is_empty() && text.len() <= 200 && text.bytes().all(plain)
}

impl OAuthSource for OAuth {
    fn authorizer<'a>(
        &'a self,
        name: &'a str,
        url: &'a str,
    ) -> BoxFuture<'a, Option<Arc<dyn Authorizer>>> {
        Box::pin(async move {
            let server = server_url(url)?;
            match self.store.load(name, url).await {
                Ok(None) => None,
                // The authorizer reports an unreadable store.
                Ok(Some(_)) | Err(_) => {
                    let (store, trust) = (self.store.clone(), self.trust.clone());
                    let authorizer = ServerAuthorizer::new(store, name, url, server, trust);
                    Some(Arc::new(authorizer) as Arc<dyn Authorizer>)
                }
            }
        })
    }
}

/// The command that logs in, for messages. A name that a shell would not take literally is not
/// shown.
fn login_command(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_plain = !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain);
    let shown = if is_plain { name } else { "NAME" };
    format!("mcp-overlay-host mcp login {shown}")
}
