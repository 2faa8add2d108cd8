//! Which tokens of the logins are stored, at each step: what hosts that share a home did to them.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::{Map, Value};

use super::grants::Renewal;
use super::logins::FILE;
use super::player::Player;
use crate::subject::{StoredTokens, TokenChange};

impl Player<'_> {
    /// Looks at the stored tokens, if there was a login.
    pub(super) fn look_at_logins(&mut self) {
        if self.stored.is_empty() {
            return;
        }
        let from = self.began.elapsed();
        let Some(text) = self.home().and_then(|home| fs::read(home.path().join(FILE)).ok()) else {
            return;
        };
        // A file that is not whole is the subject of crash points.
        let entries: Map<String, Value> = serde_json::from_slice(&text).unwrap_or_default();
        self.note_logins(&entries, from, |tokens| TokenChange::Found { tokens });
        self.note_lost_logins(&entries, from);
    }

    /// Notes the logins without an entry in the file, of which nobody ever used the refresh token. A host
    /// that keeps logins elsewhere does not leave the others in the file.
    fn note_lost_logins(&mut self, entries: &Map<String, Value>, from: Duration) {
        let text = |entry: &Value, key: &str| entry.get(key)?.as_str().map(str::to_string);
        let is_known = |entry: &Value| {
            let refresh = text(entry, "refresh_token").unwrap_or_default();
            self.stage.servers.numbered(&self.mark, &refresh).is_some()
        };
        if !entries.values().any(is_known) {
            return;
        }
        let mut newest: BTreeMap<(&String, &String), usize> = BTreeMap::new();
        for StoredTokens { server, url, change, .. } in &self.stored {
            if let TokenChange::Written { tokens } = change {
                newest.insert((server, url), tokens.0);
            }
        }
        let has_entry = |server: &String| {
            entries.values().any(|entry| text(entry, "server_name").as_ref() == Some(server))
        };
        let until = Some(self.began.elapsed());
        let lost: Vec<StoredTokens> = newest
            .into_iter()
            .filter(|((server, _), login)| {
                !has_entry(server) && self.stage.servers.is_untouched(&self.mark, *login)
            })
            .map(|((server, url), _)| {
                let (server, url) = (server.clone(), url.clone());
                StoredTokens { server, url, from, until, change: TokenChange::Missing }
            })
            .collect();
        self.stored.extend(lost);
    }

    /// Notes the tokens in all entries of the file.
    pub(super) fn note_logins(
        &mut self,
        entries: &Map<String, Value>,
        from: Duration,
        change: impl Fn((usize, usize)) -> TokenChange,
    ) {
        let until = Some(self.began.elapsed());
        for entry in entries.values() {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            let refresh = text("refresh_token");
            // Another form of storing is the host's own matter.
            let Some((tokens, target)) = self.stage.servers.numbered(&self.mark, refresh) else {
                continue;
            };
            let (server, url) = (text("server_name").to_string(), self.addresses.url_of(&target));
            let change = change(tokens);
            self.stored.push(StoredTokens { server, url, from, until, change });
        }
    }

    /// What became of the tokens of all logins.
    pub(super) fn stored(&self) -> Vec<StoredTokens> {
        let mut all = self.stored.clone();
        let since = |at| std::time::Instant::saturating_duration_since(&at, self.began);
        for Renewal { old, new, issued, used } in self.stage.servers.renewals(&self.mark) {
            let written = self.stored.iter().find(|stored| match stored.change {
                TokenChange::Written { tokens } => tokens.0 == old.0,
                _ => false,
            });
            let Some(StoredTokens { server, url, .. }) = written.cloned() else { continue };
            let (from, until) = (since(issued), used.map(since));
            let change = TokenChange::Refreshed { old, new };
            all.push(StoredTokens { server, url, from, until, change });
        }
        all
    }
}
