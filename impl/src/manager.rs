//! Resolution: computes the three views from host, plugins and contributions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::answers::{self, Answer};
use crate::auth::Auth;
use crate::config::{HostConfig, Name, ServerAuth, ServerConfig, StreamableHttp, Transport};
use crate::extension::McpExtensionRegistry;
use crate::hosted_apps::{self, CODEX_APPS};
use crate::plugin::Plugin;
use crate::plugin_servers::PluginServers;
use crate::selected::{self, Selected};
use crate::view::{Change, Layer, View, find};

/// The configured servers that come from a plugin, and the id of that plugin.
pub type PluginOwners = BTreeMap<Arc<str>, Arc<str>>;

/// Resolves a host's MCP servers and remembers the last resolution.
///
/// The last resolution is returned again for the same host and the same plugins (the same `Arc`s, not
/// equal ones) while every contributor's revision is what it was before they were asked. That does
/// no work and no copying. If only some revisions changed, only their contributors are asked again, and
/// what the others contributed is used as it was sorted before. The manager keeps that host and those
/// plugins alive, so that their addresses are not reused.
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
    answers: Vec<Arc<Answer>>,
    /// `configured` with the servers of selected plugins.
    before: View,
    /// The changes of each answer, as they apply to `before`.
    layers: Vec<Layer>,
    runtime: View,
    /// No `Set` or `Remove` names the reserved server.
    legacy_loader_active: bool,
    /// The servers of `runtime` that come from selected plugins, with the ids of these.
    selected_owners: PluginOwners,
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
        if let Some(last) = &last
            && last.configured.is_of(host, plugins)
            && answers::are_current(&last.answers, &self.registry)
        {
            return Arc::clone(last);
        }
        // Boxed, so that the future of an unchanged view is small.
        Box::pin(self.resolved(host, plugins, last)).await
    }

    /// Asks the contributors that changed since `last`, and resolves.
    async fn resolved(
        &self,
        host: &Arc<HostConfig>,
        plugins: &Arc<[Plugin]>,
        last: Option<Arc<McpRuntimeConfig>>,
    ) -> Arc<McpRuntimeConfig> {
        let last = last.filter(|last| Arc::ptr_eq(last.host(), host));
        let known = last.as_ref().map_or(&[][..], |last| &last.answers);
        let answers = answers::ask(&self.registry, host, known).await;
        let configured = self.configured(host, plugins);
        let resolved = Arc::new(McpRuntimeConfig::new(configured, answers, last.as_deref()));
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
        let view = View::new(Arc::clone(host.servers_in_order()), added);
        let may_hide = !routed && host.behaviour().apps_hide_servers;
        let hides_more = may_hide && plugins.iter().any(Plugin::hides);
        Self { host, plugins, hides_more, view, owners: OnceLock::new() }
    }

    /// The owners of a view that was made from this one.
    fn owners_in(&self, view: &View) -> PluginOwners {
        let ids: Vec<Arc<str>> = self.plugins.iter().map(|p| Arc::from(p.id.as_str())).collect();
        let owner = |(name, plugin): (&Name, usize)| {
            Some((Arc::clone(name.text()), Arc::clone(ids.get(plugin)?)))
        };
        view.unchanged_plugin_servers().filter_map(owner).collect()
    }

    fn is_of(&self, host: &Arc<HostConfig>, plugins: &Arc<[Plugin]>) -> bool {
        Arc::ptr_eq(&self.host, host) && Arc::ptr_eq(&self.plugins, plugins)
    }
}

/// What the plugins add to the host's own servers. Rules `configured.*`.
fn plugin_servers(host: &HostConfig, plugins: &[Plugin], routed: bool) -> PluginServers {
    let servers = plugins.iter().map(|plugin| Arc::clone(plugin.servers.in_order()));
    let counts = |plugin: usize, name: &Name| {
        plugins.get(plugin).is_some_and(|plugin| plugin.offers(name.text(), routed))
    };
    let mut added = PluginServers::new(servers, host.servers_in_order(), counts);
    let requirements = host.requirements();
    if requirements.lists_plugins() {
        added.disable(|plugin, of| {
            let id = plugins.get(plugin).map_or("", |plugin| &plugin.id);
            requirements.allows_of_plugin(id, of.name.text(), &of.server)
        });
    }
    added
}

