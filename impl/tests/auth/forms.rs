//! The forms of `auth.json`, and the headers that they lead to.

use mcp_overlay_host::auth::{AuthNow, AuthStore, MAX_AUTH_BYTES};
use mcp_overlay_host::connection::authorize::HostCredentialSource as _;
use mcp_overlay_host::{Auth, Environment};
use serde_json::{Value, json};

use crate::support::{chatgpt, id_token, jwt, pairs};

fn store(auth: &Value) -> AuthStore {
    AuthStore::fixed(Some(&auth.to_string()), &Environment::default())
}

fn now(auth: &Value) -> AuthNow {
    (*store(auth).now()).clone()
}

fn with(mut auth: Value, name: &str, value: Value) -> Value {
    auth[name] = value;
    auth
}

#[test]
fn auth_mode_selects_the_form_and_without_it_the_fields_do() {
    let pat = json!({"personal_access_token": "pat-1"});
    let agent = json!({"agent_identity": "a.b.c"});
    let key = json!({"OPENAI_API_KEY": "sk-1"});
    let tokens = chatgpt("at-1", "rt-1");
    let key_and_tokens = with(tokens.clone(), "OPENAI_API_KEY", json!("sk-1"));
    let table = [
        ("an API key", key.clone(), Some(Auth::ApiKey)),
        ("an empty API key field beside tokens", tokens.clone(), Some(Auth::ChatGpt)),
        ("an API key beside tokens", key_and_tokens.clone(), Some(Auth::ApiKey)),
        ("ChatGPT named", with(key_and_tokens, "auth_mode", json!("chatgpt")), Some(Auth::ChatGpt)),
        (
            "tokens that someone else keeps",
            with(tokens.clone(), "auth_mode", json!("chatgptAuthTokens")),
            Some(Auth::ChatGptAuthTokens),
        ),
        (
            "an API key named beside tokens",
            with(
                with(tokens.clone(), "OPENAI_API_KEY", json!("sk-1")),
                "auth_mode",
                json!("apikey"),
            ),
            Some(Auth::ApiKey),
        ),
        ("a personal access token", pat.clone(), Some(Auth::PersonalAccessToken)),
        (
            "a personal access token beside a key",
            with(pat.clone(), "OPENAI_API_KEY", json!("sk-1")),
            Some(Auth::PersonalAccessToken),
        ),
        (
            "a personal access token named",
            with(pat, "auth_mode", json!("personalAccessToken")),
            Some(Auth::PersonalAccessToken),
        ),
        ("an agent identity", agent.clone(), Some(Auth::AgentIdentity)),
        (
            "an agent identity beside a key",
            with(key.clone(), "agent_identity", json!("a.b.c")),
            Some(Auth::ApiKey),
        ),
        (
            "an agent identity beside tokens",
            with(tokens.clone(), "agent_identity", json!("a.b.c")),
            Some(Auth::ChatGpt),
        ),
        (
            "an agent identity named",
            with(with(agent, "OPENAI_API_KEY", json!("sk-1")), "auth_mode", json!("agentIdentity")),
            Some(Auth::AgentIdentity),
        ),
        ("a Bedrock key", with(key, "bedrock_api_key", json!({"api_key": "b"})), None),
    ];
    for (what, auth, expected) in table {
        assert_eq!(now(&auth).auth, expected, "{what}");
    }
    let signed_out = AuthStore::fixed(None, &Environment::default()).now();
    assert_eq!(*signed_out, AuthNow::default());
}

#[test]
fn a_chatgpt_sign_in_names_the_user() {
    let now = now(&chatgpt("at-1", "rt-1"));
    assert_eq!(now.email.as_deref(), Some("ada@example.com"));
    assert_eq!(now.plan.as_deref(), Some("pro"));
    assert_eq!(now.error, None);
    assert_eq!(now.warnings, [""; 0]);
}

/// The headers that each form sends; `None` without an authorizer.
#[tokio::test]
async fn each_form_sends_its_own_headers() {
    let key = json!({"OPENAI_API_KEY": "sk-1"});
    let mut claimed = chatgpt("at-1", "rt-1");
    claimed["tokens"].as_object_mut().unwrap().remove("account_id");
    let mut overriding = chatgpt("at-1", "rt-1");
    overriding["tokens"]["account_id"] = json!("account-9");
    let mut anonymous = claimed.clone();
    anonymous["tokens"]["id_token"] = json!(jwt(&json!({})));
    let bearer = ("authorization", "Bearer at-1");
    let table: [(_, _, Option<Vec<_>>); 8] = [
        ("an API key", key, None),
        (
            "ChatGPT",
            chatgpt("at-1", "rt-1"),
            Some(vec![bearer, ("chatgpt-account-id", "account-123")]),
        ),
        (
            "ChatGPT, tokens of someone else",
            with(chatgpt("at-1", ""), "auth_mode", json!("chatgptAuthTokens")),
            Some(vec![bearer, ("chatgpt-account-id", "account-123")]),
        ),
        (
            "the account as claimed",
            claimed,
            Some(vec![bearer, ("chatgpt-account-id", "account-123")]),
        ),
        (
            "the account as stored",
            overriding,
            Some(vec![bearer, ("chatgpt-account-id", "account-9")]),
        ),
        ("no account", anonymous, Some(vec![bearer])),
        ("a personal access token", json!({"personal_access_token": "at-1"}), Some(vec![bearer])),
        ("an agent identity", json!({"agent_identity": {"account_id": "account-123"}}), None),
    ];
    for (what, auth, expected) in table {
        let headers = match store(&auth).authorizer() {
            Some(authorizer) => Some(authorizer.headers().await.unwrap()),
            None => None,
        };
        assert_eq!(headers.as_ref().map(pairs), expected, "{what}");
        assert_eq!(now(&auth).credentials.is_some(), expected.is_some(), "{what}");
    }
}

