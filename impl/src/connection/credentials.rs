//! Fixed host credentials.

use std::fmt;
use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::authorize::{AuthHeaders, Authorizer, HostCredentialSource, Refusal, Unauthorized};
use super::header::{bearer, sensitive};

pub(super) static ACCOUNT_ID: HeaderName = HeaderName::from_static("chatgpt-account-id");

/// The host's own credentials: the user's ChatGPT sign-in. Only
/// Module `recipient` decides which servers get them. `Debug` shows neither value.
#[derive(Clone, PartialEq, Eq)]
pub struct HostCredentials {
    /// The ChatGPT access token, sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// The ChatGPT account, sent as `ChatGPT-Account-ID`.
    pub account_id: Option<String>,
}

impl HostCredentials {
    /// The headers that carry them.
    ///
    /// # Errors
    /// A header cannot carry them.
    pub fn headers(&self) -> Result<AuthHeaders, Unauthorized> {
        let unsendable = |_| {
            Unauthorized("the stored tokens cannot be sent as headers; sign in again".to_owned())
        };
        let mut headers = vec![(AUTHORIZATION, bearer(&self.access_token).map_err(unsendable)?)];
        if let Some(account) = &self.account_id {
            headers.push((ACCOUNT_ID.clone(), sensitive(account).map_err(unsendable)?));
        }
        Ok(AuthHeaders::new(headers))
    }
}

impl fmt::Debug for HostCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostCredentials").finish_non_exhaustive()
    }
}

/// These credentials stay valid through sign-ins and sign-outs.
impl HostCredentialSource for HostCredentials {
    fn authorizer(&self) -> Option<Arc<dyn Authorizer>> {
        Some(Arc::new(self.clone()))
    }

    fn is_signed_in(&self) -> bool {
        true
    }
}

impl Authorizer for HostCredentials {
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>> {
        Box::pin(ready(Self::headers(self)))
    }

    fn refused(&self, _: Refusal) -> BoxFuture<'_, Option<AuthHeaders>> {
        Box::pin(ready(None))
    }

    fn advice(&self) -> String {
        "sign in again".to_owned()
    }
}

/// Sends the Apps server's own token while the user is signed in.
pub(super) struct WhileSignedIn {
    pub(super) token: HeaderValue,
    pub(super) source: Arc<dyn HostCredentialSource>,
}

impl Authorizer for WhileSignedIn {
    fn headers(&self) -> BoxFuture<'_, Result<AuthHeaders, Unauthorized>> {
        let headers = if self.source.is_signed_in() {
            Ok(AuthHeaders::new([(AUTHORIZATION, self.token.clone())]))
        } else {
            Err(Unauthorized("you are no longer signed in: sign in again".to_owned()))
        };
        Box::pin(ready(headers))
    }

    fn refused(&self, _: Refusal) -> BoxFuture<'_, Option<AuthHeaders>> {
        Box::pin(ready(None))
    }

    fn advice(&self) -> String {
        "check its token".to_owned()
    }
}
