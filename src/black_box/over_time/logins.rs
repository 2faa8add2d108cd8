//! The steps about logins to servers behind OAuth, and the calls that wait for a refresh.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcp_overlay_model::lifecycle::{Seen, Tokens};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::grants::Pair;
use super::held::Use;
use super::player::Player;
use super::shared::Target;
use crate::files::write_whole;
use crate::subject::{Failure, Reused, TokenChange};

/// The file of logins in a home, as released Codex reads it.
pub(super) const FILE: &str = ".credentials.json";

/// How long a stored access token is good.
const LASTS: Duration = Duration::from_secs(3600);

/// The client id of all logins.
const CLIENT: &str = "client-of-the-check";

impl Player<'_> {
    /// The user logs in to the HTTP server of this name, if there is one.
    pub(super) fn log_in(&mut self, name: &str) -> Result<Seen, Failure> {
        let Some(url) = self.url_in_config(name) else { return Ok(Seen::Done) };
        self.addresses.path_of(&url);
        let Some(target) = self.addresses.targets_of(&url).pop() else { return Ok(Seen::Done) };
        let pair = self.stage.servers.log_in(&self.mark, &target);
        let local = format!("http://{}/{}{}", self.stage.servers.servers, self.mark, target.1);
        self.edit_logins(|all| {
            all.retain(|_, entry| {
                let is = |key: &str, value: &str| entry.get(key) == Some(&value.into());
                !(is("server_name", name) && is("server_url", &local))
            });
            all.insert(key(name, &local), entry(name, &local, pair));
        })
    }

    /// The URL of the server of this name in the configuration of the sequence.
    pub(super) fn url_in_config(&self, name: &str) -> Option<String> {
        let url = self.state.configuration().get("mcp_servers")?.get(name)?.get("url")?;
        url.as_str().map(str::to_string)
    }

    /// A server refuses the tokens so far. A running host owns the file, so only without one the
    /// stored token has expired too.
    pub(super) fn expire(&mut self, server: &str) -> Result<Seen, Failure> {
        for target in self.addresses.targets_of(server) {
            self.stage.servers.expire(&self.mark, &target);
            let local = format!("http://{}/{}{}", self.stage.servers.servers, self.mark, target.1);
            if self.session.is_some() || !self.stage.servers.is_guarded(&self.mark, &target) {
                continue;
            }
            self.edit_logins(|all| {
                for entry in all.values_mut().filter_map(Value::as_object_mut) {
                    if entry.get("server_url").and_then(Value::as_str) == Some(&local) {
                        entry.insert("expires_at".into(), 1.into());
                        // This project's host keeps the time of the next refresh beside it.
                        entry.remove("refresh_at");
                    }
                }
            })?;
        }
        Ok(Seen::Done)
    }

    pub(super) fn tokens_behave(&self, server: &str, behaviour: Tokens) {
        for target in self.addresses.targets_of(server) {
            self.stage.servers.tokens_behave(&self.mark, &target, behaviour);
        }
    }

    fn edit_logins(&mut self, edit: impl FnOnce(&mut Map<String, Value>)) -> Result<Seen, Failure> {
        let Some(home) = self.home() else { return Ok(Seen::Done) };
        let from = self.began.elapsed();
        let edited = edit_file(&home.path().join(FILE), edit);
        let all = edited.map_err(|error| crate::black_box::session::own_fault(&error))?;
        self.note_logins(&all, from, |tokens| TokenChange::Written { tokens });
        Ok(Seen::Done)
    }

    /// The server whose token endpoint holds the refresh that a call waits for, if it waits for one.
    pub(super) fn waits(&self, used: &Use) -> Option<(String, Target)> {
        let at = self.state.waits_for(&used.thread, &used.server)?;
        let holds = |target: &Target| self.stage.servers.holds_refresh(&self.mark, target);
        let target = self.addresses.targets_of(&at).into_iter().find(holds)?;
        Some((at, target))
    }

    /// What becomes of the calls that wait for a refresh of this server, which is answered now.
    pub(super) fn refreshed(&mut self, targets: &[Target]) -> Result<Vec<Seen>, Failure> {
        let (released, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|call| targets.contains(&call.target));
        self.waiting = waiting;
        released.into_iter().map(|waiting| self.seen_of_call(waiting.used)).collect()
    }

    /// The refresh tokens that came again.
    pub(super) fn reused(&self) -> Vec<Reused> {
        let again = self.stage.servers.again(&self.mark, &self.asked).into_iter();
        let reused = again.map(|again| Reused {
            at: again.at.saturating_duration_since(self.began),
            url: self.addresses.url_of(&again.target),
            when: again.when.into(),
        });
        reused.collect()
    }
}

/// Edits the file; returns its new entries.
fn edit_file(
    path: &Path,
    edit: impl FnOnce(&mut Map<String, Value>),
) -> io::Result<Map<String, Value>> {
    let mut all = match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(error),
    };
    edit(&mut all);
    write_whole(path, Value::Object(all.clone()).to_string().as_bytes())?;
    Ok(all)
}

/// An entry of the file, as released Codex writes it.
fn entry(name: &str, url: &str, Pair { access, refresh }: Pair) -> Value {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let expires = u64::try_from((since + LASTS).as_millis()).unwrap_or(u64::MAX);
    json!({
        "server_name": name,
        "server_url": url,
        "client_id": CLIENT,
        "access_token": access,
        "expires_at": expires,
        "refresh_token": refresh,
        "scopes": [],
        "issuer": url,
    })
}

/// The key of an entry, as released Codex makes it.
fn key(name: &str, url: &str) -> String {
    let payload = format!(r#"{{"type":"http","url":{},"headers":{{}}}}"#, Value::from(url));
    let digest = Sha256::digest(payload.as_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}|{digest}")
}
