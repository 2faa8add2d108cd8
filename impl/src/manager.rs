//! Resolution: computes the three views from host, plugins and contributions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::auth::Auth;
use crate::config::{HostConfig, ServerAuth, ServerConfig, StreamableHttp, Transport};
use crate::extension::{McpExtensionRegistry, McpServerContribution};
use crate::hosted_apps::{self, CODEX_APPS};
use crate::plugin::Plugin;
use crate::view::{Change, PluginServer, View, find};

/// The configured servers that come from a plugin, and the id of that plugin.
pub type PluginOwners = BTreeMap<Arc<str>, Arc<str>>;

/// Resolves a host's MCP servers and remembers the last resolution.
///
/// The last resolution is returned again for the same host and the same plugins (the same `Arc`s, not
/// equal ones) while every contributor's revision is what it was before they were asked. That does
/// no work and no copying. The manager keeps that host and those plugins alive, so that their
/// addresses are not reused.
#[derive(Debug)]
pub struct McpManager {
    registry: McpExtensionRegistry,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    configured: Option<Arc<Configured>>,
    runtime: Option<Arc<McpRuntimeConfig>>,
}

/// The configured view of one host and its plugins.
#[derive(Debug)]
struct Configured {
    host: Arc<HostConfig>,
    plugins: Arc<[Plugin]>,
    view: View,
    owners: OnceLock<PluginOwners>,
}

/// Everything that is resolved before anyone signs in. Rules `runtime.is-overlaid-configured` and
/// `runtime.three-phases`.
#[derive(Debug)]
pub struct McpRuntimeConfig {
    configured: Arc<Configured>,
    revisions: Vec<u64>,
    runtime: View,
    /// No contribution names the reserved server.
    legacy_loader_active: bool,
    owners_of_runtime: OnceLock<PluginOwners>,
    gate_open: OnceLock<View>,
    gate_closed: OnceLock<View>,
}

impl McpManager {
    /// A manager of a host with these extensions.
    #[must_use]
    pub fn new(registry: McpExtensionRegistry) -> Self {
        Self { registry, last: Mutex::default() }
    }

    /// The extensions of this host.
    #[must_use]
    pub fn registry(&self) -> &McpExtensionRegistry {
        &self.registry
    }

    /// The view `configured`: servers of config and plugins, before extensions.
    #[must_use]
    pub fn configured_servers(&self, host: &Arc<HostConfig>, plugins: &Arc<[Plugin]>) -> View {
        self.configured(host, plugins).view.clone()
    }

    /// The view `runtime`: configured servers with all contributions applied.
    pub async fn runtime_servers(&self, host: &Arc<HostConfig>, plugins: &Arc<[Plugin]>) -> View {
        self.runtime_config(host, plugins).await.runtime.clone()
    }

    /// The view `effective`: runtime servers after the auth gate and the legacy loader.
    pub async fn effective_servers(
        &self,
        host: &Arc<HostConfig>,
        plugins: &Arc<[Plugin]>,
        auth: Option<Auth>,
    ) -> View {
        self.runtime_config(host, plugins).await.effective(auth)
    }

    /// Everything but auth, resolved once for all three views.
    pub async fn runtime_config(
        &self,
        host: &Arc<HostConfig>,
        plugins: &Arc<[Plugin]>,
    ) -> Arc<McpRuntimeConfig> {
        // Cloned out of the lock: `revision` runs a contributor's code.
        let last = self.with_last(|last| last.runtime.clone());
        if let Some(last) = last
            && last.configured.is_of(host, plugins)
            && self.registry.has_revisions(&last.revisions)
        {
            return last;
        }
        // Read first: if a revision changes during the call, the next call asks again.
        let revisions = self.registry.revisions().collect();
        let contributions = self.registry.contributions(host).await;
        let configured = self.configured(host, plugins);
        let resolved = Arc::new(McpRuntimeConfig::new(configured, revisions, contributions));
        self.with_last(|last| last.runtime = Some(Arc::clone(&resolved)));
        resolved
    }

    fn configured(&self, host: &Arc<HostConfig>, plugins: &Arc<[Plugin]>) -> Arc<Configured> {
        let last = self.with_last(|last| last.configured.clone());
        if let Some(last) = last.filter(|last| last.is_of(host, plugins)) {
            return last;
        }
        let configured = Arc::new(Configured::new(Arc::clone(host), Arc::clone(plugins)));
        self.with_last(|last| last.configured = Some(Arc::clone(&configured)));
        configured
    }

