//! OAuth tokens in the system keyring: macOS Keychain, Windows Credential Manager, or the Secret
//! Service of a Linux desktop.

use keyring::{Entry, Error};

use super::error::StoreError;
use super::tokens::{Tokens, key};

/// Differs from the service name of Codex, whose entries have another format.
const SERVICE: &str = "mcp-overlay-host MCP tokens";

pub(super) fn load(name: &str, url: &str) -> Result<Option<Tokens>, StoreError> {
    let secret = match entry(name, url)?.get_secret() {
        Ok(secret) => secret,
        Err(Error::NoEntry) => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let damaged = || StoreError::Keyring(format!("its entry for `{name}` is invalid"));
    let tokens: Tokens = serde_json::from_slice(&secret).map_err(|_| damaged())?;
    Ok(Some(tokens))
}

pub(super) fn save(tokens: &Tokens) -> Result<(), StoreError> {
    let secret = serde_json::to_vec(tokens);
    let secret =
        secret.map_err(|_| StoreError::Keyring("the tokens cannot be serialized".to_owned()))?;
    let entry = entry(&tokens.server_name, &tokens.server_url)?;
    entry.set_secret(&secret).map_err(|error| failed(&error))
}

pub(super) fn remove(name: &str, url: &str) -> Result<bool, StoreError> {
    match entry(name, url)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

fn entry(name: &str, url: &str) -> Result<Entry, StoreError> {
    Entry::new(SERVICE, &key(name, url)).map_err(|error| failed(&error))
}

/// Some messages of the crate hold the secret, so these are replaced.
fn failed(error: &Error) -> StoreError {
    StoreError::Keyring(match error {
        Error::PlatformFailure(reason) | Error::NoStorageAccess(reason) => reason.to_string(),
        Error::NoDefaultStore => "there is none".to_owned(),
        _ => "it refused".to_owned(),
    })
}
