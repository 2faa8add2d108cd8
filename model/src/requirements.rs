//! Reading what an administrator demands, and holding servers against it.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::decision::Rejection;
use crate::rule::{Rule, RuleSet};
use crate::wide::Requirements;

/// Valid requirements. The default demands nothing.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    own: Option<Identities>,
    plugins: Option<BTreeMap<String, Identities>>,
    /// Whether the Apps feature is on, whatever the host config says.
    pub apps: Option<bool>,
}

type Identities = BTreeMap<String, Identity>;

/// The server that a requirement allows.
#[derive(Clone, Debug)]
enum Identity {
    Command(String),
    Url(String),
    Program { executable: String, args: Vec<Matcher> },
    UrlLike(Matcher),
}

#[derive(Clone, Debug)]
enum Matcher {
    Exact(String),
    Prefix(String),
    Regex(Regex),
}

/// Reads requirements. Where no rule speaks of them, they demand nothing.
///
/// # Errors
/// Every invalid requirement, in no order.
pub fn read(written: Option<&Requirements>, rules: RuleSet) -> Result<Demands, Vec<Rejection>> {
    let Some(written) = written.filter(|_| rules.has(Rule::RequirementsAllowList)) else {
        return Ok(Demands::default());
    };
    let mut rejections = Vec::new();
    let mut read_all = |place: String, entries: &Map<String, Value>| {
        let mut identities = Identities::new();
        for (name, entry) in entries {
            match identity(entry, rules) {
                Some(identity) => drop(identities.insert(name.clone(), identity)),
                None => rejections.push(invalid(format!("{place}.{name}"))),
            }
        }
        identities
    };
    let own = written.mcp_servers.as_ref();
    let own = own.map(|entries| read_all("requirements.mcp_servers".into(), entries));
    let plugins = written.plugins.as_ref().map(|plugins| {
        let of_plugin = |(id, plugin): (&String, &crate::wide::PluginRequirements)| {
            let place = format!("requirements.plugins.{id}.mcp_servers");
            (id.clone(), read_all(place, &plugin.mcp_servers))
        };
        plugins.iter().map(of_plugin).collect()
    });
    // Rule `requirements.features`: `requirements.features.apps` MUST count in place of
    // `features.apps`.
    let apps = written.features.get("apps").copied();
    if rejections.is_empty() { Ok(Demands { own, plugins, apps }) } else { Err(rejections) }
}

/// Rule `requirements.invalid`: A requirement without a valid `identity`, with a member that a
/// matcher form does not have, or with an expression that is invalid alone or as
/// `\A(?:expression)\z` MUST reject, at its place.
fn invalid(path: String) -> Rejection {
    Rejection::new(path, Rule::RequirementsInvalid, "expected a valid `identity`")
}

/// Rule `requirements.identity`: `identity.command` as text MUST match a stdio server with that
/// command whatever its arguments, and `identity.url` as text an HTTP server with that URL, byte
/// for byte.
fn identity(requirement: &Value, rules: RuleSet) -> Option<Identity> {
    let members = requirement.as_object()?.get("identity")?.as_object()?;
    let text = |member: &str| members.get(member)?.as_str().map(str::to_string);
    let command = text("command").map(Identity::Command);
    let identity = command.or_else(|| text("url").map(Identity::Url));
    identity
        .or_else(|| if rules.has(Rule::RequirementsMatchers) { matchers(members) } else { None })
}

/// Rule `requirements.matchers`: `identity.command` as `{executable, args}` MUST match a stdio
/// server with exactly that command and as many arguments as matchers, each matching the argument
/// in its place, and `identity.url` as a matcher an HTTP server whose URL it matches; a matcher is
/// `{match: "exact", value}`, `{match: "prefix", value}` or `{match: "regex", expression}`, the
/// last over the whole value.
fn matchers(members: &Map<String, Value>) -> Option<Identity> {
    let mut members = members.iter();
    match (members.next()?, members.next()) {
        ((name, url), None) if name == "url" => matcher(url).map(Identity::UrlLike),
        ((name, Value::Object(program)), None) if name == "command" && program.len() == 2 => {
            let executable = program.get("executable")?.as_str()?.to_string();
            let args = program.get("args")?.as_array()?;
            let args = args.iter().map(matcher).collect::<Option<_>>()?;
            Some(Identity::Program { executable, args })
        }
        _ => None,
    }
}

