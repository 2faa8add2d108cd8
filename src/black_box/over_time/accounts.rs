//! The credentials of the accounts of a sequence.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use mcp_overlay_model::Auth;
use mcp_overlay_model::lifecycle::{Means, Sequence, SignIn, Step};
use serde_json::{Value, json};

use crate::black_box::home::{ACCOUNT_ID, FRESH, HOST_BEARER};
use crate::subject::process::secrets::{Secret, nonce};

/// The credentials of one sign-in.
#[derive(Debug)]
struct Credentials {
    sign_in: SignIn,
    /// Their name in observations.
    name: String,
    /// What a request carries as bearer.
    bearer: String,
    /// `auth.json`, or the params of `account/login/start`.
    given: Value,
}

/// The credentials of every sign-in of a sequence, made before its host starts.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    all: Vec<Credentials>,
    pub(crate) secrets: Vec<Secret>,
}

impl Accounts {
    pub(crate) fn of(sequence: &Sequence) -> Self {
        let mut accounts = Accounts::default();
        for step in &sequence.steps {
            if let Step::SignIn(sign_in) = step
                && accounts.find(sign_in).is_none()
            {
                accounts.add(sign_in);
            }
        }
        accounts
    }

    /// What a sign-in by file writes to `auth.json`, and one by the protocol asks for.
    pub(crate) fn given(&self, sign_in: &SignIn) -> Value {
        self.find(sign_in).map(|known| known.given.clone()).unwrap_or_default()
    }

    /// The name of the credentials that a request has, by its `Authorization`, or else by the account's id
    /// in it.
    pub(crate) fn of_request(&self, authorization: Option<&str>, id: Option<&str>) -> Option<&str> {
        let by_bearer = authorization.and_then(|authorization| self.of_bearer(authorization));
        let by_bearer = by_bearer.map(|known| known.name.as_str());
        by_bearer.or_else(|| id.and_then(|id| self.of_id(id)))
    }

    /// Whether a request has the bearer of an account, and not the id of that account.
    pub(crate) fn lacks_id(&self, authorization: Option<&str>, id: Option<&str>) -> bool {
        let known = authorization.and_then(|authorization| self.of_bearer(authorization));
        known.filter(|known| known.sign_in.auth != Auth::ApiKey).is_some_and(|known| {
            // Of an encoded id only the marker is known.
            id.is_none_or(|id| id != ACCOUNT_ID && id != id_of(&known.sign_in.account))
        })
    }

    /// The name of the first credentials of the account of this id; of any account, if the id was
    /// encoded and only its marker is known.
    fn of_id(&self, id: &str) -> Option<&str> {
        let has_id = |known: &&Credentials| known.sign_in.auth != Auth::ApiKey;
        let mut all = self.all.iter().filter(has_id);
        let is = |known: &&Credentials| id == ACCOUNT_ID || id_of(&known.sign_in.account) == id;
        all.find(is).map(|known| known.name.as_str())
    }

    fn of_bearer(&self, authorization: &str) -> Option<&Credentials> {
        let bearer = authorization.strip_prefix("Bearer ").unwrap_or(authorization).trim();
        self.all.iter().find(|known| known.bearer == bearer)
    }

    fn find(&self, sign_in: &SignIn) -> Option<&Credentials> {
        self.all.iter().find(|known| known.sign_in == *sign_in)
    }

    fn add(&mut self, sign_in: &SignIn) {
        let name = sign_in.credentials();
        let mut secret = |what: &str, value: String| {
            self.secrets.push(Secret { what: format!("{what} of {name}"), value: value.clone() });
            value
        };
        let bearer;
        let account = &sign_in.account;
        let given = match (sign_in.auth, sign_in.by) {
            (Auth::ApiKey, by) => {
                bearer = secret("the API key", format!("sk-{HOST_BEARER}{}", nonce()));
                match by {
                    Means::File => json!({"OPENAI_API_KEY": bearer}),
                    Means::Protocol => json!({"type": "apiKey", "apiKey": bearer}),
                }
            }
            (_, Means::Protocol) => {
                bearer = secret("the access token", token(account));
                json!({"type": "chatgptAuthTokens", "accessToken": bearer,
                    "chatgptAccountId": id_of(account), "chatgptPlanType": "pro"})
            }
            (_, Means::File) => {
                bearer = secret("the access token", format!("{HOST_BEARER}{}", nonce()));
                let refresh = format!("refresh-{HOST_BEARER}{}", nonce());
                json!({
                    "OPENAI_API_KEY": null,
                    "tokens": {
                        "id_token": secret("the id token", token(account)),
                        "access_token": bearer,
                        "refresh_token": secret("the refresh token", refresh),
                        "account_id": id_of(account),
                    },
                    "last_refresh": FRESH,
                })
            }
        };
        self.all.push(Credentials { sign_in: sign_in.clone(), name, bearer, given });
    }
}

/// A JWT of this account.
fn token(account: &str) -> String {
    let claims = json!({
        "email": format!("{account}@example.com"),
        "exp": 4_102_444_800_u64,
        "https://api.openai.com/auth": {
            "chatgpt_plan_type": "pro",
            "chatgpt_user_id": format!("user-{account}"),
            "chatgpt_account_id": id_of(account),
        },
    });
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = part(&json!({"alg": "none", "typ": "JWT"}));
    format!("{header}.{}.{HOST_BEARER}{}", part(&claims), nonce())
}

fn id_of(account: &str) -> String {
    format!("{ACCOUNT_ID}{account}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_and_the_id_of_another_account_are_no_credentials_of_one() {
        let sign_in = |account| json!({"sign_in": {"account": account, "auth": "chatgpt"}});
        let steps = json!({"steps": [sign_in("alice"), sign_in("bob")]});
        let accounts = Accounts::of(&serde_json::from_value(steps).unwrap());
        let [alice, bob] = [0, 1].map(|at| accounts.all.get(at).unwrap().bearer.clone());
        for (bearer, id, name, lacks_id) in [
            (Some(&bob), Some("bob"), Some("bob"), false),
            (Some(&bob), Some("alice"), Some("bob"), true),
            (Some(&alice), Some("bob"), Some("alice"), true),
            (Some(&bob), None, Some("bob"), true),
            (None, Some("alice"), Some("alice"), false),
            (Some(&"another".to_string()), Some("bob"), Some("bob"), false),
        ] {
            let (bearer, id) = (bearer.map(String::as_str), id.map(id_of));
            assert_eq!(accounts.of_request(bearer, id.as_deref()), name);
            assert_eq!(accounts.lacks_id(bearer, id.as_deref()), lacks_id);
        }
        assert!(!accounts.lacks_id(Some(&bob), Some(ACCOUNT_ID)));
    }
}
