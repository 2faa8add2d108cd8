//! Authorises connections with the host's credentials, those of one account.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::file::Account;
use super::kind::Auth;
use super::now::AuthNow;
use super::refresh::refresh;
use super::store::AuthStore;
use crate::connection::authorize::{
    AuthHeaders, Authorizer, HostCredentialSource, Refusal, Unauthorized,
};

const UNAUTHORIZED: u16 = 401;

/// Bound to one account: after a sign-out, or a sign-in with another account, it authorises nothing.
pub(super) struct AccountAuthorizer {
    store: AuthStore,
    account: Account,
    /// Why the last refresh failed.
    failure: Mutex<Option<String>>,
}

impl AccountAuthorizer {
    pub(super) fn new(store: AuthStore, account: Account) -> Self {
        Self { store, account, failure: Mutex::default() }
    }

    fn note(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Headers that differ from the refused ones: another process has refreshed the tokens in the
    /// meantime, or this one does so now.
    async fn replacement(&self, refused: &AuthHeaders) -> Result<AuthHeaders, String> {
        let now = self.store.now();
        let headers = headers_of(&now, &self.account).map_err(|error| error.0)?;
        if headers != *refused {
            return Ok(headers);
        }
        if self.account.auth() != Auth::ChatGpt {
            return Err(String::new());
        }
        let token = now.credentials.as_ref().map(|sent| sent.access_token.clone());
        refresh(&self.store, &self.account, token.unwrap_or_default()).await?;
        let headers = headers_of(&self.store.now(), &self.account).map_err(|error| error.0)?;
        if headers == *refused {
            Err("the tokens are the same as before".to_owned())
        } else {
            Ok(headers)
        }
    }
}

impl Authorizer for AccountAuthorizer {
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>> {
        Box::pin(async move { headers_of(&self.store.now(), &self.account) })
    }

    fn refused(&self, refusal: Refusal) -> BoxFuture<'_, Option<AuthHeaders>> {
        Box::pin(async move {
            // 403 means that the account lacks a permission; new tokens of it change nothing.
            if refusal.status != UNAUTHORIZED {
                return None;
            }
            match self.replacement(&refusal.sent).await {
                Ok(headers) => {
                    self.note(None);
                    Some(headers)
                }
                Err(failure) => {
                    self.note(Some(failure).filter(|failure| !failure.is_empty()));
                    None
                }
            }
        })
    }

    fn advice(&self) -> String {
        let advice = match self.account.auth() {
            Auth::ChatGptAuthTokens | Auth::Headers => {
                "sign in again in the application that supplies this host's sign-in"
            }
            Auth::PersonalAccessToken => "sign in again with a new personal access token",
            Auth::ApiKey | Auth::BedrockApiKey | Auth::ChatGpt | Auth::AgentIdentity => {
                "sign in again"
            }
        };
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failure {
            Some(failure) => format!("{advice} ({failure})"),
            None => advice.to_owned(),
        }
    }
}

/// Authorises connections with the credentials of one account, as long as it is signed in.
struct OneAccount {
    store: AuthStore,
    account: Option<Account>,
}

impl AuthStore {
    /// The source for connections that are opened for this sign-in: if another account signs in
    /// before or while they are opened, they get no credentials, not even after the first account
    /// came back.
    #[must_use]
    pub fn bound_to(&self, now: &AuthNow) -> Arc<dyn HostCredentialSource> {
        Arc::new(OneAccount { store: self.clone(), account: now.account.clone() })
    }
}

impl HostCredentialSource for OneAccount {
    fn authorizer(&self) -> Option<Arc<dyn Authorizer>> {
        let account = self.account.clone()?;
        let now = self.store.now();
        // Without credentials now the authorizer says why.
        if now.account.as_ref() == Some(&account) {
            now.credentials.as_ref()?;
        }
        Some(Arc::new(AccountAuthorizer::new(self.store.clone(), account)))
    }

    fn is_signed_in(&self) -> bool {
        let now = self.store.now();
        now.account == self.account && now.auth.is_some_and(Auth::uses_codex_backend)
    }
}

impl HostCredentialSource for AuthStore {
    fn authorizer(&self) -> Option<Arc<dyn Authorizer>> {
        let now = self.now();
        now.credentials.as_ref()?;
        let account = now.account.clone()?;
        Some(Arc::new(AccountAuthorizer::new(self.clone(), account)))
    }

    fn is_signed_in(&self) -> bool {
        self.now().auth.is_some_and(Auth::uses_codex_backend)
    }
}

/// The headers of this account, if it is still signed in.
fn headers_of(now: &AuthNow, account: &Account) -> Result<AuthHeaders, Unauthorized> {
    match (&now.account, &now.credentials, &now.error) {
        (Some(other), Some(credentials), _) if other == account => credentials.headers(),
        (Some(_), _, _) => Err(Unauthorized(
            "this connection belongs to another account than the one that is signed in; reload the \
             servers, or sign in again with the former account"
                .to_owned(),
        )),
        (None, _, Some(error)) => Err(Unauthorized(error.to_string())),
        (None, _, None) => {
            Err(Unauthorized("you have been signed out of ChatGPT; sign in again".to_owned()))
        }
    }
}
