//! The hosted Apps MCP server: an HTTP endpoint of the host's own backend that needs no executor.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::config::{HostConfig, Redacted, ServerAuth, ServerConfig, StreamableHttp, Transport};
use crate::extension::{
    BoxFuture, McpExtensionRegistryBuilder, McpServerContribution, McpServerContributor,
};

/// The reserved name of the Apps server. It gets the user's ChatGPT credentials (by this name, or by
/// its field `auth` in later profiles), so who may define it is a security property.
pub const CODEX_APPS: &str = "codex_apps";

/// The environment variable for the bearer token of the Apps server.
pub const CONNECTORS_TOKEN_ENV_VAR: &str = "CODEX_CONNECTORS_TOKEN";

/// The header with the product SKU.
pub const PRODUCT_SKU_HEADER: &str = "X-OpenAI-Product-Sku";

/// The header with the originator of a thread.
pub const ORIGINATOR_HEADER: &str = "originator";

/// How long the Apps server may take to start. Rule `apps-server.shape`.
pub const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

static NAME: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(CODEX_APPS));

/// The reserved name, shared.
pub(crate) fn name() -> Arc<str> {
    Arc::clone(&NAME)
}

/// The Apps server of this host. Rules `apps-server.*` and `endpoint.*`.
#[must_use]
pub fn apps_server(host: &HostConfig) -> ServerConfig {
    apps_server_at(host, host.apps_endpoint())
}

fn apps_server_at(host: &HostConfig, url: String) -> ServerConfig {
    let behaviour = host.behaviour();
    let sku = host.apps_mcp_product_sku().or(behaviour.default_product_sku);
    // Rule `apps-server.originator`.
    let thread = host.thread().filter(|_| behaviour.originator);
    let originator = thread.map(|thread| thread.originator());
    let headers: BTreeMap<String, Redacted> =
        [(PRODUCT_SKU_HEADER, sku), (ORIGINATOR_HEADER, originator)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Redacted::from(value?))))
            .collect();
    let token_in_environment = host.environment().is_set(CONNECTORS_TOKEN_ENV_VAR);
    let http = StreamableHttp {
        url,
        bearer_token_env_var: token_in_environment.then(|| CONNECTORS_TOKEN_ENV_VAR.to_owned()),
        http_headers: (!headers.is_empty()).then_some(headers),
        auth: if behaviour.auth_field { ServerAuth::ChatGpt } else { ServerAuth::default() },
        ..StreamableHttp::default()
    };
    ServerConfig {
        startup_timeout: Some(STARTUP_TIMEOUT),
        ..ServerConfig::new(Transport::StreamableHttp(http))
    }
}

/// Installs the contributor of the Apps server. A host without it has the legacy loader instead:
/// rules `legacy.*`.
pub fn install(builder: &mut McpExtensionRegistryBuilder) {
    builder.contributor(Arc::new(HostedApps));
}

/// Contributes the Apps server.
struct HostedApps;

impl McpServerContributor for HostedApps {
    fn id(&self) -> &str {
        "hosted-apps"
    }

    /// Rules `hosted.*`.
    fn contribute<'a>(&'a self, host: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        let contribution = if host.features().apps {
            McpServerContribution::Set {
                name: name(),
                server: Arc::new(apps_server_at(host, host.hosted_apps_endpoint())),
            }
        } else {
            McpServerContribution::Remove { name: name() }
        };
        Box::pin(std::future::ready(vec![contribution]))
    }
}
