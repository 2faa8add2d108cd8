//! The production implementation in `impl/`, in process.

use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::{
    Auth as HostAuth, BoxFuture, Environment, HostConfig, McpExtensionRegistryBuilder, McpManager,
    McpServerContribution, McpServerContributor, Plugin, Profile as HostProfile, ServerConfig,
    View, hosted_apps,
};
use mcp_overlay_model::{
    Answer, Auth, Case, Contribution, Contributor, ContributorKind, Profile, Rejected, ServerView,
    Views,
};
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
}

impl HostInputs {
    /// Reads a case as a host reads its config, plugins and contributors.
    ///
    /// # Errors
    /// The smallest invalid place.
    pub fn from_case(case: &Case) -> Result<Self, Rejected> {
        let profile = host_profile(case.profile).unwrap_or_default();
        let contributions = read_contributions(&case.contributors, profile);
        let environment = read_environment(&case.host);
        // Read even if the environment is invalid: this invalid place may be the smaller one.
        let known = environment.clone().unwrap_or_default().with_profile(profile);
        let host = read_host(&case.host, known);
        // Each reader returns its smallest invalid place; the answer is the smallest of all.
        let errors =
            [contributions.as_ref().err(), environment.as_ref().err(), host.as_ref().err()];
        if let Some(first) = errors.into_iter().flatten().min_by(|a, b| a.path.cmp(&b.path)) {
            return Err(first.clone());
        }

        let plugins = case
            .plugins
            .iter()
            .map(|p| {
                let id = p.id.as_str();
                Plugin::from_json_servers(id, p.active, &p.mcp_servers, profile).value
            })
            .collect();
        Ok(Self::assemble(host?, plugins, &case.contributors, contributions?, case.auth))
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
        let contributions = read_contributions(contributors, host.profile())?;
        Ok(Self::assemble(host, plugins.into(), contributors, contributions, auth))
    }

    /// The host's resolution, as an answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let config = block_on(self.manager.runtime_config(&self.host, &self.plugins));
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
        }
    }
}

fn read_host(host: &Value, environment: Environment) -> Result<HostConfig, Rejected> {
    HostConfig::from_json(host, environment).map(|loaded| loaded.value).map_err(|error| Rejected {
        path: error.path().to_string(),
        reason: error.message().to_string(),
    })
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
) -> Result<Contributions, Rejected> {
    let mut lists = Vec::with_capacity(contributors.len());
    let mut smallest: Option<Rejected> = None;
    for (i, contributor) in contributors.iter().enumerate() {
        let mut list = Vec::new();
        if let ContributorKind::Scripted(written) = &contributor.kind {
            for (j, contribution) in written.iter().enumerate() {
                match read_contribution(contribution, profile) {
                    Ok(contribution) => list.push(contribution),
                    Err(reason) => {
                        let path = format!("contributors[{i}].contributions[{j}]");
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

fn read_contribution(
    written: &Contribution,
    profile: HostProfile,
) -> Result<McpServerContribution, String> {
    Ok(match written {
        Contribution::Set { name, server } => McpServerContribution::Set {
            name: name.as_str().into(),
            server: Arc::new(
                ServerConfig::from_json(server, profile).map_err(|error| error.to_string())?.value,
            ),
        },
        Contribution::Remove { name } => {
            McpServerContribution::Remove { name: name.as_str().into() }
        }
    })
}

fn registry(
    written: &[Contributor],
    contributions: Contributions,
) -> mcp_overlay_host::McpExtensionRegistry {
    let mut builder = McpExtensionRegistryBuilder::new();
    for (contributor, list) in written.iter().zip(contributions) {
        match contributor.kind {
            ContributorKind::HostedApps => hosted_apps::install(&mut builder),
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