fn matcher(written: &Value) -> Option<Matcher> {
    let members = written.as_object().filter(|members| members.len() == 2)?;
    let text = |member: &str| members.get(member)?.as_str();
    match text("match")? {
        "exact" => text("value").map(|value| Matcher::Exact(value.into())),
        "prefix" => text("value").map(|value| Matcher::Prefix(value.into())),
        "regex" => {
            let expression = text("expression")?;
            Regex::new(expression).ok()?;
            Regex::new(&format!(r"\A(?:{expression})\z")).ok().map(Matcher::Regex)
        }
        _ => None,
    }
}

impl Matcher {
    fn matches(&self, text: &str) -> bool {
        match self {
            Matcher::Exact(value) => text == value,
            Matcher::Prefix(value) => text.starts_with(value),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Identity {
    fn matches(&self, server: &Value) -> bool {
        let text = |field: &str| server.get(field).and_then(Value::as_str);
        match self {
            Identity::Command(command) => text("command") == Some(command),
            Identity::Url(url) => text("url") == Some(url),
            Identity::UrlLike(matcher) => text("url").is_some_and(|url| matcher.matches(url)),
            Identity::Program { executable, args } => {
                let given = server.get("args").and_then(Value::as_array);
                let given = given.map(Vec::as_slice).unwrap_or_default();
                let fits = |(matcher, given): (&Matcher, &Value)| {
                    given.as_str().is_some_and(|given| matcher.matches(given))
                };
                text("command") == Some(executable)
                    && args.len() == given.len()
                    && args.iter().zip(given).all(fits)
            }
        }
    }

    fn rule(&self) -> Rule {
        match self {
            Identity::Command(_) | Identity::Url(_) => Rule::RequirementsIdentity,
            Identity::Program { .. } | Identity::UrlLike(_) => Rule::RequirementsMatchers,
        }
    }
}

/// Rule `requirements.apps-server-free`: Requirements MUST NOT be held against the Apps server or a
/// `Set`; only an entry of the user's under that name, disabled by them, disables it. So nothing here
/// is asked of either.
impl Demands {
    /// The rule that disables a server of the host config, if one does.
    ///
    /// Rule `requirements.allow-list`: With `requirements.mcp_servers`, a server of the host config
    /// MUST be disabled unless the requirement of its own name matches it.
    pub fn against_own(&self, name: &str, server: &Value) -> Option<Rule> {
        let identities = self.own.as_ref()?;
        if identities.is_empty() {
            return Some(Rule::RequirementsEmptyList);
        }
        against(identities, name, server, Rule::RequirementsAllowList)
    }

    /// The rule that disables a server of a plugin, if one does.
    ///
    /// Rule `requirements.plugins`: With `requirements.plugins`, a server of a plugin MUST be
    /// disabled unless the requirement of its name under that plugin's id matches it; for a
    /// selected plugin of a thread the id is that of its root.
    pub fn against_plugin(&self, id: &str, name: &str, server: &Value) -> Option<Rule> {
        // Rule `requirements.empty-list`: An empty `requirements.mcp_servers` MUST disable all
        // servers of the host config and of plugins, selected ones included; one with entries says
        // nothing of plugins.
        if self.own.as_ref().is_some_and(BTreeMap::is_empty) {
            return Some(Rule::RequirementsEmptyList);
        }
        let listed = self.plugins.as_ref()?.get(id);
        listed.map_or(Some(Rule::RequirementsPlugins), |identities| {
            against(identities, name, server, Rule::RequirementsPlugins)
        })
    }
}

fn against(identities: &Identities, name: &str, server: &Value, unlisted: Rule) -> Option<Rule> {
    match identities.get(name) {
        None => Some(unlisted),
        Some(identity) if identity.matches(server) => None,
        Some(identity) => Some(identity.rule()),
    }
}
