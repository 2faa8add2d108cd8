//! The rules about one server.

use toml::de::DeTable;
use url::Url;

use super::finding::{Finding, Found};
use super::parsed::{Entry, entries_of, get};
use super::path::{Path, shown};
use super::rule::Rule;
use super::secrets::{holds_secret, in_url, is_token, is_variable};
use super::surroundings::Surroundings;
use crate::config::Environment;
use crate::config::origin::is_chatgpt;
use crate::hosted_apps::CODEX_APPS;

const NAME_HELP: &str = "use letters, digits, `_` and `-` only";
const RESTARTS_HELP: &str =
    "turn Apps off with `features.apps = false`, or use a newer release only";
const URL_FORM: &str =
    "write the whole URL, as in `https://docs.example/mcp`; Codex replaces no variables in it";
const URL_HELP: &str = "send the secret in a header instead, from an environment variable";

/// A server of the file.
struct Server<'t, 'a> {
    entry: Entry<'t, 'a>,
    table: &'t DeTable<'a>,
    path: Path,
}

/// The findings about the servers of a file.
pub(super) fn check(root: &DeTable<'_>, given: &Surroundings, found: &mut Found) {
    let env = &given.environment;
    let apps_on = entries_of(root, "features")
        .filter(|entry| matches!(entry.key, "apps" | "connectors"))
        .all(|entry| entry.value.get_ref().as_bool() != Some(false));
    for entry in entries_of(root, "mcp_servers") {
        let Some(table) = entry.table() else { continue };
        let path = Path::default().with("mcp_servers").with(entry.key);
        let server = Server { entry, table, path };
        name(&server, found);
        if apps_on {
            restarts(&server, given, found);
        }
        headers(&server, found);
        urls(&server, found);
        bearer(&server, env, found);
        if env.profile().behaviour().auth_field {
            auth(&server, found);
        } else if let Some(entry) = server.get("auth") {
            let finding = server.about(Rule::UnknownKey, &entry, "unknown key `auth`".to_owned());
            found.push(finding.meaning("ignored by releases before 0.143.0"));
        }
    }
}

impl<'t, 'a> Server<'t, 'a> {
    fn get(&self, key: &str) -> Option<Entry<'t, 'a>> {
        get(self.table, key)
    }

    fn is_enabled(&self) -> bool {
        let enabled = self.get("enabled").and_then(|entry| entry.value.get_ref().as_bool());
        enabled != Some(false)
    }

    fn has_transport(&self) -> bool {
        self.get("url").is_some() || self.get("command").is_some()
    }

    /// A finding about its name.
    fn named(&self, rule: Rule, message: String) -> Finding {
        Finding::new(rule, self.entry.key_span.clone(), message).at(self.path.to_string())
    }

    /// A finding about one of its keys.
    fn about(&self, rule: Rule, entry: &Entry<'_, '_>, message: String) -> Finding {
        let key = self.path.with(entry.key).to_string();
        Finding::new(rule, entry.value_span(), message).at(key)
    }
}

fn name(server: &Server<'_, '_>, found: &mut Found) {
    let name = server.entry.key;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        let message = format!("Codex cannot start a server with the name {}", shown(name));
        let finding = server.named(Rule::NameCannotStart, message);
        found.push(finding.meaning("this server never starts").help(NAME_HELP));
    }
    // Without a transport another rule says what to do.
    if name != CODEX_APPS || !server.has_transport() {
        return;
    }
    if server.is_enabled() {
        let message = format!("`{CODEX_APPS}` is reserved for the Apps server");
        let finding = server.named(Rule::ReservedName, message);
        let meaning = "replaced by the host's own with a ChatGPT sign-in, removed without one";
        found.push(finding.meaning(meaning).help("give the server another name"));
    }
}

