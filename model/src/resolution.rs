//! From a case to the three views, with a reason for everything in them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::{Answer, PluginOwners, Rejected, ServerView, Views};
use crate::case::{Case, Plugin};
use crate::host::{self, Host};
use crate::overlay::{self, Overlay};
use crate::server::{self, Server};
use crate::{RuleId, apps};

/// Names and what was decided about them; absent names that something removed are in it too.
pub type View = BTreeMap<String, Decided>;

/// What holds for one name in one view.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The server, or `None`: the name is absent because something removed it or kept it out.
    pub server: Option<Server>,
    /// Why.
    pub reason: Reason,
}

impl Decided {
    /// The same server by the same hand, in the next view.
    pub(crate) fn passed_on(&self, rule: RuleId) -> Decided {
        let reason = Reason { rule, by: self.reason.by };
        Decided { server: self.server.clone(), reason }
    }
}

/// The rule that decided, and whose input it decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The deciding rule.
    pub rule: RuleId,
    /// Whose word it was.
    pub by: By,
}

/// Whose word decided. Numbers are positions in the case, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The host config's entry.
    Config,
    /// An entry of `plugins[i]`.
    Plugin(usize),
    /// `contributors[contributor].contributions[index]`; a hosted-apps contributor has one.
    Contribution {
        /// Position of the contributor.
        contributor: usize,
        /// Position in its list.
        index: usize,
    },
    /// The legacy Apps loader.
    Legacy,
    /// The gate, closed.
    Gate,
}

/// A place that makes a case invalid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejection {
    /// Such as `host.mcp_servers.docs`.
    pub path: String,
    /// The rule that was broken there.
    pub rule: RuleId,
    /// For people; never a value that could be secret.
    pub reason: String,
}

impl Rejection {
    pub(crate) fn new(
        path: impl Into<String>,
        rule: RuleId,
        reason: impl Into<String>,
    ) -> Rejection {
        Rejection { path: path.into(), rule, reason: reason.into() }
    }
}

/// A resolved case.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// Config and plugins.
    pub configured: View,
    /// `configured` with all contributions applied.
    pub runtime: View,
    /// `runtime` after the gate and the legacy loader.
    pub effective: View,
    /// Configured names that come from a plugin, with the plugin's id.
    pub plugin_owners: PluginOwners,
    /// The host config as it was read.
    pub host: Host,
    /// All contributions in order.
    pub overlays: Vec<Overlay>,
}

/// What the specification says to a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The views and their reasons.
    Resolved(Box<Resolution>),
    /// Every invalid place, smallest path first; the first is the answer.
    Rejected(Vec<Rejection>),
}

/// Rule `resolution.pure`: The three views MUST be a function of host config, plugins,
/// contributions and auth alone; executor availability, map iteration order, time and network MUST
/// NOT matter.
///
/// Pure by its signature: a case in, an outcome out.
pub fn resolve(case: &Case) -> Outcome {
    let (host, contributed) = match read(case) {
        Ok(read) => read,
        Err(rejections) => return Outcome::Rejected(rejections),
    };
    let (configured, plugin_owners) = configured(&host, &case.plugins);
    let overlays = overlay::in_order(&case.contributors, contributed, &host);
    let runtime = overlay::fold(&host, &configured, &overlays);
    let effective = apps::effective(&host, &overlays, case.auth, &runtime);
    Outcome::Resolved(Box::new(Resolution {
        configured,
        runtime,
        effective,
        plugin_owners,
        host,
        overlays,
    }))
}

/// Rule `rejection.smallest-path`: With several invalid places the rejection MUST name the smallest
/// path in byte order; nothing is resolved from a rejected config.
fn read(case: &Case) -> Result<(Host, Vec<Vec<Overlay>>), Vec<Rejection>> {
    match (host::read(&case.host, case.profile), overlay::read_servers(&case.contributors)) {
        (Ok(host), Ok(contributed)) => Ok((host, contributed)),
        (host, contributed) => {
            let mut rejections = host.err().unwrap_or_default();
            rejections.extend(contributed.err().unwrap_or_default());
            rejections.sort();
            Err(rejections)
        }
    }
}