#[test]
fn an_agent_identity_opens_the_gate_and_reports_that_it_sends_nothing() {
    let now = now(&json!({"agent_identity": {"agent_private_key": "secret-1"}}));
    assert!(now.auth.unwrap().uses_codex_backend());
    assert_eq!(
        now.error.unwrap().to_string(),
        "the supplied sign-in: an agent identity signs an assertion for every request, \
         which this host cannot; the Apps server gets no credentials; sign in with ChatGPT to use it"
    );
}

/// Invalid texts of an `auth.json`, and their problems.
fn invalid_texts() -> Vec<(String, &'static str)> {
    let without = |name: &str| {
        let mut auth = chatgpt("at-1", "rt-1");
        auth["tokens"].as_object_mut().unwrap().remove(name);
        auth.to_string()
    };
    let field = |name: &str, value: Value| {
        let mut auth = chatgpt("at-1", "rt-1");
        auth["tokens"][name] = value;
        auth.to_string()
    };
    let mode = |mode: Value| with(chatgpt("at-1", "rt-1"), "auth_mode", mode).to_string();
    vec![
        ("{\n  \"tokens\": oops".to_owned(), "not valid JSON, line 2 column 13"),
        (String::new(), "not valid JSON, line 1 column 0"),
        ("[]".to_owned(), "expected a JSON object"),
        ("{}".to_owned(), "`tokens` is missing"),
        (r#"{"tokens": 1}"#.to_owned(), "`tokens` is not an object"),
        (r#"{"OPENAI_API_KEY": 1}"#.to_owned(), "`OPENAI_API_KEY` is not a string"),
        (r#"{"OPENAI_API_KEY": " "}"#.to_owned(), "`OPENAI_API_KEY` is missing or empty"),
        (without("access_token"), "`tokens.access_token` is missing or empty"),
        (without("id_token"), "`tokens.id_token` is missing or empty"),
        (
            field("access_token", json!("a\nb")),
            "`tokens.access_token` holds characters that no header can carry",
        ),
        (
            field("account_id", json!("é")),
            "`tokens.account_id` holds characters that no header can carry",
        ),
        (field("refresh_token", json!(1)), "`tokens.refresh_token` is not a string"),
        (field("id_token", json!("nodots")), "`tokens.id_token` is not a JWT"),
        (field("id_token", json!("a.%%.c")), "`tokens.id_token` is not a JWT"),
        (
            field("id_token", json!(format!("{}.x", id_token("a", "b")))),
            "`tokens.id_token` is not a JWT",
        ),
        (
            mode(json!("chatGPT")),
            "`auth_mode` is unknown, expected apikey, chatgpt, chatgptAuthTokens, agentIdentity or personalAccessToken",
        ),
        (mode(json!(1)), "`auth_mode` is not a string"),
        (mode(json!("agentIdentity")), "`agent_identity` is missing"),
        (mode(json!("personalAccessToken")), "`personal_access_token` is missing or empty"),
        (mode(json!("apikey")), "`OPENAI_API_KEY` is missing or empty"),
        (" ".repeat(1024 * 1024 + 1), "cannot be read: it is larger than 1048576 bytes"),
    ]
}

#[test]
fn an_invalid_sign_in_counts_as_signed_out_and_says_why() {
    assert_eq!(MAX_AUTH_BYTES, 1024 * 1024);
    for (text, problem) in invalid_texts() {
        let shown: String = text.chars().take(60).collect();
        let store = AuthStore::fixed(Some(&text), &Environment::default());
        let now = store.now();
        assert_eq!((now.auth, &now.credentials, &now.account), (None, &None, &None), "{shown}");
        assert!(store.authorizer().is_none(), "{shown}");
        let error = now.error.clone().unwrap();
        assert_eq!(error.problem(), problem, "{shown}");
        assert_eq!(
            error.to_string(),
            format!(
                "the supplied sign-in: {problem}; you count as signed out until you repair it \
                 or sign in again with `codex login`"
            )
        );
    }
}

#[test]
fn debug_shows_no_secret() {
    let auth = with(chatgpt("secret-at", "secret-rt"), "secret-field", json!("secret-value"));
    let store = store(&auth);
    let id_token = auth["tokens"]["id_token"].as_str().unwrap();
    let shown = format!("{:?} {:?} {:?}", store, store.now(), store.now().account);
    assert!(!shown.contains("secret"), "{shown}");
    assert!(!shown.contains(id_token), "{shown}");
    assert!(!shown.contains("account-123"), "{shown}");
    for auth in [json!({"OPENAI_API_KEY": "secret"}), json!({"personal_access_token": "secret"})] {
        let now = now(&auth);
        assert!(!format!("{now:?}").contains("secret"), "{now:?}");
    }
    let headers = futures_executor::block_on(store.authorizer().unwrap().headers()).unwrap();
    assert!(!format!("{headers:?}").contains("secret"), "{headers:?}");
}
