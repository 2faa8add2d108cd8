//! Resolution: computes the three views from host, plugins and contributions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::auth::Auth;
use crate::config::{HostConfig, ServerAuth, ServerConfig, StreamableHttp, Transport};
use crate::extension::{McpExtensionRegistry, McpServerContribution};
use crate::hosted_apps::{self, CODEX_APPS};
use crate::plugin::Plugin;
use crate::selected::{self, Selected};
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
    /// Whether an app would hide a server of its plugin with backend auth, and does not here.
    hides_more: bool,
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
    /// No `Set` or `Remove` names the reserved server.
    legacy_loader_active: bool,
    /// The servers of `runtime` that come from selected plugins, with the ids of these.
    selected_owners: PluginOwners,
    /// The contributions, if they are needed once more for `routed`.
    contributions: Vec<McpServerContribution>,
    /// The same with apps that hide servers, if any app does.
    routed: OnceLock<Box<McpRuntimeConfig>>,
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

    /// The view `configured` without backend auth: servers of config and plugins, before extensions.
    #[must_use]
    pub fn configured_servers(&self, host: &Arc<HostConfig>, plugins: &Arc<[Plugin]>) -> View {
        self.configured(host, plugins).view.clone()
    }

    /// The view `runtime` without backend auth: configured servers with all contributions applied.
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

    /// Everything but auth, resolved once for all three views;
    /// [`for_auth`](McpRuntimeConfig::for_auth) has what auth changes.
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
        let configured = Arc::new(Configured::new(Arc::clone(host), Arc::clone(plugins), false));
        self.with_last(|last| last.configured = Some(Arc::clone(&configured)));
        configured
    }

    fn with_last<T>(&self, look: impl FnOnce(&mut Last) -> T) -> T {
        // Nothing that can panic runs under the lock, and what is in it is always whole.
        look(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Configured {
    /// With `routed` apps hide servers of their plugins: rules `route.*`.
    fn new(host: Arc<HostConfig>, plugins: Arc<[Plugin]>, routed: bool) -> Self {
        let added = plugin_servers(&host, &plugins, routed);
        let view = View::new(Arc::clone(host.mcp_servers()), added);
        let may_hide = !routed && host.behaviour().apps_hide_servers;
        let hides_more = may_hide && plugins.iter().any(Plugin::hides);
        Self { host, plugins, hides_more, view, owners: OnceLock::new() }
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
fn plugin_servers(host: &HostConfig, plugins: &[Plugin], routed: bool) -> Vec<PluginServer> {
    let mut offers = Vec::new();
    for (plugin, of) in plugins.iter().enumerate() {
        offers.extend(of.offers(routed).map(|(name, server)| (name, server, plugin)));
    }
    // The sort is stable, so the earliest plugin's offer of a name comes first and stays.
    offers.sort_by(|a, b| a.0.cmp(b.0));
    offers.dedup_by(|later, earlier| later.0 == earlier.0);
    let mut own = host.mcp_servers().keys().peekable();
    offers.retain(|(name, ..)| {
        while own.next_if(|own| own < name).is_some() {}
        own.peek() != Some(name)
    });
    let requirements = host.requirements();
    let is_allowed = |plugin: usize, name: &str, server: &ServerConfig| {
        let id = plugins.get(plugin).map(|plugin| plugin.id.as_str());
        !requirements.lists_plugins()
            || requirements.allows_of_plugin(id.unwrap_or_default(), name, server)
    };
    let added = |(name, server, plugin): (&Arc<str>, &Arc<ServerConfig>, usize)| PluginServer {
        name: Arc::clone(name),
        server: if is_allowed(plugin, name, server) {
            Arc::clone(server)
        } else {
            server.disabled()
        },
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
        let kept = if configured.hides_more { contributions.clone() } else { Vec::new() };
        let (selected, contributions) = selected::split(contributions);
        let own = configured.host.mcp_servers();
        let selected = match behaviour.selected_plugins {
            true => selected::winners(selected, |name| own.contains_key(name)),
            false => Vec::new(),
        };
        let mut changes = last_contributions(contributions);
        let legacy_loader_active = find(&changes, CODEX_APPS).is_none();
        if legacy_loader_active && behaviour.loader_before_contributions {
            load_first(&configured.host, &mut changes);
        }
        let before = configured.view.changed(selected.iter().map(Selected::change).collect());
        if behaviour.disabled_stays {
            // Rule `selected.disabled-is-no-veto`.
            let of_selected = |name: &str| selected.iter().any(|offer| *offer.name == *name);
            keep_disabled(&before, &mut changes, of_selected);
        }
        let untouched = selected.iter().filter(|offer| find(&changes, &offer.name).is_none());
        let selected_owners = untouched.map(Selected::owner).collect();
        let runtime = before.changed(changes);
        Self {
            configured,
            revisions,
            runtime,
            legacy_loader_active,
            selected_owners,
            contributions: kept,
            routed: OnceLock::new(),
            owners_of_runtime: OnceLock::new(),
            gate_open: OnceLock::new(),
            gate_closed: OnceLock::new(),
        }
    }

    /// The same for this auth: with backend auth an app hides the server of its name. Rules `route.*`.
    #[must_use]
    pub fn for_auth(&self, auth: Option<Auth>) -> &Self {
        if !self.configured.hides_more || !auth.is_some_and(Auth::uses_codex_backend) {
            return self;
        }
        self.routed.get_or_init(|| {
            let (host, plugins) = (&self.configured.host, &self.configured.plugins);
            let configured = Configured::new(Arc::clone(host), Arc::clone(plugins), true);
            let revisions = self.revisions.clone();
            Box::new(Self::new(Arc::new(configured), revisions, self.contributions.clone()))
        })
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
            self.owners_of_runtime.get_or_init(|| {
                let mut owners = configured.owners_in(&self.runtime);
                let selected = self.selected_owners.iter();
                owners.extend(selected.map(|(name, id)| (Arc::clone(name), Arc::clone(id))));
                owners
            })
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
        let this = self.for_auth(auth);
        let view = if this.gate_is_open(auth) {
            this.gate_open.get_or_init(|| this.with_auth_limited(this.behind_open_gate()))
        } else {
            this.gate_closed.get_or_init(|| this.with_auth_limited(this.behind_closed_gate()))
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

/// Disables the servers that are disabled `before` the changes, unless they are of selected plugins.
/// Rule `overlay.disabled-stays`.
fn keep_disabled(before: &View, changes: &mut [Change], of_selected: impl Fn(&str) -> bool) {
    for (name, change) in changes {
        let Some(server) = change.as_mut().filter(|server| server.enabled) else { continue };
        if before.get(name).is_some_and(|before| !before.enabled) && !of_selected(name) {
            *server = server.disabled();
        }
    }
}

/// The last contribution to each name, sorted by name. Rules `overlay.*`: a later contribution
/// replaces an earlier one as a whole, so only the last to a name counts.
fn last_contributions(contributions: Vec<McpServerContribution>) -> Vec<Change> {
    let change = |contribution| match contribution {
        McpServerContribution::Set { name, server } => Some((name, Some(server))),
        McpServerContribution::Remove { name } => Some((name, None)),
        McpServerContribution::SelectedPlugin { .. } => None,
    };
    let mut changes: Vec<Change> = contributions.into_iter().filter_map(change).collect();
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