impl McpRuntimeConfig {
    /// `last` is an earlier resolution for the same host, if there is one.
    fn new(configured: Arc<Configured>, answers: Vec<Arc<Answer>>, last: Option<&Self>) -> Self {
        let host = &configured.host;
        let behaviour = host.behaviour();
        let selected = match behaviour.selected_plugins {
            true => {
                let offers = answers.iter().flat_map(|answer| answer.selected.iter().cloned());
                selected::winners(offers.collect(), |name| host.mcp_servers().contains_key(name))
            }
            false => Vec::new(),
        };
        let before = match &*selected {
            [] => configured.view.clone(),
            some => configured.view.changed([some.iter().map(Selected::change).collect()]),
        };
        let applied = |changes: &Layer| match behaviour.disabled_stays {
            true => with_disabled_kept(&before, changes, &selected),
            false => Arc::clone(changes),
        };
        // What an earlier resolution applied to the same view applies to it again.
        let last = last.filter(|last| last.before.ptr_eq(&before));
        let mut earlier = last.into_iter().flat_map(|last| last.answers.iter().zip(&last.layers));
        let layer = |answer: &Arc<Answer>| match earlier.next() {
            Some((same, layer)) if Arc::ptr_eq(same, answer) => Arc::clone(layer),
            _ => applied(&answer.changes),
        };
        let layers: Vec<Layer> = answers.iter().map(layer).collect();
        let legacy_loader_active = !answers.iter().any(|answer| answer.names_apps);
        let loader_first = legacy_loader_active && behaviour.loader_before_contributions;
        let loaded = loader_first.then(|| applied(&loaded(host)));
        let changes = || loaded.iter().chain(&layers);
        let runtime = before.changed(changes().cloned());
        let is_changed = |name: &Name| changes().any(|of| find(of, name.sought()).is_some());
        let untouched = selected.iter().filter(|offer| !is_changed(&offer.name));
        let selected_owners = untouched.map(Selected::owner).collect();
        Self {
            configured,
            answers,
            before,
            layers,
            runtime,
            legacy_loader_active,
            selected_owners,
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
            Box::new(Self::new(Arc::new(configured), self.answers.clone(), None))
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
        self.runtime.changed([apps_change(Some(server))])
    }

    /// Rule `gate.closed-removes`.
    fn behind_closed_gate(&self) -> View {
        if !self.runtime.contains(CODEX_APPS) {
            return self.runtime.clone();
        }
        self.runtime.changed([apps_change(None)])
    }

    /// Rule `effective.auth-at-chatgpt-only`. Servers that are at ChatGPT stay shared.
    fn with_auth_limited(&self, view: View) -> View {
        if !self.configured.host.behaviour().auth_field {
            return view;
        }
        let change = |(name, server): (&Arc<str>, &Arc<ServerConfig>)| {
            let server = Arc::new(without_chatgpt_elsewhere(server)?);
            Some((Name::from(Arc::clone(name)), Some(server)))
        };
        view.changed([view.iter().filter_map(change).collect()])
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

/// What the legacy Apps loader changes. No contribution names the Apps server, so the order does not
/// matter here. Rule `legacy.first-in-runtime`.
fn loaded(host: &HostConfig) -> Layer {
    apps_change(host.features().apps.then(|| Arc::new(hosted_apps::apps_server(host))))
}

/// A change of the Apps server alone.
fn apps_change(server: Option<Arc<ServerConfig>>) -> Layer {
    Arc::new([(Name::from(hosted_apps::name()), server)])
}

/// The changes with those servers disabled that are disabled `before` them, unless they are of selected
/// plugins. Rules `overlay.disabled-stays` and `selected.disabled-is-no-veto`.
fn with_disabled_kept(before: &View, changes: &Layer, selected: &[Selected]) -> Layer {
    let stays_disabled = |(name, change): &Change| {
        change.as_ref().is_some_and(|server| server.enabled)
            && before.get(name.text()).is_some_and(|before| !before.enabled)
            && !selected.iter().any(|offer| offer.name == *name)
    };
    if !changes.iter().any(stays_disabled) {
        return Arc::clone(changes);
    }
    let kept = |change: &Change| match change {
        (name, Some(server)) if stays_disabled(change) => (name.clone(), Some(server.disabled())),
        _ => change.clone(),
    };
    changes.iter().map(kept).collect()
}
