//! Parses an `auth.json`.

use std::fmt;

use serde_json::{Map, Value};

use super::claims::Claims;
use super::error::AuthFileError;
use super::kind::Auth;
use crate::config::Redacted;
use crate::connection::HostCredentials;
use crate::connection::header::is_token;

/// The account that is signed in, for comparison only: two are equal if the credentials of one may
/// be used for the other. `Debug` shows no field.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    auth: Auth,
    account_id: Option<String>,
    /// Identifies the user: their id, else their e-mail address, else their credentials.
    user: Option<String>,
}

impl Account {
    pub(super) fn auth(&self) -> Auth {
        self.auth
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}

/// A sign-in that can be used, at least to open the gate. `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub(super) struct SignIn {
    pub(super) auth: Option<Auth>,
    pub(super) credentials: Option<HostCredentials>,
    pub(super) refresh_token: Option<Redacted>,
    pub(super) account: Option<Account>,
    pub(super) email: Option<String>,
    pub(super) plan: Option<String>,
    /// Why there are no credentials to send although the gate is open.
    pub(super) error: Option<AuthFileError>,
    pub(super) warning: Option<String>,
}

/// A form of `auth.json`.
#[derive(Clone, Copy)]
enum Form {
    Of(Auth),
    /// Signs in to another service than ChatGPT.
    Bedrock,
}

const MODES: &str = "apikey, chatgpt, chatgptAuthTokens, agentIdentity or personalAccessToken";

/// Parses the text of the file that messages call `file`.
pub(super) fn parse(text: &str, file: &str) -> Result<SignIn, AuthFileError> {
    let invalid = |problem: String| AuthFileError::invalid(file, problem);
    // Only the position: the parser's message may quote the file.
    let root: Value = serde_json::from_str(text).map_err(|error| {
        invalid(format!("not valid JSON, line {} column {}", error.line(), error.column()))
    })?;
    let Value::Object(root) = root else {
        return Err(invalid("expected a JSON object".to_owned()));
    };
    match form(&root).map_err(invalid)? {
        Form::Of(Auth::ApiKey) => api_key(&root).map_err(invalid),
        Form::Of(auth @ (Auth::ChatGpt | Auth::ChatGptAuthTokens)) => {
            chatgpt(&root, auth).map_err(invalid)
        }
        Form::Of(Auth::PersonalAccessToken) => personal_access_token(&root).map_err(invalid),
        Form::Of(Auth::AgentIdentity) => agent_identity(&root, file).map_err(invalid),
        // No `auth.json` is of these kinds.
        Form::Of(Auth::BedrockApiKey | Auth::Headers) | Form::Bedrock => Ok(bedrock(file)),
    }
}

/// The form of the file: that of `auth_mode`, else the one that Codex infers from the fields. Codex
/// looks for a personal access token, then a Bedrock key, then an API key; all other files are
/// ChatGPT sign-ins. An agent identity beside `tokens` is ignored.
fn form(root: &Map<String, Value>) -> Result<Form, String> {
    let has = |name: &str| root.get(name).is_some_and(|value| !value.is_null());
    match text(root, "auth_mode")? {
        Some("apikey") => Ok(Form::Of(Auth::ApiKey)),
        Some("chatgpt") => Ok(Form::Of(Auth::ChatGpt)),
        Some("chatgptAuthTokens") => Ok(Form::Of(Auth::ChatGptAuthTokens)),
        Some("agentIdentity") => Ok(Form::Of(Auth::AgentIdentity)),
        Some("personalAccessToken") => Ok(Form::Of(Auth::PersonalAccessToken)),
        Some("bedrockApiKey" | "bedrockAccessKeys") => Ok(Form::Bedrock),
        Some(_) => Err(format!("`auth_mode` is unknown, expected {MODES}")),
        None if has("personal_access_token") => Ok(Form::Of(Auth::PersonalAccessToken)),
        None if has("bedrock_api_key") || has("bedrock_access_keys") => Ok(Form::Bedrock),
        None if has("OPENAI_API_KEY") => Ok(Form::Of(Auth::ApiKey)),
        None if has("agent_identity") && !has("tokens") => Ok(Form::Of(Auth::AgentIdentity)),
        None => Ok(Form::Of(Auth::ChatGpt)),
    }
}

