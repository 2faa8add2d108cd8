//! Refreshing tokens once, whoever asks: a refresh token can be spent a single time.

use std::fs::File;
use std::time::{Duration, Instant, SystemTime};

use humantime::format_rfc3339_seconds;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::file::Account;
use super::store::{AuthStore, Current};
use super::token_endpoint::{NewTokens, RefreshFailure};
use crate::files::lock_within;

/// How long another process may take to refresh the tokens.
const LOCK_TIMEOUT: Duration = Duration::from_secs(40);
/// How often it is looked whether it is done.
const LOCK_POLL: Duration = Duration::from_millis(25);
/// How often new tokens are written again because the rest of the file has changed meanwhile.
const WRITE_TRIES: u32 = 10;

/// Sees to it that the tokens of `account` are others than `refused`: those that somebody else
/// has refreshed, or new ones. The error says why there are none.
pub(super) async fn refresh(
    store: &AuthStore,
    account: &Account,
    refused: String,
) -> Result<(), String> {
    let (store, account) = (store.clone(), account.clone());
    // In a task of its own: whoever asks may lose patience, but once a refresh token is spent its
    // successor must be kept.
    let task = tokio::spawn(async move { in_turn(&store, &account, &refused).await });
    match task.await {
        Ok(done) => done.map_err(|failure| failure.reason),
        Err(_) => Err("refreshing the tokens was interrupted".to_owned()),
    }
}

async fn in_turn(
    store: &AuthStore,
    account: &Account,
    refused: &str,
) -> Result<(), RefreshFailure> {
    let asked = Instant::now();
    let refreshes = &store.0.refreshes;
    let _turn = refreshes.turn.lock().await;
    if stale(store, account, refused)?.is_none() {
        return Ok(());
    }
    let _lock = lock(store).await?;
    let Some(current) = stale(store, account, refused)? else { return Ok(()) };
    let token = current.refresh_token.as_ref().ok_or_else(|| {
        RefreshFailure::passing("there is no refresh token to get new tokens with")
    })?;
    if let Some(failure) = refreshes.known_failure(token.expose(), asked) {
        return Err(failure);
    }
    let done = spend(store, account, token.expose()).await;
    if let Err(failure) = &done {
        refreshes.note(token.expose(), failure);
    }
    done
}

/// The sign-in, if it is still this account's and still has the refused token.
fn stale(
    store: &AuthStore,
    account: &Account,
    refused: &str,
) -> Result<Option<Current>, RefreshFailure> {
    let current = store.current();
    match (&current.now.account, &current.now.credentials) {
        (Some(other), Some(tokens)) if other == account => {
            Ok((tokens.access_token == refused).then_some(current))
        }
        _ => Err(gone()),
    }
}

fn gone() -> RefreshFailure {
    RefreshFailure::passing("the account is no longer signed in")
}

/// Spends the refresh token and keeps what it buys.
async fn spend(store: &AuthStore, account: &Account, token: &str) -> Result<(), RefreshFailure> {
    let unwritable = |error: std::io::Error| {
        let file = store.0.place.name();
        RefreshFailure::passing(format!("{file}: new tokens cannot be written: {error}"))
    };
    // Before the token is spent: nobody could use it again if the new ones were lost.
    let mut writer = store.0.place.prepare().map_err(unwritable)?;
    let new = store.0.endpoint.refresh(token).await?;
    for _ in 0..WRITE_TRIES {
        // Whoever signed in or out in the meantime has the last word.
        let current = store.current();
        let unchanged = current.refresh_token.as_ref().map(|token| token.expose()) == Some(token);
        let before = match (&current.now.account, current.text) {
            (Some(other), Some(text)) if other == account => text,
            _ => return Err(gone()),
        };
        if !unchanged {
            return Ok(());
        }
        let after = renewed(before.expose(), &new).ok_or_else(gone)?;
        writer.stage(after).map_err(unwritable)?;
        // Writing takes its time: it is only now that nobody in this process can come between.
        let _change = store.change();
        match writer.commit(before.expose()).map_err(unwritable)? {
            None => return Ok(()),
            Some(again) => writer = again,
        }
    }
    let file = store.0.place.name();
    Err(RefreshFailure::passing(format!(
        "{file}: new tokens cannot be written: something else keeps changing it"
    )))
}

/// The text with the new tokens; everything else stays.
fn renewed(text: &str, new: &NewTokens) -> Option<String> {
    let mut root: Map<String, Value> = serde_json::from_str(text).ok()?;
    let tokens = root.get_mut("tokens")?.as_object_mut()?;
    tokens.insert("access_token".to_owned(), new.access_token.clone().into());
    // An id token that says nothing is worse than the one there is.
    let id_token = new.id_token.as_ref();
    let id_token = id_token.filter(|token| Claims::of(token).is_some());
    for (name, token) in [("id_token", id_token), ("refresh_token", new.refresh_token.as_ref())] {
        if let Some(token) = token {
            tokens.insert(name.to_owned(), token.clone().into());
        }
    }
    let now = format_rfc3339_seconds(SystemTime::now()).to_string();
    root.insert("last_refresh".to_owned(), now.into());
    serde_json::to_string_pretty(&root).ok()
}

/// Waits for other processes that refresh the tokens of the same file. Codex takes no lock; the
/// file is read again in any case.
async fn lock(store: &AuthStore) -> Result<Option<File>, RefreshFailure> {
    let failed = |error: std::io::Error| {
        let file = store.0.place.name();
        RefreshFailure::passing(format!("{file}: no lock can be taken beside it: {error}"))
    };
    let Some(file) = store.0.place.open_lock().map_err(failed)? else { return Ok(None) };
    match lock_within(file, LOCK_TIMEOUT, LOCK_POLL).await {
        Ok(Some(file)) => Ok(Some(file)),
        Ok(None) => {
            let reason = "another process has been refreshing the tokens for too long";
            Err(RefreshFailure::passing(reason))
        }
        // File systems without locks: reading the file again has to do.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(failed(error)),
    }
}
