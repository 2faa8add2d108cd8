//! The claims of an id token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The claims that the host uses. The token's signature is not verified: a user who can write the
/// file can replace all its tokens. The claims decide what is displayed and which account is
/// named, never what is allowed.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) email: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) account_id: Option<String>,
}

impl Claims {
    /// The claims of a JWT; `None` if the text is not one.
    pub(super) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let payload: Value = serde_json::from_slice(&payload).ok()?;
        let auth = payload.get("https://api.openai.com/auth");
        let profile = payload.get("https://api.openai.com/profile");
        let text = |object: Option<&Value>, name: &str| {
            object?.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        payload.is_object().then(|| Self {
            email: text(Some(&payload), "email").or_else(|| text(profile, "email")),
            plan: text(auth, "chatgpt_plan_type"),
            user_id: text(auth, "chatgpt_user_id").or_else(|| text(auth, "user_id")),
            account_id: text(auth, "chatgpt_account_id"),
        })
    }
}
