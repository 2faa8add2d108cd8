//! Why Codex starts a server or does not, in one sentence.

use mcp_overlay_model::decision::Decided;
use mcp_overlay_model::{Auth, By, Rule};
use serde::Serialize;
use serde_json::Value;

use super::context::{Context, at};
use super::shown::is_disabled;
use super::sources::Place;

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Codex starts its server.
    Started,
    /// The server is there, and disabled.
    Disabled,
    /// The server is there, and Codex cannot start one of this name.
    CannotStart,
    /// There is no server of this name.
    Absent,
}

/// What becomes of the name, and why. The reason is empty if its source is the whole reason.
pub(super) fn why(context: Context<'_>, name: &str) -> (State, String) {
    match context.effective(name) {
        Some(Decided { server: Some(server), reason }) => {
            if is_disabled(server) {
                (State::Disabled, disabled(context, name, reason.by))
            } else if let Some(why) = (context.name_fault)(name) {
                (State::CannotStart, why.into())
            } else {
                (State::Started, started(context, name, reason.by))
            }
        }
        _ => (State::Absent, absent(context, name)),
    }
}

/// The sources whose server of this name is not used, because this one's is.
fn replaced(context: Context<'_>, name: &str, by: By) -> Vec<String> {
    let mut others = Vec::new();
    if by != By::Config && context.own(name).is_some() {
        others.push(context.source(name, By::Config));
    }
    for (position, plugin) in context.case.plugins.iter().enumerate() {
        let other = By::Plugin(position);
        if other != by && plugin.active && plugin.mcp_servers.contains_key(name) {
            others.push(context.source(name, other));
        }
    }
    let selected = context.resolution.selected.iter();
    let selected = selected.filter(|offer| offer.name == name && offer.by != by);
    others.extend(selected.map(|offer| context.source(name, offer.by)));
    others
}

fn started(context: Context<'_>, name: &str, by: By) -> String {
    let mut parts = Vec::new();
    let is_apps = context.who(by).starts_with("Codex");
    if is_apps {
        parts.push(format!("added because the sign-in is {}", auth_word(context)));
    }
    let others = replaced(context, name, by);
    if !others.is_empty() {
        parts.push(format!("used instead of {}", others.join(" and ")));
    }
    parts.join("; ")
}

fn disabled(context: Context<'_>, name: &str, by: By) -> String {
    match by {
        By::Config | By::Plugin(_) => disabled_before(context, name),
        By::SelectedContribution { .. } | By::SelectedRoot(_) => {
            let offer = context.resolution.selected.iter().find(|offer| offer.by == by);
            offer
                .and_then(|offer| requirement(context, name, offer.rule))
                .unwrap_or_else(|| "the selected plugin brings it disabled".into())
        }
        By::Contribution { .. } | By::Legacy | By::Gate => {
            let rule = context.runtime(name).map(|decided| decided.reason.rule);
            let stays = [Rule::OverlayDisabledStays, Rule::SelectedDisabledIsNoVeto];
            if rule.is_some_and(|rule| stays.contains(&rule)) {
                disabled_before(context, name)
            } else {
                "the extension sets it disabled".into()
            }
        }
    }
}

/// What disables the server of the config or of an installed plugin.
fn disabled_before(context: Context<'_>, name: &str) -> String {
    if context.own(name).is_some_and(is_disabled) {
        let place = context.sources.config.place(&["mcp_servers", name, "enabled"]);
        return at("`enabled = false`", place.as_ref());
    }
    let Some(decided) = context.configured(name) else { return "disabled".into() };
    if let Some(why) = requirement(context, name, decided.reason.rule) {
        return why;
    }
    let By::Plugin(position) = decided.reason.by else { return "disabled".into() };
    match policy(context, position, name) {
        Some(place) => at("your setting for this plugin has `enabled = false`", place.as_ref()),
        None => "the plugin brings it disabled".into(),
    }
}

/// Where the user disables this server of a plugin, if so.
pub(super) fn policy(context: Context<'_>, position: usize, name: &str) -> Option<Option<Place>> {
    let plugin = context.case.plugins.get(position)?;
    let knows_policies = context.case.profile.rules().has(Rule::PluginUserPolicy);
    let is_off = plugin.policy.get(name)?.enabled == Some(false);
    let path = ["plugins", &plugin.id, "mcp_servers", name, "enabled"];
    (knows_policies && is_off).then(|| context.sources.config.place(&path))
}

