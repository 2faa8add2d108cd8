//! Plugins as Codex installs them: `MARKET/PLUGIN/VERSION/` in its cache, switched on by their id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;

use super::disk::read_plugin;
use super::entries::Plugin;
use super::file::warning;
use crate::config::{Loaded, Profile, Warning};
use crate::printable::one_line;

/// The version of a plugin that its author is working on; it counts before all others.
const LOCAL: &str = "local";

/// The plugins in the folder `cache` that `states` names, in byte order of their ids
/// `PLUGIN@MARKET`, whatever their manifests call them. Plugins that `states` does not name are not
/// used. Of several versions `local` counts, else the highest by the order of Semantic Versioning.
/// Servers are read by the rules of `profile`.
///
/// A plugin that is switched on and cannot be read is left out with a warning, and so is one that is
/// not there, unless it `is_elsewhere`.
#[must_use]
pub fn installed_plugins(
    cache: &Path,
    states: &BTreeMap<String, bool>,
    profile: Profile,
    is_elsewhere: &dyn Fn(&str) -> bool,
) -> Loaded<Vec<Plugin>> {
    let mut warnings = Vec::new();
    let mut plugins = Vec::new();
    for (id, active) in states {
        let parts = id.rsplit_once('@').filter(|(name, market)| is_plain(name) && is_plain(market));
        let folder = parts.map(|(name, market)| cache.join(market).join(name));
        let version = folder.as_deref().and_then(version_in);
        match (version, active) {
            (Some(version), true) => {
                plugins.extend(read_plugin(&version, Some(id), profile, &|_| true, &mut warnings));
            }
            (Some(_), false) => plugins.push(inactive(id)),
            (None, true) if !is_elsewhere(id) => {
                warnings.push(missing(folder.as_deref().unwrap_or(cache), id));
            }
            (None, _) => {}
        }
    }
    Loaded { value: plugins, warnings }
}

fn inactive(id: &str) -> Plugin {
    let id = id.to_owned();
    Plugin {
        id,
        active: false,
        servers: Default::default(),
        dropped: Default::default(),
        apps: Default::default(),
        folder: None,
        places: BTreeMap::new(),
    }
}

fn missing(folder: &Path, id: &str) -> Warning {
    let name = one_line(id, 100);
    let message = format!(
        "plugin `{name}` is switched on and not installed; expected MARKET/PLUGIN/VERSION for \
         the id PLUGIN@MARKET: install it or remove its entry"
    );
    warning(folder, "", message)
}

/// Whether this can be the name of a plugin or a market. It becomes part of a path.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(plain)
}

/// The folder of the version that counts.
fn version_in(folder: &Path) -> Option<PathBuf> {
    let entries = folder.read_dir().ok()?.flatten();
    let names = entries.filter(|entry| entry.path().is_dir()).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+_-".contains(&byte);
        name.bytes().all(plain).then_some(name)
    });
    // A name that is no version comes before all versions.
    let newest =
        names.max_by_key(|name| (name == LOCAL, Version::parse(name).ok(), name.clone()))?;
    Some(folder.join(newest))
}
