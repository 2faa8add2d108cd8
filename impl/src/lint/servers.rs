//! The rules about one server.

use toml::de::DeTable;
use url::Url;

use super::finding::Found;
use super::leaks::{self, is_variable_name};
use super::parsed::entries_of;
use super::path::{Path, shown};
use super::rule::Rule;
use super::secrets::is_variable;
use super::server::Server;
use super::starting;
use super::surroundings::{Release, Surroundings};
use crate::config::Environment;
use crate::config::origin::is_chatgpt;
use crate::hosted_apps::CODEX_APPS;

const NAME_HELP: &str = "use letters, digits, `_` and `-` only";
const RESTARTS_HELP: &str =
    "turn Apps off with `features.apps = false`, or use a newer release only";

/// The findings about the servers of a file.
pub(super) fn check(text: &str, root: &DeTable<'_>, given: &Surroundings, found: &mut Found) {
    let env = &given.environment;
    let apps_on = entries_of(root, "features")
        .filter(|entry| matches!(entry.key, "apps" | "connectors"))
        .all(|entry| entry.value.get_ref().as_bool() != Some(false));
    for entry in entries_of(root, "mcp_servers") {
        let Some(table) = entry.table() else { continue };
        let path = Path::default().with("mcp_servers").with(entry.key);
        let server = Server { entry, table, path };
        name(&server, given.release, found);
        if apps_on {
            restarts(&server, given, found);
        }
        leaks::check(&server, env, found);
        starting::check(&server, text, given.release, found);
        bearer(&server, env, found);
        if env.profile().behaviour().auth_field {
            auth(&server, found);
        } else if let Some(entry) = server.get("auth") {
            let finding = server.about(Rule::UnknownKey, &entry, "unknown key `auth`".to_owned());
            found.push(finding.meaning("ignored by releases before 0.143.0"));
        }
    }
}

/// The first release that starts servers with names of this form, at the latest: the one before it that was
/// looked at does not.
const WIDER_NAMES: Release = Release([0, 155, 0]);

/// Why Codex does not start a server with this name, if it does not; in `release`, or in the newest.
#[must_use]
pub fn name_fault(name: &str, release: Option<Release>) -> Option<&'static str> {
    let is_wide = release.is_none_or(|release| release >= WIDER_NAMES);
    let allowed = |byte: u8| {
        let wider = is_wide && matches!(byte, b':' | b'@' | b'/' | b'.');
        wider || byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
    };
    if !name.is_empty() && name.bytes().all(allowed) {
        None
    } else if is_wide {
        Some("Codex starts only names of letters, digits, `_`, `-`, `:`, `@`, `/` and `.`")
    } else {
        Some("this release starts only names of letters, digits, `_` and `-`")
    }
}

fn name(server: &Server<'_, '_>, release: Option<Release>, found: &mut Found) {
    let name = server.entry.key;
    if name_fault(name, release).is_some() {
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

fn bearer(server: &Server<'_, '_>, env: &Environment, found: &mut Found) {
    let Some(entry) = server.get("bearer_token_env_var") else { return };
    let Some(variable) = entry.text() else { return };
    if !server.is_enabled() || env.is_set(variable) {
        return;
    }
    // Rule `not-a-variable` is about other texts.
    if !is_variable_name(variable) {
        return;
    }
    let finding = if is_variable(variable) {
        let message = format!("the variable `{variable}` is not set in this environment");
        let help = format!("set it before you start Codex: `export {variable}=…`");
        server.about(Rule::BearerUnset, &entry, message).help(help)
    } else {
        // In small letters it may be the token itself, so it is not shown.
        let message = "the variable of `bearer_token_env_var` is not set in this environment";
        let help =
            "set it before you start Codex; if this is the token, write a variable's name instead";
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
