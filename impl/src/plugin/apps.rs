//! The apps that a plugin declares in a file of its own.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::file::{Fault, inside, object_of, read_json_text, warning};
use crate::config::Warning;
use crate::files::ReadError;

/// The file of a plugin's apps, unless its manifest names another one in `apps`.
const DEFAULT_APPS: &str = ".app.json";

/// The names of the apps that the plugin in `folder` declares: those with a connector id that is more
/// than white space (rule `route.blank-app-is-none`). A file that cannot be read or has an app without
/// an id declares none, with a warning.
pub(super) fn read_apps(
    folder: &Path,
    manifest: &Map<String, Value>,
    warnings: &mut Vec<Warning>,
) -> BTreeSet<String> {
    let (name, named) = match manifest.get("apps") {
        Some(Value::String(name)) => (name.as_str(), true),
        _ => (DEFAULT_APPS, false),
    };
    let path = folder.join(name);
    let mut none = |key: &str, fault: &str| {
        warnings.push(warning(&path, key, format!("{fault}; this plugin has no apps")));
        BTreeSet::new()
    };
    let read = inside(folder, name).and_then(|file| object_of(&read_json_text(&file)?));
    let file = match read {
        Ok(file) => file,
        Err(Fault::Read(ReadError::Missing)) if !named => return BTreeSet::new(),
        Err(fault) => return none("", &fault.to_string()),
    };
    let apps = match file.get("apps") {
        None => return BTreeSet::new(),
        Some(Value::Object(apps)) => apps,
        Some(_) => return none("apps", "expected an object of apps"),
    };
    let mut declared = BTreeSet::new();
    for (app, entry) in apps {
        match entry.get("id") {
            Some(Value::String(id)) if id.trim().is_empty() => {}
            Some(Value::String(_)) => drop(declared.insert(app.clone())),
            _ => return none("apps", "expected the `id` of a connector, a string, in every app"),
        }
    }
    declared
}
