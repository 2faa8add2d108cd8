//! Sign-ins that a client of the host supplies.

use serde_json::{Value, json};

use super::claims::Claims;
use super::file::parse;
use super::storage::SUPPLIED;
use super::store::AuthStore;

/// Tokens that another application supplies. They are kept in memory only, and count instead of the
/// stored sign-in. `Debug` shows no secret.
pub struct SuppliedTokens {
    /// The access token, a JWT.
    pub access_token: String,
    /// The ChatGPT account; if it is empty, the one of the token.
    pub account_id: String,
}

impl std::fmt::Debug for SuppliedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SuppliedTokens").finish_non_exhaustive()
    }
}

/// Why a sign-in was not taken over. The earlier one still counts. No message holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The key is empty.
    #[error("the API key is empty")]
    BlankKey,
    /// Supplied tokens would count instead of the key.
    #[error(
        "External auth is active. Use account/login/start (chatgptAuthTokens) to update it or \
         account/logout to clear it."
    )]
    TokensCount,
    /// The tokens cannot be used.
    #[error("failed to set external auth: {0}")]
    InvalidTokens(String),
    /// The file cannot be written.
    #[error("{file}: cannot be written: {reason}")]
    Unwritable {
        /// The file.
        file: String,
        /// The error of the system.
        reason: String,
    },
}

impl AuthStore {
    /// Signs in with an API key, which replaces the stored sign-in in one rename.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub fn sign_in_with_key(&self, key: &str) -> Result<(), SignInError> {
        if key.trim().is_empty() {
            return Err(SignInError::BlankKey);
        }
        let text = json!({ "auth_mode": "apikey", "OPENAI_API_KEY": key });
        // Keeps other processes from starting a refresh, as for a sign-out.
        let _lock = self.0.storage.try_lock();
        let _change = self.change();
        if self.0.supplied().is_some() {
            return Err(SignInError::TokensCount);
        }
        self.0.storage.write(format!("{text:#}")).map_err(|error| SignInError::Unwritable {
            file: self.0.storage.name(),
            reason: error.to_string(),
        })
    }

    /// Signs in with these tokens until a sign-out or the end of the host. The stored sign-in is not
    /// touched.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub fn sign_in_with_tokens(&self, tokens: &SuppliedTokens) -> Result<(), SignInError> {
        if Claims::of(&tokens.access_token).is_none() {
            let reason = "the access token is not a JWT".to_owned();
            return Err(SignInError::InvalidTokens(reason));
        }
        let text: Value = json!({
            "auth_mode": "chatgptAuthTokens",
            "tokens": {
                // The claims of the account are in the access token.
                "id_token": tokens.access_token,
                "access_token": tokens.access_token,
                "account_id": tokens.account_id,
            },
        });
        let text = text.to_string();
        let checked = parse(&text, SUPPLIED);
        checked.map_err(|error| SignInError::InvalidTokens(error.problem().to_owned()))?;
        let _change = self.change();
        self.0.supply(Some(text));
        Ok(())
    }
}
