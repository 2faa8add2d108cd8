//! The production implementation in `impl/`, in process.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::{
    Auth as HostAuth, BoxFuture, ConfigError, Environment, HostConfig, Loaded,
    McpExtensionRegistryBuilder, McpManager, McpServerContribution, McpServerContributor, Plugin,
    PluginPolicy, Profile as HostProfile, Requirements, ServerConfig, ThreadInputs, View, Warning,
    WrittenPlugin, executor_plugins, hosted_apps,
};
use mcp_overlay_model::{
    self as model, Answer, Auth, Case, Contribution, Contributor, ContributorKind, Profile,
    Rejected, ServerView, Views,
};
use serde::Serialize;
use serde_json::Value;

use super::contract::Subject;

/// Passes each case to the production implementation as a host would.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProductionSubject;

impl Subject for ProductionSubject {
    fn name(&self) -> &str {
        "production"
    }

    fn profiles(&self) -> &[Profile] {
        &Profile::ALL
    }

    fn warns(&self) -> bool {
        true
    }

    fn knows_wide_cases(&self) -> bool {
        true
    }

    fn resolve(&self, case: &Case) -> Answer {
        if host_profile(case.profile).is_none() {
            return Answer::skipped(format!("no host of profile {}", case.profile.name()));
        }
        match HostInputs::from_case(case) {
            Ok(inputs) => inputs.answer(),
            Err(rejected) => Answer::Rejected { rejected },
        }
    }
}

/// The inputs of a host's resolution.
#[derive(Debug)]
pub struct HostInputs {
    /// The manager, with the contributors installed.
    pub manager: McpManager,
    /// The config.
    pub host: Arc<HostConfig>,
    /// The plugins, in discovery order.
    pub plugins: Arc<[Plugin]>,
    /// The current auth.
    pub auth: Option<HostAuth>,
    /// What reading a case warned about; `None` for inputs that were read elsewhere.
    warnings: Option<BTreeSet<String>>,
}

impl HostInputs {
    /// Reads a case as a host reads its config, plugins and contributors.
    ///
    /// # Errors
    /// The smallest invalid place.
    pub fn from_case(case: &Case) -> Result<Self, Rejected> {
        let profile = host_profile(case.profile).unwrap_or_default();
        let mut warned = Warned::default();
        let contributions = read_contributions(&case.contributors, profile, &mut warned);
        let environment = read_environment(&case.host);
        // Read even if the environment is invalid: this invalid place may be the smaller one.
        let known = environment.clone().unwrap_or_default().with_profile(profile);
        let host = read_host(&case.host, known);
        let requirements = read_requirements(case, profile);
        let thread = read_thread(case, profile);
        // Each reader returns its smallest invalid place; the answer is the smallest of all.
        let errors = [
            contributions.as_ref().err(),
            environment.as_ref().err(),
            host.as_ref().err(),
            requirements.as_ref().err(),
            thread.as_ref().err(),
        ];
        if let Some(first) = errors.into_iter().flatten().min_by(|a, b| a.path.cmp(&b.path)) {
            return Err(first.clone());
        }

        let Loaded { value: mut host, warnings } = host?;
        warned.about("host.", "", &warnings);
        if let Some(requirements) = requirements? {
            host = host.with_requirements(requirements);
        }
        if let Some(thread) = thread? {
            host = host.in_thread(thread);
        }
        let plugins = case.plugins.iter().enumerate();
        let plugins = plugins.map(|(i, plugin)| read_plugin(i, plugin, profile, &mut warned));
        let plugins = plugins.collect();
        let mut inputs =
            Self::assemble(host, plugins, &case.contributors, contributions?, case.auth);
        inputs.warnings = Some(warned.0);
        Ok(inputs)
    }

    /// Installs the contributors of a case, with a config and plugins from elsewhere.
    ///
    /// # Errors
    /// A contribution whose server is invalid.
    pub fn new(
        host: HostConfig,
        plugins: Vec<Plugin>,
        contributors: &[Contributor],
        auth: Option<Auth>,
    ) -> Result<Self, Rejected> {
        let contributions =
            read_contributions(contributors, host.profile(), &mut Warned::default())?;
        Ok(Self::assemble(host, plugins.into(), contributors, contributions, auth))
    }

