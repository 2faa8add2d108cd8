//! The credentials of the accounts of a sequence.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use mcp_overlay_model::Auth;
use mcp_overlay_model::lifecycle::{Sequence, Step};
use serde_json::{Value, json};

use crate::black_box::home::{FRESH, HOST_BEARER};
use crate::subject::process::secrets::{Secret, nonce};

/// The credentials of one account for one kind of sign-in.
#[derive(Debug)]
struct Credentials {
    account: String,
    auth: Auth,
    /// What a request carries as bearer.
    bearer: String,
    /// `auth.json`.
    file: Value,
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
            if let Step::SignIn { account, auth } = step
                && accounts.find(account, *auth).is_none()
            {
                accounts.add(account, *auth);
            }
        }
        accounts
    }

    /// The text of `auth.json`.
    pub(crate) fn file(&self, account: &str, auth: Auth) -> Option<String> {
        Some(self.find(account, auth)?.file.to_string())
    }

    /// The account whose bearer this is.
    pub(crate) fn of_bearer(&self, bearer: &str) -> Option<&str> {
        let mut all = self.all.iter();
        all.find(|known| known.bearer == bearer).map(|known| known.account.as_str())
    }

    /// The account of this id.
    pub(crate) fn of_id(&self, id: &str) -> Option<&str> {
        let mut all = self.all.iter();
        all.find(|known| id_of(&known.account) == id).map(|known| known.account.as_str())
    }

    fn find(&self, account: &str, auth: Auth) -> Option<&Credentials> {
        self.all.iter().find(|known| known.account == account && known.auth == auth)
    }

    fn add(&mut self, account: &str, auth: Auth) {
        let mut secret = |what: &str, value: String| {
            let what = format!("{what} of the account {account}");
            self.secrets.push(Secret { what, value: value.clone() });
            value
        };
        let bearer;
        let file = if auth == Auth::ApiKey {
            bearer = secret("the API key", format!("sk-{HOST_BEARER}{}", nonce()));
            json!({"OPENAI_API_KEY": bearer})
        } else {
            bearer = secret("the access token", format!("{HOST_BEARER}{}", nonce()));
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
            let token = format!("{header}.{}.{HOST_BEARER}{}", part(&claims), nonce());
            json!({
                "OPENAI_API_KEY": null,
                "tokens": {
                    "id_token": secret("the id token", token),
                    "access_token": bearer,
                    "refresh_token":
                        secret("the refresh token", format!("refresh-{HOST_BEARER}{}", nonce())),
                    "account_id": id_of(account),
                },
                "last_refresh": FRESH,
            })
        };
        self.all.push(Credentials { account: account.into(), auth, bearer, file });
    }
}

fn id_of(account: &str) -> String {
    format!("account-{account}")
}
