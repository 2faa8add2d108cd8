//! Refreshes tokens, once for all requests that need it: a refresh token works a single time.

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
/// The time between two attempts to take the lock.
const LOCK_POLL: Duration = Duration::from_millis(25);
/// How often writing is retried because the file changed in the meantime.
const WRITE_TRIES: u32 = 10;

/// Replaces the refused access token of `account`, unless another process already has. The error
/// says why that failed.
pub(super) async fn refresh(
    store: &AuthStore,
    account: &Account,
    refused: String,
) -> Result<(), String> {
    let (store, account) = (store.clone(), account.clone());
    // In a task of its own: the request may be cancelled, but once the refresh token is spent the
    // new tokens must be stored.
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
    let token = current
        .refresh_token
        .as_ref()
        .ok_or_else(|| RefreshFailure::passing("there is no refresh token"))?;
    if let Some(failure) = refreshes.known_failure(token.expose(), asked) {
        return Err(failure);
    }
    let done = spend(store, account, token.expose()).await;
    if let Err(failure) = &done {
        refreshes.note(token.expose(), failure);
    }
    done
}

/// The sign-in, if it still belongs to the account and still has the refused token.
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

/// Spends the refresh token and stores the new tokens.
async fn spend(store: &AuthStore, account: &Account, token: &str) -> Result<(), RefreshFailure> {
    let unwritable = |error: std::io::Error| {
        let file = store.0.storage.name();
        RefreshFailure::passing(format!("{file}: new tokens cannot be written: {error}"))
    };
    // Before the token is spent: it could not be used again if the new tokens were lost.
    let mut writer = store.0.storage.prepare().map_err(unwritable)?;
    let new = store.0.endpoint.refresh(token).await?;
    for _ in 0..WRITE_TRIES {
        // A sign-in or sign-out in the meantime takes precedence.
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
        // Taken only now, since staging is slow: excludes other changes in this process.
        let _change = store.change();
        match writer.commit(before.expose()).map_err(unwritable)? {
            None => return Ok(()),
            Some(again) => writer = again,
        }
    }
    let file = store.0.storage.name();
    Err(RefreshFailure::passing(format!(
        "{file}: new tokens cannot be written: another process keeps changing the file"
    )))
}

/// The text with the new tokens and otherwise unchanged.
fn renewed(text: &str, new: &NewTokens) -> Option<String> {
    let mut root: Map<String, Value> = serde_json::from_str(text).ok()?;
    let tokens = root.get_mut("tokens")?.as_object_mut()?;
    tokens.insert("access_token".to_owned(), new.access_token.clone().into());
    // An invalid id token does not replace a valid one.
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

/// Waits for other processes that refresh the same file. Codex takes no lock, so the caller reads
/// the file again in any case.
async fn lock(store: &AuthStore) -> Result<Option<File>, RefreshFailure> {
    let failed = |error: std::io::Error| {
        let file = store.0.storage.name();
        RefreshFailure::passing(format!("{file}: its lock file cannot be used: {error}"))
    };
    let Some(file) = store.0.storage.open_lock().map_err(failed)? else { return Ok(None) };
    match lock_within(file, LOCK_TIMEOUT, LOCK_POLL).await {
        Ok(Some(file)) => Ok(Some(file)),
        Ok(None) => {
            let reason = "another process has been refreshing the tokens for too long";
            Err(RefreshFailure::passing(reason))
        }
        // A file system without locks: reading the file again has to suffice.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(failed(error)),
    }
}