/// Rule `configured.union`: `configured` MUST hold every name that the host config or an active
/// plugin validly defines, and no other name.
fn configured(host: &Host, plugins: &[Plugin]) -> (View, PluginOwners) {
    let mut configured = View::new();
    for (name, server) in &host.servers {
        let reason = Reason { rule: "configured.union", by: By::Config };
        configured.insert(name.clone(), Decided { server: Some(server.clone()), reason });
    }
    for (position, plugin) in plugins.iter().enumerate() {
        for (name, entry) in &plugin.mcp_servers {
            add_plugin_server(&mut configured, By::Plugin(position), plugin, name, entry);
        }
    }
    let owners = plugin_owners(&configured, plugins);
    (configured, owners)
}

fn add_plugin_server(configured: &mut View, by: By, plugin: &Plugin, name: &str, entry: &Value) {
    let outcome = if plugin.active {
        // Rule `configured.invalid-plugin-server-dropped`: An invalid server entry of a plugin MUST
        // be dropped (with a warning) and the rest of that plugin kept.
        server::read(entry).map_err(|_| "configured.invalid-plugin-server-dropped")
    } else {
        // Rule `configured.inactive-plugin-ignored`: An inactive plugin MUST add nothing.
        Err("configured.inactive-plugin-ignored")
    };
    match (configured.get_mut(name), outcome) {
        (Some(earlier), Ok(server)) => match (&earlier.server, earlier.reason.by) {
            // Rule `configured.config-over-plugin`: For a name that both the host config and a
            // plugin define, `configured` MUST hold the host config's server.
            (Some(_), By::Config) => earlier.reason.rule = "configured.config-over-plugin",
            // Rule `configured.first-plugin-wins`: For a name that several active plugins define,
            // `configured` MUST hold the earliest plugin's server, and `plugin_owners` MUST name
            // that plugin.
            (Some(_), _) => earlier.reason.rule = "configured.first-plugin-wins",
            (None, _) => {
                let reason = Reason { rule: "configured.union", by };
                *earlier = Decided { server: Some(server), reason };
            }
        },
        (Some(_), Err(_)) => {}
        (None, Ok(server)) => {
            let reason = Reason { rule: "configured.union", by };
            configured.insert(name.to_string(), Decided { server: Some(server), reason });
        }
        (None, Err(rule)) => {
            let reason = Reason { rule, by };
            configured.insert(name.to_string(), Decided { server: None, reason });
        }
    }
}

/// Rule `configured.owners-exact`: `plugin_owners` MUST hold exactly the names whose server in
/// `configured` comes from a plugin.
fn plugin_owners(configured: &View, plugins: &[Plugin]) -> PluginOwners {
    let mut owners = PluginOwners::new();
    for (name, decided) in configured {
        if let (Some(_), By::Plugin(position)) = (&decided.server, decided.reason.by)
            && let Some(plugin) = plugins.get(position)
        {
            owners.insert(name.clone(), plugin.id.clone());
        }
    }
    owners
}

impl Outcome {
    /// The outcome as an implementation would answer it.
    pub fn answer(&self) -> Answer {
        match self {
            Outcome::Resolved(resolution) => Answer::Resolved {
                views: Views {
                    configured: present(&resolution.configured),
                    runtime: present(&resolution.runtime),
                    effective: present(&resolution.effective),
                },
                plugin_owners: resolution.plugin_owners.clone(),
            },
            Outcome::Rejected(rejections) => {
                let first = rejections.first();
                Answer::Rejected {
                    rejected: Rejected {
                        path: first.map(|r| r.path.clone()).unwrap_or_default(),
                        reason: first.map(|r| r.reason.clone()).unwrap_or_default(),
                    },
                }
            }
        }
    }
}

/// The names that a view holds; the absent ones dropped.
pub fn present(view: &View) -> ServerView {
    view.iter()
        .filter_map(|(name, decided)| Some((name.clone(), decided.server.clone()?)))
        .collect()
}
