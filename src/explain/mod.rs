//! Which servers a real `config.toml` ends up with, and why.

mod context;
mod plain;
mod reasons;
mod shown;
mod sources;
mod steps;
mod story;
mod views;

use futures_executor::block_on;
use mcp_overlay_host::View as HostView;
use mcp_overlay_model::decision::View;
use mcp_overlay_model::outcome::Resolution;
use mcp_overlay_model::{Auth, By, CODEX_APPS, Case, Outcome, resolve};

pub use reasons::State;
pub use sources::{Place, PluginPlaces, Sources, TomlFile};
pub use steps::Step;
pub use story::Story;
pub use views::{Absent, ExplainedView, Explanation, Present};

use crate::finding::describe_input;
use crate::judge::compare::same;
use crate::subject::HostInputs;
use context::{Context, is_apps_server};
use shown::without_secrets;

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model rejects what production accepted.
    #[error(
        "the specification rejects this config at {0}, the production implementation does not; this is a bug in mcp-overlay, please report it"
    )]
    Rejected(String),
    /// The two disagree about a view.
    #[error(
        "the specification and the production implementation disagree about {view}[{name:?}]; this is a bug in mcp-overlay, please report it"
    )]
    Disagree {
        /// The view.
        view: &'static str,
        /// The server's name.
        name: String,
    },
}

/// Explains how the production implementation resolves `inputs`; `case` is the same input for the
/// model, which knows the reasons, and `sources` say where it is written. `name_fault` says why the release does
/// not start a server with a name, if it does not.
///
/// # Errors
/// The two disagree, so the model's reasons do not apply.
pub fn explain(
    inputs: HostInputs,
    case: &Case,
    sources: &Sources,
    name_fault: &dyn Fn(&str) -> Option<&'static str>,
) -> Result<Explanation, Error> {
    let resolution = match resolve(case) {
        Outcome::Resolved(resolution) => *resolution,
        Outcome::Observed(_) => return Err(Error::Rejected(String::new())),
        Outcome::Rejected(places) => {
            let first = places.into_iter().next().map(|place| place.path);
            return Err(Error::Rejected(first.unwrap_or_default()));
        }
    };
    let auth = inputs.auth;
    let config = block_on(inputs.manager.runtime_config(&inputs.host, &inputs.plugins));
    let config = config.for_auth(inputs.auth);
    let effective = config.effective(auth);
    let Resolution { configured, runtime, effective: model_effective, .. } = &resolution;
    let context = Context { case, resolution: &resolution, sources, name_fault };
    Ok(Explanation {
        explanation: 1,
        servers: story::stories(context),
        profile: case.profile.name(),
        auth: case.auth.map_or("none", Auth::word),
        contributors: case.contributors.iter().map(|c| c.id.clone()).collect(),
        configured: explain_view(case, "configured", configured, config.configured())?,
        runtime: explain_view(case, "runtime", runtime, config.runtime())?,
        effective: explain_view(case, "effective", model_effective, &effective)?,
    })
}

fn explain_view(
    case: &Case,
    view: &'static str,
    reasons: &View,
    servers: &HostView,
) -> Result<ExplainedView, Error> {
    let mut explained = ExplainedView { servers: Vec::new(), absent: Vec::new() };
    for (name, decided) in reasons {
        let (rule, by) = (decided.reason.rule, decided.reason.by);
        let because = describe_input(case, by);
        let name = name.clone();
        match (&decided.server, servers.get(&name)) {
            (Some(want), Some(got)) if same(want, &got.to_canonical_json()) => {
                let ours = name == CODEX_APPS && is_apps_server(case, by);
                let server = without_secrets(want, ours);
                explained.servers.push(Present { name, server, rule: rule.id(), because });
            }
            (None, None) => {
                // A name that was never configured is listed once, not again in every later view.
                if view == "configured" || !matches!(by, By::Config | By::Plugin(_)) {
                    explained.absent.push(Absent { name, rule: rule.id(), because });
                }
            }
            _ => return Err(Error::Disagree { view, name }),
        }
    }
    match servers.iter().find(|(name, _)| !reasons.contains_key(&***name)) {
        Some((name, _)) => Err(Error::Disagree { view, name: name.to_string() }),
        None => Ok(explained),
    }
}