    /// The host's resolution, as an answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let config = block_on(self.manager.runtime_config(&self.host, &self.plugins));
        let config = config.for_auth(self.auth);
        let mut canonical = Canonical::default();
        Answer::Resolved {
            views: Views {
                configured: canonical.view(config.configured()),
                runtime: canonical.view(config.runtime()),
                effective: canonical.view(&config.effective(self.auth)),
            },
            plugin_owners: config
                .plugin_owners()
                .iter()
                .map(|(name, plugin)| (name.to_string(), plugin.to_string()))
                .collect(),
            warnings: self.warnings.clone(),
        }
    }

    fn assemble(
        host: HostConfig,
        plugins: Arc<[Plugin]>,
        contributors: &[Contributor],
        contributions: Contributions,
        auth: Option<Auth>,
    ) -> Self {
        HostInputs {
            manager: McpManager::new(registry(contributors, contributions)),
            host: Arc::new(host),
            plugins,
            auth: auth.map(host_auth),
            warnings: None,
        }
    }
}

fn read_host(host: &Value, environment: Environment) -> Result<Loaded<HostConfig>, Rejected> {
    HostConfig::from_json(host, environment).map_err(rejected)
}

fn rejected(error: ConfigError) -> Rejected {
    Rejected { path: error.path().to_string(), reason: error.message().to_string() }
}

/// What the host reads where a case has one of its parts.
fn read_part<T, P: Serialize>(
    part: Option<&P>,
    read: impl FnOnce(&Value) -> Result<T, ConfigError>,
) -> Result<Option<T>, Rejected> {
    // A part has maps with text keys and plain data, all of which JSON can represent.
    let written = part.map(|part| serde_json::to_value(part).unwrap_or_default());
    written.as_ref().map(read).transpose().map_err(rejected)
}

fn read_requirements(case: &Case, profile: HostProfile) -> Result<Option<Requirements>, Rejected> {
    read_part(case.requirements.as_ref(), |written| Requirements::from_json(written, profile))
}

fn read_thread(case: &Case, profile: HostProfile) -> Result<Option<ThreadInputs>, Rejected> {
    read_part(case.thread.as_ref(), |written| ThreadInputs::from_json(written, profile))
}

fn read_plugin(
    position: usize,
    plugin: &model::Plugin,
    profile: HostProfile,
    warned: &mut Warned,
) -> Plugin {
    let policy = |(name, policy): (&String, &model::wide::Policy)| {
        let written = serde_json::to_value(policy).unwrap_or_default();
        (name.clone(), PluginPolicy::from_json(&written))
    };
    let policies = plugin.policy.iter().map(policy).collect();
    let id = plugin.id.as_str();
    let written = WrittenPlugin {
        id,
        active: plugin.active,
        servers: &plugin.mcp_servers,
        apps: &plugin.apps,
        root: plugin.root.as_deref(),
        policies: &policies,
    };
    let Loaded { value, warnings } = Plugin::from_written(written, profile);
    warned.about(&format!("plugins[{position}]."), &format!("plugins.{id}."), &warnings);
    value
}

/// `host.env`: the part of a case that stands for the process environment of a real host.
fn read_environment(host: &Value) -> Result<Environment, Rejected> {
    let wrong_type =
        |path: String, expected: &str| Rejected { path, reason: format!("expected {expected}") };
    let variables = match host.get("env") {
        None | Some(Value::Null) => return Ok(Environment::default()),
        Some(Value::Object(variables)) => variables,
        Some(_) => return Err(wrong_type("host.env".into(), "a table")),
    };
    // The smallest, independent of the key order of the JSON library.
    if let Some((name, _)) =
        variables.iter().filter(|(_, value)| !value.is_string()).min_by_key(|(name, _)| *name)
    {
        return Err(wrong_type(format!("host.env.{name}"), "a string"));
    }
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_string()));
    Ok(Environment::from_pairs(variables.iter().filter_map(text)))
}

type Contributions = Vec<Vec<McpServerContribution>>;

fn read_contributions(
    contributors: &[Contributor],
    profile: HostProfile,
    warned: &mut Warned,
) -> Result<Contributions, Rejected> {
    let mut lists = Vec::with_capacity(contributors.len());
    let mut smallest: Option<Rejected> = None;
    for (i, contributor) in contributors.iter().enumerate() {
        let mut list = Vec::new();
        if let ContributorKind::Scripted(written) = &contributor.kind {
            for (j, contribution) in written.iter().enumerate() {
                let path = || format!("contributors[{i}].contributions[{j}]");
                match read_contribution(contribution, profile) {
                    Ok(None) => {}
                    Ok(Some(Loaded { value, warnings })) => {
                        list.push(value);
                        if !warnings.is_empty() {
                            warned.about(&format!("{}.", path()), "", &warnings);
                        }
                    }
                    Err(reason) => {
                        let path = path();
                        if smallest.as_ref().is_none_or(|smallest| path < smallest.path) {
                            smallest = Some(Rejected { path, reason });
                        }
                    }
                }
            }
        }
        lists.push(list);
    }
    smallest.map_or(Ok(lists), Err)
}

