//! How a host reaches servers: the one seam between what a host decides and the network.

use std::path::PathBuf;

use rmcp::model::{CallToolResult, Implementation, JsonObject, Tool};

use super::resolved::{Configuration, Resolved};
use crate::bounded;
use crate::config::{LOCAL_ENVIRONMENT, ServerConfig};
use crate::connection::{
    ConnectContext, ConnectError, Connection, Executor, ReadResourceResult, Resource,
    ResourceTemplate, connect,
};
use crate::extension::BoxFuture;
use crate::oauth::{AuthStatus, OAuth};
use crate::plugin;

/// Reaches the servers of a host. All that a host does with servers goes through it.
pub trait Connector: Send + Sync {
    /// Opens a connection to a server of this view, with its tools, as [`connect`] does. It gets
    /// credentials of the view's sign-in or none, even if the account changes meanwhile
    /// ([`Resolved::bound`]).
    ///
    /// # Errors
    /// See [`ConnectError`].
    fn connect<'a>(
        &'a self,
        view: &'a Resolved,
        name: &'a str,
        server: &'a ServerConfig,
    ) -> BoxFuture<'a, Result<Box<dyn ServerConnection>, ConnectError>>;

    /// How requests to this server are authorised, as [`OAuth::auth_status`] finds out.
    fn auth_status<'a>(
        &'a self,
        name: &'a str,
        server: &'a ServerConfig,
    ) -> BoxFuture<'a, AuthStatus>;

    /// The text of the file `path` of the plugin at `root` in this environment; `None` if there is
    /// none. `Err` is why it cannot be read. By default there are no files.
    fn read_file<'a>(
        &'a self,
        configuration: &'a Configuration,
        environment: &'a str,
        root: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, String>> {
        let _ = (configuration, environment, root, path);
        Box::pin(std::future::ready(Err("this host reads no plugins".to_owned())))
    }
}

/// An open connection to a server; see [`Connection`], whose methods of the same names say more.
pub trait ServerConnection: Send + Sync {
    /// Whether the connection broke or was closed.
    fn is_closed(&self) -> bool;

    /// The name and version that the server sent.
    fn server_info(&self) -> Option<Implementation>;

    /// The tools at the time of the connection.
    fn tools(&self) -> &[Tool];

    /// The current tools.
    fn list_tools(&self) -> BoxFuture<'_, Result<Vec<Tool>, ConnectError>>;

    /// The current resources.
    fn list_resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ConnectError>>;

    /// The current resource templates.
    fn list_resource_templates(&self)
    -> BoxFuture<'_, Result<Vec<ResourceTemplate>, ConnectError>>;

    /// Reads a resource.
    fn read_resource<'a>(
        &'a self,
        uri: &'a str,
    ) -> BoxFuture<'a, Result<ReadResourceResult, ConnectError>>;

    /// Calls a tool. A call that is dropped is cancelled at the server.
    fn call_tool<'a>(
        &'a self,
        tool: &'a str,
        arguments: Option<JsonObject>,
        meta: Option<JsonObject>,
    ) -> BoxFuture<'a, Result<CallToolResult, ConnectError>>;

    /// Closes the connection, within a bounded time.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// The network and the processes of this machine.
pub struct Network {
    /// The context of all connections.
    pub context: ConnectContext,
    /// The OAuth logins, for [`Connector::auth_status`].
    pub oauth: OAuth,
}

impl Connector for Network {
    fn connect<'a>(
        &'a self,
        view: &'a Resolved,
        name: &'a str,
        server: &'a ServerConfig,
    ) -> BoxFuture<'a, Result<Box<dyn ServerConnection>, ConnectError>> {
        Box::pin(async move {
            let context = view.bound(self.context.clone());
            let connection = connect(name, server, &context).await?;
            Ok(Box::new(connection) as Box<dyn ServerConnection>)
        })
    }

    fn auth_status<'a>(
        &'a self,
        name: &'a str,
        server: &'a ServerConfig,
    ) -> BoxFuture<'a, AuthStatus> {
        self.oauth.auth_status(name, server, &self.context.environment)
    }

    fn read_file<'a>(
        &'a self,
        configuration: &'a Configuration,
        environment: &'a str,
        root: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, String>> {
        Box::pin(async move {
            let executor = configuration.executor(self.context.executor.clone());
            match executor {
                Executor::None => Err("this host has no disk".to_owned()),
                _ if environment == LOCAL_ENVIRONMENT => {
                    let (root, path) = (PathBuf::from(root), path.to_owned());
                    let read = bounded::FILES
                        .run(bounded::LIMIT, move || plugin::read_inside(&root, &path));
                    read.unwrap_or_else(|| Err(bounded::too_long()))
                }
                Executor::Local => Err(format!("there is no environment {environment:?}")),
                Executor::Named(named) => {
                    named.read(environment, root, path, &self.context.environment).await
                }
            }
        })
    }
}

impl ServerConnection for Connection {
    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn server_info(&self) -> Option<Implementation> {
        self.server_info()
    }

    fn tools(&self) -> &[Tool] {
        self.tools()
    }

    fn list_tools(&self) -> BoxFuture<'_, Result<Vec<Tool>, ConnectError>> {
        self.list_tools()
    }

    fn list_resources(&self) -> BoxFuture<'_, Result<Vec<Resource>, ConnectError>> {
        self.list_resources()
    }

    fn list_resource_templates(
        &self,
    ) -> BoxFuture<'_, Result<Vec<ResourceTemplate>, ConnectError>> {
        self.list_resource_templates()
    }

    fn read_resource<'a>(
        &'a self,
        uri: &'a str,
    ) -> BoxFuture<'a, Result<ReadResourceResult, ConnectError>> {
        self.read_resource(uri)
    }

    fn call_tool<'a>(
        &'a self,
        tool: &'a str,
        arguments: Option<JsonObject>,
        meta: Option<JsonObject>,
    ) -> BoxFuture<'a, Result<CallToolResult, ConnectError>> {
        self.call_tool(tool, arguments, meta)
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.shutdown())
    }
}
