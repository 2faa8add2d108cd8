//! `mcp-overlay explain`

mod inputs;
mod places;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::explain::{Error, Explanation, Sources, TomlFile, explain};
use mcp_overlay::subject::HostInputs;
use mcp_overlay_host::lint::{Report, Surroundings, did_you_mean, lint, name_fault};
use mcp_overlay_host::{Environment, HostConfig, plugin_states};
use mcp_overlay_model::{Auth, Case, Profile};

use super::codex;
use super::console::{Misuse, Outcome, complain, read_text, say};
use super::home::config_file;
use super::requirements;
use super::surroundings::{self, Asked};

/// Explain which servers a real config.toml ends up with, and why.
///
/// Prints the servers that Codex starts and those that it does not, where each is written, and what
/// decides. Header values, environment values, arguments and URL paths are never printed, except for the
/// path of the Apps server's URL, which comes from chatgpt_base_url. As in a host, it matters whether
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
    #[arg(long, value_name = "VERSION", value_parser = codex::Release::read, conflicts_with = "profile")]
    codex: Option<codex::Release>,

    /// The administrator's requirements [default: /etc/codex/requirements.toml if it is there]
    #[arg(long, value_name = "FILE")]
    requirements: Option<PathBuf>,

    /// Tell the story of one name, from its first definition to what becomes of it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["json", "views"])]
    why: Option<String>,

    /// Print the three views of the specification, with the rule that decided each name
    #[arg(long, conflicts_with = "json")]
    views: bool,

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
    let file = config.display().to_string();
    let asked = Asked::of(arguments.profile, arguments.codex);
    let profile = asked.profile;
    // What is wrong with plugins is said where they are read for the explanation.
    let (given, _) =
        surroundings::of(Some(&config), &text, &asked, arguments.requirements.as_deref())?;
    let report = lint(&text, &given);
    complain_about(&report, &file, arguments.config.is_some());
    let is_refused = report.findings().iter().any(|finding| finding.rule.refuses_the_file());
    let explanation = explained(arguments, &Read { text, file, profile, given })?;
    if is_refused {
        let note =
            "Codex refuses this file and starts no server; what follows counts once it is repaired";
        complain("note", &note);
    }
    say(&match &arguments.why {
        _ if arguments.json => format!("{}\n", serde_json::to_string_pretty(&explanation)?),
        _ if arguments.views => explanation.to_string(),
        Some(name) => explanation.story(name).ok_or_else(|| unknown(name, &explanation))?,
        None => plain(&explanation, &config.display().to_string(), profile),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A config that has been read.
struct Read {
    text: String,
    file: String,
    profile: Profile,
    given: Surroundings,
}

fn explained(arguments: &Arguments, read: &Read) -> Result<Explanation, Misuse> {
    let Read { text, file, profile, given } = read;
    let known = given.environment.profile();
    let environment: Environment = given.environment.clone();
    let mut config = HostConfig::from_toml_str(text, file, &[], environment)
        .map_err(|_| format!("{file} is not a valid configuration"))?
        .value;
    let host = inputs::host(text)?;
    let states = plugin_states(text, &[]).value;
    let contributors = inputs::contributors(arguments.contributors.as_deref())?;
    let mut sources = Sources {
        config: TomlFile::new(file, text),
        contributors: arguments.contributors.as_ref().map(|path| path.display().to_string()),
        ..Sources::default()
    };
    let mut demanded = None;
    if let Some(file) = requirements::read(arguments.requirements.as_deref())? {
        let (written, read) = requirements::parsed(&file, known)?;
        config = config.with_requirements(read);
        sources.requirements = TomlFile::new(&file.name, &file.text);
        demanded = Some(written);
    }
    let (mut plugins, mut of_model) = (Vec::new(), Vec::new());
    let folder = arguments.plugins.as_deref();
    for plugin in inputs::plugins(folder, file.as_ref(), known, &states)? {
        let mut places = places::of(&plugin);
        let apps = places::apps(&plugin, &mut places);
        let model = inputs::model_plugin(&plugin, &host, apps);
        plugins.push(inputs::host_plugin(&plugin, &model, known));
        of_model.push(model);
        sources.plugins.push(places);
    }
    let auth = arguments.auth.0;
    let inputs = HostInputs::new(config, plugins, &contributors, auth).map_err(|rejected| {
        let file = sources.contributors.as_ref().unwrap_or(file);
        format!("{file}: {}: {}", rejected.path, rejected.reason)
    })?;
    let case = Case {
        id: "explain".into(),
        profile: *profile,
        host,
        plugins: of_model,
        contributors,
        auth,
        thread: None,
        requirements: demanded,
    };
    let name_fault = |name: &str| name_fault(name, given.release);
    explain(inputs, &case, &sources, &name_fault).map_err(|error: Error| error.into())
}

/// The servers that are started and those that are not, under a line that says for whom.
fn plain(explanation: &Explanation, file: &str, profile: Profile) -> String {
    let releases = codex::releases_of(profile).unwrap_or_else(|| profile.name().to_owned());
    let sign_in = explanation.auth;
    format!("{file}, as {releases} read it; sign-in: {sign_in}\n\n{}", explanation.plain())
}

/// What to say of a name that nothing defines.
fn unknown(name: &str, explanation: &Explanation) -> Misuse {
    let names = explanation.servers.iter().map(|story| story.name.as_str());
    let mut message = format!("nothing defines a server `{name}`");
    match did_you_mean(name, names.clone()) {
        Some(meant) => message.push_str(&format!("; did you mean `{meant}`?")),
        None => {
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            message.push_str(&format!("; the names are: {}", names.join(", ")));
        }
    }
    Misuse(message)
}

/// Shows what is wrong with the file as `mcp-overlay lint` does, and says where there is more.
fn complain_about(report: &Report<'_>, file: &str, is_named: bool) {
    let all = report.findings().len();
    let shown = report.findings().iter().filter(|finding| finding.rule.is_about_reading()).count();
    // A closed standard error is ignored.
    let _ = write!(anstream::stderr(), "{}", report.about_reading(file));
    let command =
        if is_named { format!("mcp-overlay lint {file}") } else { "mcp-overlay lint".to_owned() };
    if all > shown {
        let more = all - shown;
        let many =
            if more == 1 { "1 more finding".to_owned() } else { format!("{more} more findings") };
        complain("note", &format!("`{command}` has {many} about this file"));
    } else if all > 0 {
        complain(
            "note",
            &format!(
                "`{command}` checks the file as a whole; with --diff it shows the safe repairs"
            ),
        );
    }
}