/// `None` for a selected plugin where the host has none.
fn read_contribution(
    written: &Contribution,
    profile: HostProfile,
) -> Result<Option<Loaded<McpServerContribution>>, String> {
    let read = |server| ServerConfig::from_json(server, profile).map_err(|error| error.to_string());
    let name = written.name().into();
    let (value, warnings) = match written {
        Contribution::Set { server, .. } => {
            let Loaded { value, warnings } = read(server)?;
            (McpServerContribution::Set { name, server: Arc::new(value) }, warnings)
        }
        Contribution::Remove { .. } => (McpServerContribution::Remove { name }, Vec::new()),
        Contribution::SelectedPlugin { .. } if !profile.selects_plugins() => return Ok(None),
        Contribution::SelectedPlugin { plugin_id, selection_order, server, .. } => {
            let Loaded { value, warnings } = read(server)?;
            let (plugin_id, selection_order) = (plugin_id.as_str().into(), *selection_order);
            let server = Arc::new(value);
            let offer =
                McpServerContribution::SelectedPlugin { name, plugin_id, selection_order, server };
            (offer, warnings)
        }
    };
    Ok(Some(Loaded { value, warnings }))
}

/// The paths that were warned about, as a case names them.
#[derive(Default)]
struct Warned(BTreeSet<String>);

impl Warned {
    /// Adds warnings whose keys are below `place` in the case. `root` is what the host puts before
    /// them instead.
    fn about(&mut self, place: &str, root: &str, warnings: &[Warning]) {
        for warning in warnings.iter().filter(|warning| !warning.key.is_empty()) {
            let key = unquoted(&warning.key);
            self.0.insert(format!("{place}{}", key.strip_prefix(root).unwrap_or(&key)));
        }
    }
}

/// A key without the quotes and escapes that TOML wants.
fn unquoted(key: &str) -> String {
    let mut plain = String::with_capacity(key.len());
    let mut rest = key.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => {}
            '\\' => match rest.next() {
                Some('u') => {
                    let code: String = rest.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&code, 16).ok();
                    plain.extend(code.and_then(char::from_u32));
                }
                escaped => plain.extend(escaped),
            },
            c => plain.push(c),
        }
    }
    plain
}

fn registry(
    written: &[Contributor],
    contributions: Contributions,
) -> mcp_overlay_host::McpExtensionRegistry {
    let mut builder = McpExtensionRegistryBuilder::new();
    for (contributor, list) in written.iter().zip(contributions) {
        match contributor.kind {
            ContributorKind::HostedApps => hosted_apps::install(&mut builder),
            ContributorKind::ExecutorPlugins => executor_plugins::install(&mut builder),
            ContributorKind::Scripted(_) => {
                let scripted = Scripted { id: contributor.id.clone(), list };
                builder.contributor(Arc::new(scripted));
            }
        }
    }
    builder.build()
}

/// A contributor with the contributions of the case.
struct Scripted {
    id: String,
    list: Vec<McpServerContribution>,
}

impl McpServerContributor for Scripted {
    fn id(&self) -> &str {
        &self.id
    }

    fn contribute<'a>(&'a self, _: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        Box::pin(async { self.list.clone() })
    }
}

/// The host's own type for a profile; `None` for one that it does not have.
fn host_profile(profile: Profile) -> Option<HostProfile> {
    profile.name().parse().ok()
}

fn host_auth(auth: Auth) -> HostAuth {
    match auth {
        Auth::ApiKey => HostAuth::ApiKey,
        Auth::ChatGpt => HostAuth::ChatGpt,
        Auth::ChatGptAuthTokens => HostAuth::ChatGptAuthTokens,
        Auth::AgentIdentity => HostAuth::AgentIdentity,
        Auth::PersonalAccessToken => HostAuth::PersonalAccessToken,
        Auth::BedrockApiKey => HostAuth::BedrockApiKey,
        Auth::Headers => HostAuth::Headers,
    }
}

/// Writes servers in canonical form; a shared server is converted once.
#[derive(Default)]
struct Canonical {
    written: Vec<(*const ServerConfig, Arc<Value>)>,
}

impl Canonical {
    fn view(&mut self, view: &View) -> ServerView {
        view.iter().map(|(name, server)| (name.to_string(), self.server(server))).collect()
    }

    fn server(&mut self, server: &Arc<ServerConfig>) -> Arc<Value> {
        let identity = Arc::as_ptr(server);
        if let Some((_, written)) = self.written.iter().find(|(known, _)| *known == identity) {
            return Arc::clone(written);
        }
        let written = Arc::new(server.to_canonical_json());
        self.written.push((identity, Arc::clone(&written)));
        written
    }
}