/// The requirement that this rule is about, if it is about one.
pub(super) fn requirement(context: Context<'_>, name: &str, rule: Rule) -> Option<String> {
    let file = &context.sources.requirements;
    let of_plugin = context.configured(name).and_then(|decided| match decided.reason.by {
        By::Plugin(position) => context.case.plugins.get(position),
        _ => None,
    });
    let listed = match of_plugin {
        Some(plugin) => file.place(&["plugins", &plugin.id, "mcp_servers", name]),
        None => file.place(&["mcp_servers", name]),
    };
    let whole = match (rule, of_plugin) {
        (Rule::RequirementsPlugins, Some(plugin)) => {
            file.place(&["plugins", &plugin.id]).or_else(|| file.place(&["plugins"]))
        }
        _ => file.place(&["mcp_servers"]),
    };
    let whole = whole.or_else(|| Some(Place { file: file.file().to_owned(), line: None }));
    let (place, says) = match rule {
        Rule::RequirementsAllowList => (whole, "do not list this name"),
        Rule::RequirementsPlugins => (whole, "do not list it for this plugin"),
        Rule::RequirementsEmptyList => (whole, "allow no server"),
        Rule::RequirementsIdentity | Rule::RequirementsMatchers => {
            (listed.or(whole), "allow another command or URL under this name")
        }
        _ => return None,
    };
    Some(format!("{} {says}", at("disabled: the administrator's requirements", place.as_ref())))
}

fn absent(context: Context<'_>, name: &str) -> String {
    let views = [context.effective(name), context.runtime(name), context.configured(name)];
    let Some(decided) = views.into_iter().flatten().next() else { return String::new() };
    match decided.reason.by {
        By::Gate | By::Legacy => closed_gate(context),
        By::Contribution { .. } => {
            format!("removed by {}", context.source(name, decided.reason.by))
        }
        By::Plugin(position) => dropped(context, position, name).unwrap_or_default(),
        By::SelectedContribution { .. } | By::SelectedRoot(_) => {
            format!(
                "the selected plugin's server is left out by the rule `{}`",
                decided.reason.rule
            )
        }
        By::Config => String::new(),
    }
}

/// Why a plugin's server does not count, if it does not.
pub(super) fn dropped(context: Context<'_>, position: usize, name: &str) -> Option<String> {
    let plugin = context.case.plugins.get(position)?;
    if !plugin.active {
        let place = context.sources.config.place(&["plugins", &plugin.id, "enabled"]);
        return Some(at("the plugin is switched off", place.as_ref()));
    }
    if plugin.mcp_servers.get(name)?.as_object().is_some_and(serde_json::Map::is_empty) {
        return Some("the plugin's entry is not valid, and is left out".into());
    }
    let is_routed = context.case.profile.rules().has(Rule::RouteAppHidesServer);
    let is_app = plugin.apps.get(name).is_some_and(|id| !id.trim().is_empty());
    if is_routed && is_app && context.case.auth.is_some_and(Auth::is_backend) {
        let place = context.sources.plugins.get(position).and_then(|at| at.apps.get(name));
        let what = "hidden: the plugin has an app of the same name";
        return Some(format!("{}, which a ChatGPT sign-in uses instead", at(what, place)));
    }
    None
}

/// Why there is no Apps server.
pub(super) fn closed_gate(context: Context<'_>) -> String {
    let demanded = context.case.requirements.as_ref().and_then(|all| all.features.get("apps"));
    if demanded == Some(&false) {
        let place = context.sources.requirements.place(&["features", "apps"]);
        return at("the administrator's requirements turn Apps off", place.as_ref());
    }
    let features = context.case.host.get("features");
    for key in ["apps", "connectors"] {
        let off = features.and_then(|all| all.get(key)) == Some(&Value::Bool(false));
        if demanded.is_none() && off && !context.resolution.host.apps {
            let place = context.sources.config.place(&["features", key]);
            return at(format!("`features.{key} = false` turns Apps off"), place.as_ref());
        }
    }
    format!(
        "needs a sign-in with ChatGPT; this explanation assumes `--auth {}`",
        auth_word(context)
    )
}

fn auth_word(context: Context<'_>) -> &'static str {
    context.case.auth.map_or("none", Auth::word)
}
