//! The features that matter to MCP servers. Rules `features.*`.

use std::borrow::Cow;

use super::error::{Fault, Note, Notes};
use super::node::{Kind, Node};
use super::profile::Profile;
use super::read::{Read, boolean, string, under, wrong_type};

/// The path of the override that names none, without its leading slash.
pub const DEFAULT_APPS_MCP_PATH: &str = "ps/mcp";

/// The features that matter to MCP servers; all others are someone else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// Whether the host offers Apps. Rule `features.apps-default-on`.
    pub apps: bool,
    /// The Apps path without its leading slashes, if it is overridden. Rules
    /// `features.override-forms`, `endpoint.override-path` and, in later profiles,
    /// `features.override-ignored`.
    pub apps_mcp_path_override: Option<Cow<'static, str>>,
}

impl Default for Features {
    fn default() -> Self {
        Self { apps: true, apps_mcp_path_override: None }
    }
}

/// The two known keys, for faults and for paths.
pub(crate) const APPS: &str = "apps";
pub(crate) const APPS_MCP_PATH_OVERRIDE: &str = "apps_mcp_path_override";

/// Reads the features table; a fault of a key in it is handed to `fault` with that key.
pub(crate) fn read_features(
    node: Node<'_>,
    profile: Profile,
    notes: &mut Notes,
    mut fault: impl FnMut(Option<&'static str>, Fault),
) -> Features {
    let mut features = Features::default();
    let Kind::Table(table) = node.kind() else {
        fault(None, wrong_type(node, "a table"));
        return features;
    };
    for (key, value) in table.iter() {
        match key {
            _ if value.is_null() => {}
            APPS => match boolean(value) {
                Ok(apps) => features.apps = apps,
                Err(wrong) => fault(Some(APPS), wrong),
            },
            APPS_MCP_PATH_OVERRIDE if profile == Profile::CodexPr27191 => {
                match path_override(value) {
                    Ok(path) => features.apps_mcp_path_override = path,
                    Err(wrong) => fault(Some(APPS_MCP_PATH_OVERRIDE), wrong),
                }
            }
            _ => {
                let first = notes.len();
                let message = "not a feature of MCP servers, ignored here";
                notes.push(Note::new(value.place(), message));
                notes.under(first, key);
            }
        }
    }
    features
}

/// Rule `features.override-forms`: the path without leading slashes, if the override is on.
fn path_override(node: Node<'_>) -> Read<Option<Cow<'static, str>>> {
    let table = match node.kind() {
        Kind::Bool(on) => return Ok(on.then_some(Cow::Borrowed(DEFAULT_APPS_MCP_PATH))),
        Kind::Table(table) => table,
        _ => return Err(wrong_type(node, "true, false or a {enabled?, path?} table")),
    };
    let (mut enabled, mut path) = (None, None);
    for (key, value) in table.iter() {
        let taken = match key {
            "enabled" if value.is_null() => Ok(()),
            "enabled" => boolean(value).map(|on| enabled = Some(on)),
            "path" if value.is_null() => Ok(()),
            "path" => string(value).map(|text| path = Some((text, value))),
            _ => {
                let message = "unknown key; expected only `enabled` and `path`";
                Err(Box::new(Note::new(value.place(), message)))
            }
        };
        taken.map_err(|fault| under(fault, key))?;
    }
    if !enabled.unwrap_or(path.is_some()) {
        return Ok(None);
    }
    let Some((path, node)) = path else {
        return Ok(Some(Cow::Borrowed(DEFAULT_APPS_MCP_PATH)));
    };
    match path.trim_start_matches('/') {
        "" => Err(under(Note::wrong(node.place(), "an empty path", "more than slashes"), "path")),
        path => Ok(Some(Cow::Owned(path.to_owned()))),
    }
}
