//! The headers of the requests to an HTTP server, for a [`Connector`](crate::host::Connector) that is
//! not the network.

use std::sync::Arc;

use reqwest::header::HeaderMap;

use super::authorize::Authorizer;
use super::context::ConnectContext;
use super::error::ConnectError;
use super::target::{Authorization, Target};
use crate::config::StreamableHttp;

/// What the requests of one connection carry, as [`connect`](super::connect) decides it. `Debug` is
/// not implemented: the headers hold secrets.
pub struct RequestHeaders {
    target: Target,
}

impl RequestHeaders {
    /// The headers and the authorization of a connection that begins now.
    ///
    /// # Errors
    /// The URL, a header or a token is invalid, or the Apps server has no credentials.
    pub async fn of(
        name: &str,
        http: &StreamableHttp,
        context: &ConnectContext,
    ) -> Result<Self, ConnectError> {
        Ok(Self { target: Target::of(name, http, context).await? })
    }

    /// The headers of the next request. Every request asks again: credentials that were removed must
    /// not be sent.
    ///
    /// # Errors
    /// The credentials of the connection are gone.
    pub async fn next(&self) -> Result<HeaderMap, ConnectError> {
        let mut headers = self.target.headers.clone();
        if let Some(authorizer) = self.authorizer() {
            let sent =
                authorizer.headers().await.map_err(|reason| ConnectError::NotAuthorized {
                    address: self.target.address.clone(),
                    reason: reason.0,
                })?;
            headers.extend(sent.iter().cloned());
        }
        Ok(headers)
    }

    fn authorizer(&self) -> Option<&Arc<dyn Authorizer>> {
        match &self.target.authorization {
            Authorization::Asked(authorizer) | Authorization::Variable(_, Some(authorizer)) => {
                Some(authorizer)
            }
            Authorization::None | Authorization::Variable(_, None) => None,
        }
    }
}
