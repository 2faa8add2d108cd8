//! `mcp-overlay explain`

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcp_overlay::cases::toml::host_from_toml;
use mcp_overlay::explain::explain;
use mcp_overlay::subject::HostInputs;
use mcp_overlay_host::lint::{Surroundings, lint};
use mcp_overlay_host::{
    Environment, HostConfig, Plugin, Profile as HostProfile, discover_plugins, plugin_states,
};
use mcp_overlay_model::{self as model, Auth, Case, Contributor, ContributorKind, Profile};
use serde_json::{Map, Value, json};

use super::beside;
use super::codex;
use super::console::{Misuse, Outcome, complain, read_text, say};
use super::home::config_file;

/// Explain which servers a real config.toml ends up with, and why.
///
/// Prints the three views with the rule that decided each name, absent names included. Header
/// values, environment values, arguments and URL paths are never printed, except for the path of
/// the Apps server's URL, which comes from chatgpt_base_url. As in a host, it matters whether
/// CODEX_CONNECTORS_TOKEN is set.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A config.toml [default: that of Codex, in $CODEX_HOME or ~/.codex]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A folder of plugins, one folder each, with .codex-plugin/plugin.json in it [default: those that
    /// Codex has installed in `plugins` beside the config]
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,

    /// A JSON list of contributors as in a case; the default is the hosted-apps contributor alone,
    /// as in Codex's app-server. `[]` is a host without extensions
    #[arg(long, value_name = "FILE")]
    contributors: Option<PathBuf>,

    /// How the user is signed in: none, api_key, chatgpt, chatgpt_auth_tokens, agent_identity or
    /// personal_access_token
    #[arg(long, value_name = "WORD", default_value = "none", value_parser = auth)]
    auth: SignedIn,

    /// The profile to apply [default: that of the newest release of Codex]
    #[arg(long, value_name = "PROFILE", value_parser = super::console::profile)]
    profile: Option<Profile>,

    /// Apply the profile that this release of Codex follows, such as 0.140.0
    #[arg(long, value_name = "VERSION", value_parser = codex::profile_of, conflicts_with = "profile")]
    codex: Option<Profile>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy)]
struct SignedIn(Option<Auth>);

fn auth(word: &str) -> Result<SignedIn, String> {
    if word == "none" {
        return Ok(SignedIn(None));
    }
    let known = Auth::ALL.into_iter().find(|auth| auth.word() == word);
    known
        .map(|auth| SignedIn(Some(auth)))
        .ok_or_else(|| format!("expected one of: none, {}", Auth::ALL.map(Auth::word).join(", ")))
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let config = config_file(arguments.config.as_deref())?;
    let text = read_text(&config)?;
    let place = config.display().to_string();
    let profile = arguments.profile.or(arguments.codex).unwrap_or_else(codex::newest);
    let known = profile.name().parse().map_err(|error| format!("--profile: {error}"))?;
    let environment = Environment::from_process().with_profile(known);
    complain_about(&text, &place, &environment);
    let host = HostConfig::from_toml_str(&text, &place, &[], environment)
        .map_err(|_| format!("{place} is not a valid configuration"))?;
    let states = plugin_states(&text, &[]);
    let plugins = plugins(arguments, &config, known, &states.value)?;
    let contributors = contributors(arguments)?;
    let auth = arguments.auth.0;
    let case = Case { profile, ..case(&text, &plugins, &contributors, auth)? };
    let inputs = HostInputs::new(host.value, plugins, &contributors, auth).map_err(|rejected| {
        let file = arguments.contributors.as_deref().unwrap_or(&config).display();
        format!("{file}: {}: {}", rejected.path, rejected.reason)
    })?;
    let explanation = explain(inputs, &case)?;
    say(&if arguments.json {
        format!("{}\n", serde_json::to_string_pretty(&explanation)?)
    } else {
        explanation.to_string()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Shows what is wrong with the file as `mcp-overlay lint` does.
fn complain_about(text: &str, file: &str, environment: &Environment) {
    let given = Surroundings { environment: environment.clone(), ..Surroundings::default() };
    let report = lint(text, &given).only(|finding| finding.rule.is_about_reading());
    // A closed standard error is ignored.
    let _ = write!(anstream::stderr(), "{}", report.in_terminal(file));
}

fn plugins(
    arguments: &Arguments,
    config: &Path,
    profile: HostProfile,
    states: &BTreeMap<String, bool>,
) -> Result<Vec<Plugin>, Misuse> {
    let Some(folder) = &arguments.plugins else {
        let (plugins, warnings) = beside::plugins(config, states, profile);
        warnings.iter().for_each(|warning| complain("warning", warning));
        return Ok(plugins);
    };
    // The servers of inactive plugins are read too: their absence is explained.
    let mut plugins = discover_plugins(folder, profile, &|_| true)?;
    for warning in &plugins.warnings {
        complain("warning", warning);
    }
    for plugin in &mut plugins.value {
        plugin.active = states.get(&plugin.id).copied().unwrap_or(true);
    }
    if plugins.value.is_empty() {
        let folder = folder.display();
        let message = format!("no plugin found; looked for {folder}/*/.codex-plugin/plugin.json");
        complain("warning", &message);
    }
    Ok(plugins.value)
}

fn contributors(arguments: &Arguments) -> Result<Vec<Contributor>, Misuse> {
    let Some(path) = &arguments.contributors else {
        let kind = ContributorKind::HostedApps;
        return Ok(vec![Contributor { id: "hosted-apps".into(), kind }]);
    };
    serde_json::from_str(&read_text(path)?).map_err(|error| {
        let (place, error) = (path.display(), without_values(&error.to_string()));
        Misuse(format!(
            "{place}: {error}\n  expected: a list of {{\"id\":…,\"contributions\":[…]}} and \
             {{\"id\":…,\"hosted_apps\":{{}}}}, as in docs/protocol.md"
        ))
    })
}

/// Removes the values that the JSON library quotes: a value may be a secret, and may contain
/// quotes.
fn without_values(message: &str) -> String {
    match (message.split_once('"'), message.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}\"…\"{after}"),
        _ => message.to_string(),
    }
}

/// The same question for the model.
fn case(
    text: &str,
    plugins: &[Plugin],
    contributors: &[Contributor],
    auth: Option<Auth>,
) -> Result<Case, Misuse> {
    let mut host = host_from_toml(text)?;
    let token = std::env::var_os(model::host::CONNECTORS_TOKEN);
    if token.is_some_and(|token| !token.to_string_lossy().trim().is_empty())
        && let Value::Object(host) = &mut host
    {
        // Only whether it is set matters, so its value is not read.
        host.insert("env".into(), json!({ model::host::CONNECTORS_TOKEN: "set" }));
    }
    Ok(Case {
        id: "explain".into(),
        profile: Profile::default(),
        host,
        plugins: plugins.iter().map(case_plugin).collect(),
        contributors: contributors.to_vec(),
        auth,
        thread: None,
        requirements: None,
    })
}

/// A server's canonical form is also a valid entry for the same server; an empty entry stands for
/// an invalid one.
fn case_plugin(plugin: &Plugin) -> model::Plugin {
    let servers = plugin.servers.iter();
    let valid = servers.map(|(name, server)| (name.to_string(), server.to_canonical_json()));
    let dropped = plugin.dropped.iter().map(|name| (name.clone(), json!({})));
    let entries: Map<String, Value> = valid.chain(dropped).collect();
    model::Plugin { active: plugin.active, ..model::Plugin::new(&plugin.id, entries) }
}