/// Without a release that is asked for, the file is for all of them.
fn restarts(server: &Server<'_, '_>, given: &Surroundings, found: &mut Found) {
    let is_apps = server.entry.key == CODEX_APPS && server.has_transport();
    let stays = given.environment.profile().behaviour().disabled_stays;
    if !is_apps || server.is_enabled() || (stays && given.is_release_asked) {
        return;
    }
    let which = if stays { "older releases start" } else { "this release starts" };
    let message = format!("{which} `{CODEX_APPS}` although it is disabled here");
    let finding = server.named(Rule::DisabledRestarts, message);
    let meaning = "started with a ChatGPT sign-in before 0.140.0";
    found.push(finding.meaning(meaning).help(RESTARTS_HELP));
}

fn headers(server: &Server<'_, '_>, found: &mut Found) {
    for header in entries_of(server.table, "http_headers") {
        let Some(value) = header.text() else { continue };
        if !holds_secret(header.key, value) {
            continue;
        }
        let name = shown(header.key);
        let message = format!("the header {name} looks like a secret");
        let bearer = header.key.eq_ignore_ascii_case("authorization");
        let help = if bearer {
            "put the token into an environment variable, and name it in `bearer_token_env_var`"
        } else {
            "put the value into an environment variable, and name it in `env_http_headers`"
        };
        let key = server.path.with("http_headers").with(header.key).to_string();
        let finding = Finding::new(Rule::HeaderSecret, header.value_span(), message).at(key);
        found.push(finding.meaning("everyone who can read the file gets it").help(help));
    }
}

fn urls(server: &Server<'_, '_>, found: &mut Found) {
    if server.is_enabled()
        && let Some(entry) = server.get("url")
        && let Some(text) = entry.text()
        && !Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
    {
        let message = "`url` is not an `http://` or `https://` URL".to_owned();
        let finding = server.about(Rule::UrlNotHttp, &entry, message);
        found.push(finding.meaning("Codex cannot connect to this server").help(URL_FORM));
    }
    for key in ["url", "oauth_resource"] {
        let Some(entry) = server.get(key) else { continue };
        let Some(what) = entry.text().and_then(in_url) else { continue };
        let message = format!("`{key}` contains {what}");
        let finding = server.about(Rule::UrlSecret, &entry, message);
        found.push(finding.meaning("ends up in logs").help(URL_HELP));
    }
}

fn bearer(server: &Server<'_, '_>, env: &Environment, found: &mut Found) {
    let Some(entry) = server.get("bearer_token_env_var") else { return };
    let Some(variable) = entry.text() else { return };
    if !server.is_enabled() || env.is_set(variable) {
        return;
    }
    let is_name = !variable.starts_with(|c: char| c.is_ascii_digit())
        && (1..=60).contains(&variable.len())
        && variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !is_token(variable);
    let finding = if is_name && is_variable(variable) {
        let message = format!("the variable `{variable}` is not set in this environment");
        let help = format!("set it before you start Codex: `export {variable}=…`");
        server.about(Rule::BearerUnset, &entry, message).help(help)
    } else if is_name {
        // In small letters it may be the token itself, so it is not shown.
        let message = "the variable of `bearer_token_env_var` is not set in this environment";
        let help =
            "set it before you start Codex; if this is the token, write a variable's name instead";
        server.about(Rule::BearerUnset, &entry, message.to_owned()).help(help)
    } else {
        // It is not shown: it may be the token.
        let message = "`bearer_token_env_var` is not the name of an environment variable";
        let help = "write the variable's name, not the token itself";
        server.about(Rule::BearerUnset, &entry, message.to_owned()).help(help)
    };
    found.push(finding.meaning("this server cannot start from here"));
}

fn auth(server: &Server<'_, '_>, found: &mut Found) {
    let Some(entry) = server.get("auth").filter(|entry| entry.text() == Some("chatgpt")) else {
        return;
    };
    let Some(url) = server.get("url").and_then(|entry| Url::parse(entry.text()?).ok()) else {
        return;
    };
    if !is_chatgpt(&url) {
        let message = "`auth = \"chatgpt\"` at another origin than https://chatgpt.com".to_owned();
        let finding = server.about(Rule::AuthOrigin, &entry, message);
        found.push(
            finding
                .meaning("Codex sends no ChatGPT credentials to this server")
                .help("remove `auth`, or correct the URL")
                .fix(server.path.with("auth").remove()),
        );
    }
}