fn api_key(root: &Map<String, Value>) -> Result<SignIn, String> {
    let key = required(text(root, "OPENAI_API_KEY")?, "OPENAI_API_KEY")?;
    Ok(SignIn {
        auth: Some(Auth::ApiKey),
        account: Some(account(Auth::ApiKey, None, Some(key.to_owned()))),
        ..SignIn::default()
    })
}

fn chatgpt(root: &Map<String, Value>, auth: Auth) -> Result<SignIn, String> {
    let tokens = match root.get("tokens") {
        Some(Value::Object(tokens)) => tokens,
        None | Some(Value::Null) => return Err("`tokens` is missing".to_owned()),
        Some(_) => return Err("`tokens` is not an object".to_owned()),
    };
    let field = |name: &str| {
        text(tokens, name).map_err(|_| format!("`tokens.{name}` is not a string")).map(filled)
    };
    let access_token = sendable(field("access_token")?, "tokens.access_token")?;
    let id_token = required(field("id_token")?, "tokens.id_token")?;
    let claims = Claims::of(id_token).ok_or("`tokens.id_token` is not a JWT")?;
    let account_id = field("account_id")?.map(str::to_owned).or(claims.account_id);
    if let Some(id) = &account_id {
        sendable(Some(id), "tokens.account_id")?;
    }
    let user = claims.user_id.or_else(|| claims.email.clone());
    Ok(SignIn {
        auth: Some(auth),
        account: Some(account(auth, account_id.clone(), user)),
        credentials: Some(HostCredentials { access_token, account_id }),
        refresh_token: field("refresh_token")?.map(Redacted::from),
        email: claims.email,
        plan: claims.plan,
        ..SignIn::default()
    })
}

fn personal_access_token(root: &Map<String, Value>) -> Result<SignIn, String> {
    const NAME: &str = "personal_access_token";
    let access_token = sendable(text(root, NAME)?, NAME)?;
    let auth = Auth::PersonalAccessToken;
    Ok(SignIn {
        auth: Some(auth),
        // Only the backend knows the owner of the token, so another token is another account.
        account: Some(account(auth, None, Some(access_token.clone()))),
        credentials: Some(HostCredentials { access_token, account_id: None }),
        ..SignIn::default()
    })
}

/// An agent identity, a JWT or its fields, registers a task with the backend and signs an assertion
/// for each request. This host does not support that.
fn agent_identity(root: &Map<String, Value>, file: &str) -> Result<SignIn, String> {
    let identity = match root.get("agent_identity") {
        Some(identity @ (Value::String(_) | Value::Object(_))) => identity,
        None | Some(Value::Null) => return Err("`agent_identity` is missing".to_owned()),
        Some(_) => return Err("`agent_identity` is neither a string nor an object".to_owned()),
    };
    let claim = |name: &str| {
        identity
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let problem = "an agent identity signs an assertion for every request, which this host cannot";
    let remedy = "the Apps server gets no credentials; sign in with ChatGPT to use it";
    let user = Some(identity.to_string());
    Ok(SignIn {
        auth: Some(Auth::AgentIdentity),
        account: Some(account(Auth::AgentIdentity, claim("account_id"), user)),
        email: claim("email"),
        plan: claim("plan_type"),
        error: Some(AuthFileError::new(file, problem, remedy)),
        ..SignIn::default()
    })
}

fn bedrock(file: &str) -> SignIn {
    let warning =
        format!("{file}: a Bedrock key is not a ChatGPT sign-in; you count as signed out");
    SignIn { warning: Some(warning), ..SignIn::default() }
}

fn account(auth: Auth, account_id: Option<String>, user: Option<String>) -> Account {
    Account { auth, account_id, user }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` is not a string")),
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, String> {
    filled(value).ok_or_else(|| format!("`{name}` is missing or empty"))
}

/// A value that a header can carry unchanged.
fn sendable(value: Option<&str>, name: &str) -> Result<String, String> {
    let value = required(value, name)?;
    if is_token(value) {
        return Ok(value.to_owned());
    }
    Err(format!("`{name}` holds characters that no header can carry"))
}
