//! What a host that was killed left in its home.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::grants::{Kept, Pair};
use super::logins::FILE;
use super::player::Player;
use crate::black_box::home::{HOST_BEARER, LOGIN};
use crate::subject::process::secrets::holds;

/// The files of a home that a host changes, as they were.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    config: Option<Vec<u8>>,
    auth: Option<Vec<u8>>,
    /// The servers that have a login, by the URL in the file.
    logins: Vec<String>,
}

/// What a step may have made of `auth.json`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Auth<'a> {
    Unchanged,
    /// This API key, or what was there.
    Key(&'a str),
    /// Nothing, or what was there.
    Gone,
}

impl Before {
    pub(super) fn of(home: &Path) -> Self {
        let read = |name: &str| fs::read(home.join(name)).ok();
        let logins = entries(home).unwrap_or_default().into_values();
        let logins = logins.filter_map(|entry| text(&entry, "server_url")).collect();
        Before { config: read("config.toml"), auth: read("auth.json"), logins }
    }

    /// What is wrong with the files that the user has.
    pub(super) fn problems(&self, home: &Path, auth: Auth<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        if fs::read(home.join("config.toml")).ok() != self.config {
            problems.push("config.toml has changed".to_string());
        }
        problems.extend(self.of_auth(fs::read(home.join("auth.json")).ok().as_deref(), auth));
        match entries(home) {
            Err(problem) => problems.push(problem),
            Ok(entries) => {
                let has = |url: &String| {
                    entries.values().any(|entry| text(entry, "server_url").as_ref() == Some(url))
                };
                let gone = self.logins.iter().filter(|url| !has(url));
                problems.extend(gone.map(|_| format!("{FILE} has lost a login")));
            }
        }
        problems.extend(not_whole(home));
        problems
    }

    fn of_auth(&self, now: Option<&[u8]>, auth: Auth<'_>) -> Option<String> {
        if now == self.auth.as_deref() {
            return None;
        }
        let wrong = |what: &str| Some(format!("auth.json {what}"));
        match (now, auth) {
            (None, Auth::Gone) => None,
            (None, _) => wrong("is gone"),
            (Some(now), Auth::Key(key)) => {
                let now: Option<Value> = serde_json::from_slice(now).ok();
                match now.and_then(|now| text(&now, "OPENAI_API_KEY")) {
                    Some(stored) if stored == key => None,
                    Some(_) => wrong("has another API key"),
                    None => wrong("is neither the old file nor the new one"),
                }
            }
            (Some(_), _) => wrong("has changed"),
        }
    }
}

/// The entries of the file of logins; none without a file.
fn entries(home: &Path) -> Result<Map<String, Value>, String> {
    let Ok(bytes) = fs::read(home.join(FILE)) else { return Ok(Map::new()) };
    serde_json::from_slice(&bytes)
        .map_err(|_| format!("{FILE} is not a JSON object: it has {} bytes", bytes.len()))
}

fn text(entry: &Value, key: &str) -> Option<String> {
    entry.get(key).and_then(Value::as_str).map(str::to_string)
}

/// The files in the folder itself that a host reads as JSON or TOML, and that are neither.
fn not_whole(home: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // These are looked at more closely.
        if name == FILE || name == "auth.json" {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let is_whole = match name.rsplit_once('.') {
            Some((_, "json")) => serde_json::from_str::<Value>(&text).is_ok(),
            Some((_, "toml")) => text.parse::<toml::Table>().is_ok(),
            _ => true,
        };
        if !is_whole {
            problems.push(format!("{name} is not whole: it has {} bytes", text.len()));
        }
    }
    problems
}

impl Player<'_> {
    /// What is left of each stored login, by the name of its server.
    pub(super) fn stored_logins(&self) -> BTreeMap<String, Kept> {
        let Some(home) = self.home() else { return BTreeMap::new() };
        let entries = entries(home.path()).unwrap_or_default().into_values();
        let kept = entries.filter_map(|entry| {
            let (name, url) = (text(&entry, "server_name")?, text(&entry, "server_url")?);
            let at = self.url_in_config(&name)?;
            let target =
                self.addresses.targets_of(&at).pop().filter(|(_, path)| url.ends_with(path))?;
            let access = text(&entry, "access_token").unwrap_or_default();
            let refresh = text(&entry, "refresh_token").unwrap_or_default();
            let pair = Pair { access, refresh };
            Some((name, self.stage.servers.stored(&self.mark, &target, &pair)))
        });
        kept.collect()
    }

    /// The files that hold a token of a login or a credential of an account, besides the two files
    /// for them.
    pub(super) fn left_with_secrets(&self) -> Vec<String> {
        let Some(home) = self.home() else { return Vec::new() };
        let files = fs::read_dir(home.path()).into_iter().flatten().flatten();
        let left = files.filter_map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            let bytes = fs::read(file.path()).ok()?;
            let is_left = name != FILE && name != "auth.json" && has_secret(&bytes);
            is_left.then_some(name)
        });
        left.collect()
    }
}

fn has_secret(bytes: &[u8]) -> bool {
    [LOGIN, HOST_BEARER].iter().any(|marker| holds(bytes, marker))
}
