//! The features that matter to MCP servers. Rules `features.*`.

use std::borrow::Cow;

use super::error::{Fault, Note, Notes};
use super::node::{Kind, Node};
use super::profile::Behaviour;
use super::read::{Read, boolean, string, under, wrong_type};

/// The path of the override that names none, without its leading slash.
pub const DEFAULT_APPS_MCP_PATH: &str = "ps/mcp";

/// The features that matter to MCP servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// Whether the host offers Apps. Rules `features.apps-default-on` and
    /// `features.connectors-alias`.
    pub apps: bool,
    /// The Apps path without its leading slashes, if it is overridden and the profile heeds that.
    /// Rules `features.override-forms`, `features.override-ignored` and `endpoint.override-path`.
    pub apps_mcp_path_override: Option<Cow<'static, str>>,
}

impl Default for Features {
    fn default() -> Self {
        Self { apps: true, apps_mcp_path_override: None }
    }
}

/// Reads the features table; a fault of a key in it is handed to `fault` with that key.
pub(crate) fn read_features(
    node: Node<'_>,
    behaviour: &Behaviour,
    notes: &mut Notes,
    mut fault: impl FnMut(Option<&str>, Fault),
) -> Features {
    let mut features = Features::default();
    let Kind::Table(table) = node.kind() else {
        fault(None, wrong_type(node, "a table"));
        return features;
    };
    let (mut apps, mut connectors) = (None, None);
    for (key, value) in table.iter().filter(|(_, value)| !value.is_null()) {
        let first = notes.len();
        let read = match key {
            "apps" => boolean(value).map(|on| apps = Some(on)),
            "connectors" => boolean(value).map(|on| connectors = Some(on)),
            "apps_mcp_path_override" => path_override(value, behaviour, notes)
                .map(|path| features.apps_mcp_path_override = path),
            _ => other_feature(value, notes),
        };
        if let Err(wrong) = read {
            fault(Some(key), wrong);
        }
        notes.under(first, key);
    }
    // Rule `features.connectors-alias`: the alias counts when both are there.
    features.apps = connectors.or(apps).unwrap_or(features.apps);
    features
}

/// Rule `features.boolean`.
fn other_feature(node: Node<'_>, notes: &mut Notes) -> Read<()> {
    match node.kind() {
        Kind::Bool(_) | Kind::Table(_) => {
            let message = "not a feature of MCP servers, ignored here";
            notes.push(Note::new(node.place(), message));
            Ok(())
        }
        _ => Err(wrong_type(node, "true or false")),
    }
}

/// Rules `features.override-forms` and `features.override-ignored`: the path without leading
/// slashes, if the override is on and has an effect.
fn path_override(
    node: Node<'_>,
    behaviour: &Behaviour,
    notes: &mut Notes,
) -> Read<Option<Cow<'static, str>>> {
    let Shape { enabled, path } = override_shape(node)?;
    if !behaviour.path_override_counts {
        notes.push(Note::new(node.place(), "has no effect in this profile, ignored"));
        return Ok(None);
    }
    if !enabled.unwrap_or(path.is_some()) {
        return Ok(None);
    }
    let Some((path, node)) = path else {
        return Ok(Some(Cow::Borrowed(DEFAULT_APPS_MCP_PATH)));
    };
    match path.trim_start_matches('/') {
        // Rule `endpoint.override-not-empty`.
        "" => Err(under(Note::wrong(node.place(), "an empty path", "more than slashes"), "path")),
        path => Ok(Some(Cow::Owned(path.to_owned()))),
    }
}

/// What an override says.
#[derive(Default)]
struct Shape<'a> {
    enabled: Option<bool>,
    path: Option<(&'a str, Node<'a>)>,
}

fn override_shape(node: Node<'_>) -> Read<Shape<'_>> {
    let table = match node.kind() {
        Kind::Bool(on) => return Ok(Shape { enabled: Some(on), path: None }),
        Kind::Table(table) => table,
        _ => return Err(wrong_type(node, "true, false or a {enabled?, path?} table")),
    };
    let mut shape = Shape::default();
    for (key, value) in table.iter() {
        let read = match key {
            "enabled" | "path" if value.is_null() => Ok(()),
            "enabled" => boolean(value).map(|on| shape.enabled = Some(on)),
            "path" => string(value).map(|text| shape.path = Some((text, value))),
            _ => {
                let message = "unknown key; expected only `enabled` and `path`";
                Err(Box::new(Note::new(value.place(), message)))
            }
        };
        read.map_err(|fault| under(fault, key))?;
    }
    Ok(shape)
}
