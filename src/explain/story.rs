//! What becomes of each name, and its story.

use std::collections::BTreeSet;

use mcp_overlay_model::decision::Decided;
use mcp_overlay_model::{By, CODEX_APPS};
use serde::Serialize;

use super::context::Context;
use super::reasons::{State, why};
use super::sources::Place;
use super::steps::{Step, steps};

/// What becomes of one name.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// The name.
    pub name: String,
    /// What becomes of it.
    pub state: State,
    /// The server in a few words; empty if there is none.
    pub server: String,
    /// Who brings the server, and where it is written.
    pub source: String,
    /// Where it is written.
    pub place: Option<Place>,
    /// Why; empty if the source is the whole reason.
    pub why: String,
    /// From the first definition on.
    pub steps: Vec<Step>,
}

/// The story of each name, in byte order.
pub(super) fn stories(context: Context<'_>) -> Vec<Story> {
    let resolution = context.resolution;
    let views = [&resolution.configured, &resolution.runtime, &resolution.effective];
    let names: BTreeSet<&String> = views.into_iter().flat_map(|view| view.keys()).collect();
    names.into_iter().map(|name| story(context, name)).collect()
}

fn story(context: Context<'_>, name: &str) -> Story {
    let views = [context.effective(name), context.runtime(name), context.configured(name)];
    let present = |decided: &&Decided| decided.server.is_some();
    let known = views.into_iter().flatten();
    let decided = known.clone().find(present).or_else(|| known.clone().next_back());
    let by = decided.map_or(By::Gate, |decided| decided.reason.by);
    let written = match by {
        By::Plugin(position) => context.of_plugin(position, name),
        _ => None,
    };
    let server = decided.and_then(|decided| decided.server.as_deref()).or(written);
    let (state, why) = why(context, name);
    Story {
        name: name.to_owned(),
        state,
        server: server.map(|server| context.short(server, by)).unwrap_or_default(),
        source: if name == CODEX_APPS && by == By::Gate {
            "Codex's Apps server".into()
        } else {
            context.source(name, by)
        },
        place: context.place(name, by),
        why,
        steps: steps(context, name),
    }
}