    fn with_last<T>(&self, look: impl FnOnce(&mut Last) -> T) -> T {
        // Nothing that can panic runs under the lock, and what is in it is always whole.
        look(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Configured {
    fn new(host: Arc<HostConfig>, plugins: Arc<[Plugin]>) -> Self {
        let added = plugin_servers(&host, &plugins);
        let view = View::new(Arc::clone(host.mcp_servers()), added);
        Self { host, plugins, view, owners: OnceLock::new() }
    }

    /// The owners of a view that was made from this one.
    fn owners_in(&self, view: &View) -> PluginOwners {
        let ids: Vec<Arc<str>> = self.plugins.iter().map(|p| Arc::from(p.id.as_str())).collect();
        let owner = |found: &PluginServer| {
            Some((Arc::clone(&found.name), Arc::clone(ids.get(found.plugin)?)))
        };
        view.unchanged_plugin_servers().filter_map(owner).collect()
    }

    fn is_of(&self, host: &Arc<HostConfig>, plugins: &Arc<[Plugin]>) -> bool {
        Arc::ptr_eq(&self.host, host) && Arc::ptr_eq(&self.plugins, plugins)
    }
}

/// What the plugins add to the host's own servers, sorted by name. Rules `configured.*`.
fn plugin_servers(host: &HostConfig, plugins: &[Plugin]) -> Vec<PluginServer> {
    let mut offers = Vec::new();
    for (plugin, of) in plugins.iter().enumerate().filter(|(_, plugin)| plugin.active) {
        offers.extend(of.servers.iter().map(|(name, server)| (name, server, plugin)));
    }
    // The sort is stable, so the earliest plugin's offer of a name comes first and stays.
    offers.sort_by(|a, b| a.0.cmp(b.0));
    offers.dedup_by(|later, earlier| later.0 == earlier.0);
    let mut own = host.mcp_servers().keys().peekable();
    offers.retain(|(name, ..)| {
        while own.next_if(|own| own < name).is_some() {}
        own.peek() != Some(name)
    });
    let added = |(name, server, plugin): (&Arc<str>, &Arc<ServerConfig>, usize)| PluginServer {
        name: Arc::clone(name),
        server: Arc::clone(server),
        plugin,
    };
    offers.into_iter().map(added).collect()
}

impl McpRuntimeConfig {
    fn new(
        configured: Arc<Configured>,
        revisions: Vec<u64>,
        contributions: Vec<McpServerContribution>,
    ) -> Self {
        let behaviour = configured.host.behaviour();
        let mut changes = last_contributions(contributions);
        let legacy_loader_active = find(&changes, CODEX_APPS).is_none();
        if legacy_loader_active && behaviour.loader_before_contributions {
            load_first(&configured.host, &mut changes);
        }
        if behaviour.disabled_stays {
            keep_disabled(&configured.view, &mut changes);
        }
        let runtime = configured.view.changed(changes);
        Self {
            configured,
            revisions,
            runtime,
            legacy_loader_active,
            owners_of_runtime: OnceLock::new(),
            gate_open: OnceLock::new(),
            gate_closed: OnceLock::new(),
        }
    }

    /// The view `configured`.
    #[must_use]
    pub fn configured(&self) -> &View {
        &self.configured.view
    }

    /// The view `runtime`.
    #[must_use]
    pub fn runtime(&self) -> &View {
        &self.runtime
    }

    /// Exactly the names whose server comes from a plugin, with that plugin's id. Rules
    /// `configured.owners-exact` and `owners.of-runtime`: the profile decides which view counts.
    #[must_use]
    pub fn plugin_owners(&self) -> &PluginOwners {
        let configured = &self.configured;
        if configured.host.behaviour().owners_of_runtime {
            self.owners_of_runtime.get_or_init(|| configured.owners_in(&self.runtime))
        } else {
            configured.owners.get_or_init(|| configured.owners_in(&configured.view))
        }
    }

    /// The host this was resolved for.
    #[must_use]
    pub fn host(&self) -> &Arc<HostConfig> {
        &self.configured.host
    }

    /// Whether the Apps feature is on.
    #[must_use]
    pub fn apps_enabled(&self) -> bool {
        self.configured.host.features().apps
    }

    /// Whether the legacy Apps loader decides about the Apps server, because no contribution names
    /// it. Rules `legacy.only-when-silent` and `legacy.first-in-runtime`.
    #[must_use]
    pub fn legacy_loader_active(&self) -> bool {
        self.legacy_loader_active
    }

    /// Whether the gate is open for this auth. Rule `gate.open`.
    #[must_use]
    pub fn gate_is_open(&self, auth: Option<Auth>) -> bool {
        self.apps_enabled() && auth.is_some_and(Auth::uses_codex_backend)
    }

    /// The view `effective` for this auth. Rules `effective.others-pass` and
    /// `effective.others-pass-but-auth`.
    #[must_use]
    pub fn effective(&self, auth: Option<Auth>) -> View {
        let view = if self.gate_is_open(auth) {
            self.gate_open.get_or_init(|| self.with_auth_limited(self.behind_open_gate()))
        } else {
            self.gate_closed.get_or_init(|| self.with_auth_limited(self.behind_closed_gate()))
        };
        view.clone()
    }

    /// Rules `legacy.synthesizes-in-effective`, `gate.never-synthesizes` and `gate.passes-runtime`.
    fn behind_open_gate(&self) -> View {
        let host = &self.configured.host;
        if !self.legacy_loader_active || host.behaviour().loader_before_contributions {
            return self.runtime.clone();
        }
        let server = Arc::new(hosted_apps::apps_server(host));
        self.runtime.changed(vec![(hosted_apps::name(), Some(server))])
    }

    /// Rule `gate.closed-removes`.
    fn behind_closed_gate(&self) -> View {
        if !self.runtime.contains(CODEX_APPS) {
            return self.runtime.clone();
        }
        self.runtime.changed(vec![(hosted_apps::name(), None)])
    }

    /// Rule `effective.auth-at-chatgpt-only`. Servers that are at ChatGPT stay shared.
    fn with_auth_limited(&self, view: View) -> View {
        if !self.configured.host.behaviour().auth_field {
            return view;
        }
        let change = |(name, server): (&Arc<str>, &Arc<ServerConfig>)| {
            Some((Arc::clone(name), Some(Arc::new(without_chatgpt_elsewhere(server)?))))
        };
        view.changed(view.iter().filter_map(change).collect())
    }
}

/// The server with the default `auth`, if it has `auth` `chatgpt` and is not at ChatGPT.
fn without_chatgpt_elsewhere(server: &ServerConfig) -> Option<ServerConfig> {
    let Transport::StreamableHttp(http) = &server.transport else { return None };
    if http.auth != ServerAuth::ChatGpt || http.is_at_chatgpt() {
        return None;
    }
    let http = StreamableHttp { auth: ServerAuth::default(), ..http.clone() };
    Some(ServerConfig { transport: Transport::StreamableHttp(http), ..server.clone() })
}

/// Adds what the legacy Apps loader does. No contribution names the Apps server, so the order does not
/// matter here. Rule `legacy.first-in-runtime`.
fn load_first(host: &HostConfig, changes: &mut Vec<Change>) {
    let server = host.features().apps.then(|| Arc::new(hosted_apps::apps_server(host)));
    let at = changes.partition_point(|(name, _)| **name < *CODEX_APPS);
    changes.insert(at, (hosted_apps::name(), server));
}

/// Disables the servers that `configured` disables. Rule `overlay.disabled-stays`.
fn keep_disabled(configured: &View, changes: &mut [Change]) {
    for (name, change) in changes {
        let Some(server) = change.as_mut().filter(|server| server.enabled) else { continue };
        if configured.get(name).is_some_and(|configured| !configured.enabled) {
            *server = Arc::new(ServerConfig { enabled: false, ..ServerConfig::clone(server) });
        }
    }
}

/// The last contribution to each name, sorted by name. Rules `overlay.*`: a later contribution
/// replaces an earlier one as a whole, so only the last to a name counts.
fn last_contributions(contributions: Vec<McpServerContribution>) -> Vec<Change> {
    let change = |contribution| match contribution {
        McpServerContribution::Set { name, server } => (name, Some(server)),
        McpServerContribution::Remove { name } => (name, None),
    };
    let mut changes: Vec<Change> = contributions.into_iter().map(change).collect();
    // Stable, so of one name the last contribution comes last.
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    changes.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    changes
}
