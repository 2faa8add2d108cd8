//! Sign-ins and sign-outs through the protocol: which app-servers get them.

use serde_json::{Value, json};

use crate::files::put;
use crate::shared::LISTS;
use crate::switch::Switch;

pub(crate) const LOGIN: &str = "account/login/start";

/// The file with supplied tokens that must be in memory only.
const SUPPLIED: &str = "supplied";

impl Switch {
    /// The tokens that an earlier run left.
    pub(crate) fn find_supplied(&mut self) {
        let text = self.shared.read(SUPPLIED).unwrap_or_default();
        self.supplied = serde_json::from_str(&text).ok();
    }

    pub(crate) async fn sign_in(&mut self, id: u64, message: &Value) {
        let params = &message["params"];
        let is_key = params["type"] == "apiKey";
        let account = |params: &Value| params["chatgptAccountId"].clone();
        let is_again = self.supplied.as_ref().is_some_and(|it| account(it) == account(params));
        let is_skipped = |host: usize| match &*self.shared.fault {
            "live-threads-keep-the-account-before-a-login" => true,
            "a-login-skips-signed-out-threads" => self.started_signed_out.contains(&host),
            "a-key-leaves-the-tokens-in-use" => is_key,
            "keeps-the-first-token-of-an-account" => is_again,
            _ => false,
        };
        let (skipped, hosts): (Vec<usize>, Vec<usize>) =
            self.hosts.keys().copied().partition(|host| *host != LISTS && is_skipped(*host));
        if self.is("a-key-leaves-the-tokens-in-use") && self.supplied.is_none() {
            self.keep_their_files.extend(skipped);
        }
        self.ask_with(&hosts, Some(id), LOGIN, params.clone()).await;
    }

    /// All app-servers that were asked have signed in.
    pub(crate) fn signed_in(&mut self, params: &Value) {
        if params["type"] == "apiKey" {
            let text = std::fs::read_to_string(self.hosts[&LISTS].home.join("auth.json")).ok();
            return put(&self.shared.home.join("auth.json"), text.as_deref());
        }
        self.supplied = Some(params.clone());
        if self.is("keeps-supplied-tokens-on-disk") {
            put(&self.shared.home.join(SUPPLIED), Some(&params.to_string()));
        }
    }

    pub(crate) fn signed_out(&mut self) {
        put(&self.shared.home.join("auth.json"), None);
        put(&self.shared.home.join(SUPPLIED), None);
        self.supplied = None;
        self.keep_their_files.clear();
    }

    /// An app-server that starts later gets the tokens too.
    pub(crate) async fn supply(&mut self, host: usize) {
        if let Some(params) = self.supplied.clone() {
            let own = self.next_own();
            self.send(host, &json!({"id": own, "method": LOGIN, "params": params})).await;
        }
    }
}
