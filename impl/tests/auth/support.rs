//! Sign-ins for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_overlay_host::Environment;
use mcp_overlay_host::auth::{AuthStore, REFRESH_URL_VARIABLE};
use mcp_overlay_host::connection::authorize::{AuthHeaders, Authorizer, Refusal};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A JWT with these claims and an invalid signature.
pub(crate) fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "none"})), part(claims))
}

/// The id token of a user of the account `account`.
pub(crate) fn id_token(user: &str, account: &str) -> String {
    jwt(&json!({
        "email": format!("{user}@example.com"),
        "https://api.openai.com/auth": {
            "chatgpt_plan_type": "pro",
            "chatgpt_user_id": user,
            "chatgpt_account_id": account,
        },
    }))
}

/// A ChatGPT sign-in of `ada` with these tokens.
pub(crate) fn chatgpt(access: &str, refresh: &str) -> Value {
    json!({
        "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": id_token("ada", "account-123"),
            "access_token": access,
            "refresh_token": refresh,
            "account_id": "account-123",
        },
        "last_refresh": "2026-06-09T20:44:16Z",
    })
}

/// A temporary home of the host.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn with(auth: &Value) -> Self {
        let home = Self::new();
        home.write(&auth.to_string());
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("auth.json")
    }

    /// Writes the file, keeping its mode; a new file gets 0600.
    pub(crate) fn write(&self, text: &str) {
        let new = !self.file().exists();
        std::fs::write(self.file(), text).unwrap();
        if new {
            set_mode(&self.file(), 0o600);
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.file()).unwrap()).unwrap()
    }

    pub(crate) fn store(&self) -> AuthStore {
        AuthStore::open(self.path(), &Environment::default())
    }

    /// A store that refreshes at this URL.
    pub(crate) fn store_with(&self, url: &str) -> AuthStore {
        AuthStore::open(self.path(), &env(url))
    }
}

pub(crate) fn env(url: &str) -> Environment {
    Environment::from_pairs([(REFRESH_URL_VARIABLE, url)])
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_: &Path, _: u32) {}

#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// Headers as pairs of texts.
pub(crate) fn pairs(headers: &AuthHeaders) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

/// The headers of a ChatGPT sign-in of `account-123`.
pub(crate) fn sent(access: &str) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    vec![
        pair("authorization", format!("Bearer {access}")),
        pair("chatgpt-account-id", "account-123".to_owned()),
    ]
}

pub(crate) fn owned(headers: &AuthHeaders) -> Vec<(String, String)> {
    pairs(headers).into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

pub(crate) fn refusal(sent: AuthHeaders) -> Refusal {
    Refusal { status: 401, challenge: None, sent }
}

/// The headers that replace refused ones.
pub(crate) async fn after_refusal(
    authorizer: &Arc<dyn Authorizer>,
) -> Option<Vec<(String, String)>> {
    let sent = authorizer.headers().await.unwrap();
    authorizer.refused(refusal(sent)).await.as_ref().map(owned)
}
