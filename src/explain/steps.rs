//! The story of one name, from its first definition to what becomes of it.

use mcp_overlay_model::{By, CODEX_APPS, Rule};
use serde::Serialize;

use super::context::Context;
use super::reasons::{closed_gate, dropped, policy, requirement};
use super::shown::is_disabled;
use super::sources::Place;

/// One step of a story.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What happens.
    pub what: String,
    /// Where it is written, if it is written anywhere.
    pub place: Option<Place>,
}

/// The steps in the order in which the sources count, later ones over earlier ones.
pub(super) fn steps(context: Context<'_>, name: &str) -> Vec<Step> {
    let mut steps = Steps { context, name, all: Vec::new() };
    steps.plugins();
    steps.config();
    steps.requirements();
    steps.selected();
    steps.extensions();
    steps.gate();
    steps.all
}

struct Steps<'a> {
    context: Context<'a>,
    name: &'a str,
    all: Vec<Step>,
}

impl Steps<'_> {
    fn add(&mut self, what: impl Into<String>, place: Option<Place>) {
        self.all.push(Step { what: what.into(), place });
    }

    fn plugins(&mut self) {
        let (context, name) = (self.context, self.name);
        let mut first: Option<usize> = None;
        for (position, _) in context.case.plugins.iter().enumerate() {
            let Some(entry) = context.of_plugin(position, name) else { continue };
            let plugin = context.plugin(position);
            let short = context.short(entry, By::Plugin(position));
            let place = context.place(name, By::Plugin(position));
            self.add(format!("{plugin} defines it: {short}"), place);
            if let Some(why) = dropped(context, position, name) {
                self.add(format!("not used: {why}"), None);
                continue;
            }
            if let Some(place) = policy(context, position, name) {
                self.add("your setting for this plugin has `enabled = false`", place);
            }
            match first {
                Some(first) => {
                    let first = context.plugin(first);
                    self.add(format!("not used: {first} comes first"), None);
                }
                None => first = Some(position),
            }
        }
    }

    fn config(&mut self) {
        let (context, name) = (self.context, self.name);
        let Some(entry) = context.own(name) else { return };
        let place = context.place(name, By::Config);
        self.add(format!("the config defines it: {}", context.short(entry, By::Config)), place);
        if is_disabled(entry) {
            let place = context.sources.config.place(&["mcp_servers", name, "enabled"]);
            self.add("`enabled = false` disables it", place);
        }
        let of_plugin = |position| {
            context.of_plugin(position, name).is_some()
                && dropped(context, position, name).is_none()
        };
        if (0..context.case.plugins.len()).any(of_plugin) {
            self.add("the config counts before plugins", None);
        }
    }

    fn requirements(&mut self) {
        let (context, name) = (self.context, self.name);
        let Some(decided) = context.configured(name) else { return };
        if let Some(why) = requirement(context, name, decided.reason.rule) {
            self.add(why, None);
            return;
        }
        let place = match decided.reason.by {
            By::Config => context.sources.requirements.place(&["mcp_servers", name]),
            By::Plugin(position) => context.case.plugins.get(position).and_then(|plugin| {
                context.sources.requirements.place(&["plugins", &plugin.id, "mcp_servers", name])
            }),
            _ => None,
        };
        if place.is_some() && decided.server.is_some() {
            self.add("the administrator's requirements list it, and it matches", place);
        }
    }

    fn selected(&mut self) {
        let (context, name) = (self.context, self.name);
        let offers = context.resolution.selected.iter().filter(|offer| offer.name == name);
        let mut any = false;
        for offer in offers {
            let who = context.who(offer.by);
            let place = context.place(name, offer.by);
            match &offer.server {
                Some(server) => {
                    any = true;
                    self.add(
                        format!("{who} brings it: {}", context.short(server, offer.by)),
                        place,
                    );
                    if let Some(why) = requirement(context, name, offer.rule) {
                        self.add(why, None);
                    }
                }
                None => {
                    self.add(
                        format!("{who} brings it, and the rule `{}` leaves it out", offer.rule),
                        place,
                    );
                }
            }
        }
        if any && context.own(name).is_some() {
            self.add("the config counts before selected plugins", None);
        } else if any && context.configured(name).is_some_and(|decided| decided.server.is_some()) {
            self.add("a selected plugin counts before installed plugins", None);
        }
    }

    fn extensions(&mut self) {
        let (context, name) = (self.context, self.name);
        let views = [context.effective(name), context.runtime(name)];
        let by_loader = views.into_iter().flatten().find(|d| d.reason.by == By::Legacy);
        if let Some(server) = by_loader.and_then(|decided| decided.server.as_ref()) {
            let who = context.who(By::Legacy);
            self.add(format!("{who} sets it: {}", context.short(server, By::Legacy)), None);
        }
        for overlay in context.resolution.overlays.iter().filter(|overlay| overlay.name == name) {
            let who = context.who(overlay.by);
            let place = context.place(name, overlay.by);
            match &overlay.server {
                Some(server) => {
                    self.add(format!("{who} sets it: {}", context.short(server, overlay.by)), place)
                }
                None => self.add(format!("{who} removes it"), place),
            }
        }
        let rule = context.runtime(name).map(|decided| decided.reason.rule);
        if matches!(rule, Some(Rule::OverlayDisabledStays | Rule::SelectedDisabledIsNoVeto)) {
            self.add("it was disabled before, and stays disabled", None);
        }
    }

    fn gate(&mut self) {
        let (context, name) = (self.context, self.name);
        let decided = context.effective(name);
        if decided.is_some_and(|d| d.reason.rule == Rule::EffectiveAuthAtChatgptOnly) {
            self.add("`auth = \"chatgpt\"` has no effect at this address", None);
        }
        if name == CODEX_APPS && decided.is_some_and(|d| d.reason.by == By::Gate) {
            self.add(format!("Codex removes it: {}", closed_gate(context)), None);
        } else if name == CODEX_APPS && decided.is_some_and(|d| d.server.is_some()) {
            self.add("Codex keeps it, because the sign-in is one with ChatGPT", None);
        }
    }
}
