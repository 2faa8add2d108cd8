//! The account changes while a server is opened.

use std::sync::Arc;

use mcp_overlay_host::auth::AuthStore;
use mcp_overlay_host::connection::{ConnectContext, ConnectOptions, Executor};
use mcp_overlay_host::host::{
    ConfigSource, Host, HostParts, Network, ServerSet, StartupEvent, StartupEvents,
};
use mcp_overlay_host::oauth::{OAuth, TokenStore};
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, hosted_apps};
use serde_json::Value;
use tokio_util::task::TaskTracker;

use crate::support::chatgpt;
use crate::views::{apps, settings};

struct Ignored;

impl StartupEvents for Ignored {
    fn happened(&self, _: StartupEvent) {}
}

fn account(id: &str) -> Value {
    let mut auth = chatgpt(&format!("token-of-{id}"));
    auth["tokens"]["account_id"] = id.into();
    auth
}

fn host(config: String, auth: &AuthStore) -> Host {
    let mut extensions = McpExtensionRegistryBuilder::new();
    hosted_apps::install(&mut extensions);
    Host::new(HostParts {
        source: ConfigSource::Given(config),
        overrides: Vec::new(),
        environment: Environment::default(),
        extensions: extensions.build(),
        auth: auth.clone(),
        tokens: TokenStore::in_memory(),
        warn: Box::new(|_| {}),
    })
}

/// The view is of the first account, the connection is opened when the second one is signed in, and
/// used when the first one is back.
#[tokio::test]
async fn a_connection_gets_the_credentials_of_its_view_or_none() {
    let server = apps().await;
    let auth = AuthStore::fixed(Some(&account("a").to_string()), &Environment::default());
    let host = host(settings(&server), &auth);
    let first = host.resolve().await.unwrap();
    auth.replace(Some(account("b").to_string()));
    let context = ConnectContext {
        environment: Environment::default(),
        host_credentials: Some(Arc::new(auth.clone())),
        oauth: None,
        executor: Executor::None,
        options: ConnectOptions::default(),
        cwd: None,
    };
    let oauth = OAuth::new(TokenStore::in_memory());
    let network = Arc::new(Network { context, oauth });
    let set = ServerSet::start(first, network, Arc::new(Ignored), TaskTracker::new());
    let error = set.lease("codex_apps").await.unwrap().err().expect("no credentials of b");
    assert!(error.to_string().contains("another account"), "{error}");
    assert!(server.received_requests().await.unwrap().is_empty());
    auth.replace(Some(account("a").to_string()));
    let set = set.succeeded_by(host.resolve().await.unwrap(), |_| false);
    let connection = set.lease("codex_apps").await.unwrap().unwrap();
    assert!(connection.call_tool("mail_read", None, None).await.is_ok());
    for request in server.received_requests().await.unwrap() {
        assert_eq!(request.headers["authorization"], "Bearer token-of-a");
        assert_eq!(request.headers["chatgpt-account-id"], "a");
    }
}
