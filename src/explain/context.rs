//! What a reason is looked up in, and how its sources are named for people.

use mcp_overlay_model::decision::Decided;
use mcp_overlay_model::{By, Case, Contribution, ContributorKind, Resolution};
use serde_json::Value;

use super::shown::short;
use super::sources::{Place, Sources};
use crate::display::printable;

/// The inputs, what the model decides about them, and where they are written.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) case: &'a Case,
    pub(super) resolution: &'a Resolution,
    pub(super) sources: &'a Sources,
    /// Why Codex does not start a server with a name.
    pub(super) name_fault: &'a dyn Fn(&str) -> Option<&'static str>,
}

impl<'a> Context<'a> {
    pub(super) fn configured(self, name: &str) -> Option<&'a Decided> {
        self.resolution.configured.get(name)
    }

    pub(super) fn runtime(self, name: &str) -> Option<&'a Decided> {
        self.resolution.runtime.get(name)
    }

    pub(super) fn effective(self, name: &str) -> Option<&'a Decided> {
        self.resolution.effective.get(name)
    }

    /// The config's own entry.
    pub(super) fn own(self, name: &str) -> Option<&'a Value> {
        self.case.host.get("mcp_servers")?.get(name)
    }

    /// A plugin's entry.
    pub(super) fn of_plugin(self, position: usize, name: &str) -> Option<&'a Value> {
        self.case.plugins.get(position)?.mcp_servers.get(name)
    }

    /// `plugin team@market`.
    pub(super) fn plugin(self, position: usize) -> String {
        let id = self.case.plugins.get(position).map_or("", |plugin| plugin.id.as_str());
        format!("plugin {}", printable(id))
    }

    /// Who brings a server, without the place.
    pub(super) fn who(self, by: By) -> String {
        match by {
            By::Config => "the config".into(),
            By::Plugin(position) => self.plugin(position),
            By::Contribution { contributor, .. } => self.extension(contributor),
            By::SelectedContribution { contributor, index } => {
                format!("selected plugin {}", printable(self.offered_by(contributor, index)))
            }
            By::SelectedRoot(position) => {
                let thread = self.case.thread.as_ref();
                let plugin = thread.and_then(|thread| thread.selected_plugins.get(position));
                format!("selected plugin {}", printable(plugin.map_or("", |p| p.id.as_str())))
            }
            By::Legacy => "Codex's Apps loader".into(),
            By::Gate => "Codex".into(),
        }
    }

    fn extension(self, position: usize) -> String {
        match self.case.contributors.get(position) {
            Some(written) if written.kind == ContributorKind::HostedApps => {
                "Codex's Apps extension".into()
            }
            Some(written) => format!("extension {}", printable(&written.id)),
            None => "an extension".into(),
        }
    }

    fn offered_by(self, contributor: usize, index: usize) -> &'a str {
        let kind = self.case.contributors.get(contributor).map(|written| &written.kind);
        let Some(ContributorKind::Scripted(list)) = kind else { return "" };
        match list.get(index) {
            Some(Contribution::SelectedPlugin { plugin_id, .. }) => plugin_id,
            _ => "",
        }
    }

    /// A server in a few words, without secrets.
    pub(super) fn short(self, server: &Value, by: By) -> String {
        short(server, is_apps_server(self.case, by))
    }

    /// Where the server of this name is written by this source.
    pub(super) fn place(self, name: &str, by: By) -> Option<Place> {
        match by {
            By::Config => self.sources.config.place(&["mcp_servers", name]),
            By::Plugin(position) => self.sources.plugins.get(position)?.servers.get(name).cloned(),
            By::Contribution { contributor, .. } | By::SelectedContribution { contributor, .. } => {
                let kind = &self.case.contributors.get(contributor)?.kind;
                let file = self.sources.contributors.clone();
                let scripted = matches!(kind, ContributorKind::Scripted(_));
                file.filter(|_| scripted).map(|file| Place { file, line: None })
            }
            By::SelectedRoot(_) | By::Legacy | By::Gate => None,
        }
    }

    /// Who brings a server and where: `plugin team@market (.mcp.json:3)`.
    pub(super) fn source(self, name: &str, by: By) -> String {
        match (by, self.place(name, by)) {
            (By::Config, Some(place)) => place.to_string(),
            (_, Some(place)) => format!("{} ({place})", self.who(by)),
            (_, None) => self.who(by),
        }
    }
}

/// A text followed by a place in brackets, if there is one.
pub(super) fn at(text: impl Into<String>, place: Option<&Place>) -> String {
    let text = text.into();
    place.map_or(text.clone(), |place| format!("{text} ({place})"))
}

/// Whether the host generated this server; then only the base of its URL comes from the user.
pub(super) fn is_apps_server(case: &Case, by: By) -> bool {
    match by {
        By::Legacy => true,
        By::Contribution { contributor, .. } => case
            .contributors
            .get(contributor)
            .is_some_and(|c| c.kind == ContributorKind::HostedApps),
        By::Config
        | By::Plugin(_)
        | By::SelectedContribution { .. }
        | By::SelectedRoot(_)
        | By::Gate => false,
    }
}
