//! The Apps server of an effective view.

use std::sync::Arc;

use rmcp::model::Tool;

use super::authorize::HostCredentialSource;
use super::context::{ConnectContext, Executor};
use super::credentials::HostCredentials;
use super::error::ConnectError;
use super::options::ConnectOptions;
use super::session::Connection;
use super::start::connect;
use crate::config::Environment;
use crate::hosted_apps::CODEX_APPS;
use crate::view::View;

/// An open connection to the Apps server. Dropping it closes it without waiting.
#[derive(Debug)]
pub struct AppsConnection(Connection);

/// Connects to the Apps server of this effective view with these credentials; see [`connect`].
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect_apps(
    view: &View,
    credentials: Option<&HostCredentials>,
    env: &Environment,
    options: ConnectOptions,
) -> Result<AppsConnection, ConnectError> {
    let server = view.get(CODEX_APPS).ok_or(ConnectError::Absent)?;
    let source =
        |known: &HostCredentials| -> Arc<dyn HostCredentialSource> { Arc::new(known.clone()) };
    let context = ConnectContext {
        environment: env.clone(),
        host_credentials: credentials.map(source),
        oauth: None,
        executor: Executor::None,
        options,
        cwd: None,
    };
    connect(CODEX_APPS, server, &context).await.map(AppsConnection)
}

impl AppsConnection {
    /// The tools the server had when the connection was made: see [`Connection::tools`].
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        self.0.tools()
    }

    /// The tools the server has now: see [`Connection::list_tools`].
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn list_tools(&self) -> Result<Vec<Tool>, ConnectError> {
        self.0.list_tools().await
    }

    /// Closes the connection: see [`Connection::shutdown`].
    pub async fn shutdown(self) {
        self.0.shutdown().await;
    }
}
