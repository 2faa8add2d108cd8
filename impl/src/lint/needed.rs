//! Rule `invalid-value` for settings that Codex takes only beside another one.

use toml::de::DeTable;

use super::finding::{Finding, Found};
use super::parsed::{Entry, entries_of, get};
use super::path::{Path, shown};
use super::rule::Rule;
use super::spelling::did_you_mean;
use super::surroundings::Release;

/// The providers of models that Codex has, and the first release that has each, if the oldest does not. Each
/// release was asked with `model_provider = "NAME"`.
const PROVIDERS: [(&str, Option<Release>); 5] = [
    ("amazon-bedrock", None),
    ("gcp", Some(Release([0, 169, 0]))),
    ("lmstudio", None),
    ("ollama", None),
    ("openai", None),
];

/// Those of them that no file may define again.
const RESERVED: [&str; 3] = ["lmstudio", "ollama", "openai"];

/// The first of the releases looked at that wants `client_id` beside `client_secret`.
const CLIENT_ID_NEEDED: Release = Release([0, 169, 0]);

/// Adds what Codex refuses because of what is not there; in `release`, or in the newest.
pub(super) fn check(root: &DeTable<'_>, release: Option<Release>, found: &mut Found) {
    provider(root, release, found);
    for entry in entries_of(root, "model_providers") {
        let is_empty = entry.table().is_some_and(DeTable::is_empty);
        if RESERVED.contains(&entry.key) && !is_empty {
            let path = Path::default().with("model_providers").with(entry.key);
            let what = "Codex has a provider of this name, which no file can change";
            let finding = refused(entry.key_span, &path, what);
            found.push(finding.help("give the provider another name, and `model_provider` too"));
        }
    }
    permissions(root, found);
    if release.is_none_or(|release| release >= CLIENT_ID_NEEDED) {
        entries_of(root, "mcp_servers").for_each(|server| client_id(&server, found));
    }
}

fn refused(span: std::ops::Range<usize>, path: &Path, what: &str) -> Finding {
    let finding = Finding::new(Rule::InvalidValue, span, format!("{path}: {what}"));
    finding.at(path.to_string()).meaning("Codex refuses the file")
}

/// The name of a provider that is not there. It is shown only if it is close to one.
fn provider(root: &DeTable<'_>, release: Option<Release>, found: &mut Found) {
    let Some(entry) = get(root, "model_provider") else { return };
    let Some(name) = entry.text() else { return };
    let is_there = |since: Option<Release>| match (since, release) {
        (Some(since), Some(release)) => release >= since,
        _ => true,
    };
    let own = entries_of(root, "model_providers").map(|provider| provider.key);
    let of_codex = PROVIDERS.iter().filter(|(_, since)| is_there(*since)).map(|(name, _)| *name);
    let known: Vec<&str> = own.chain(of_codex).collect();
    if known.contains(&name) {
        return;
    }
    let what = match did_you_mean(name, known.iter().copied()) {
        Some(meant) => format!("found {}: did you mean {}?", shown(name), shown(meant)),
        None => "found a name that no provider has".to_owned(),
    };
    let finding = refused(entry.value_span(), &Path::default().with("model_provider"), &what);
    found.push(finding.help(
        "write the name of a table below `[model_providers]`, or that of a provider of Codex",
    ));
}

/// Profiles of permissions and the one that counts, which need each other. Names that begin with `:` are those of
/// Codex.
fn permissions(root: &DeTable<'_>, found: &mut Found) {
    let table = get(root, "permissions");
    let profiles = table.as_ref().and_then(Entry::table);
    let chosen = get(root, "default_permissions");
    match (profiles, chosen) {
        (Some(profiles), None) if !profiles.is_empty() && get(root, "sandbox_mode").is_none() => {
            let Some(entry) = table else { return };
            let path = Path::default().with("permissions");
            let finding =
                refused(entry.key_span, &path, "there is no `default_permissions` with it");
            let help = "write `default_permissions = \"NAME\"` above the first table, with the name of one of them";
            found.push(finding.help(help));
        }
        (profiles, Some(chosen)) => {
            let Some(name) = chosen.text().filter(|name| !name.starts_with(':')) else { return };
            if profiles.is_some_and(|profiles| get(profiles, name).is_some()) {
                return;
            }
            let path = Path::default().with("default_permissions");
            let what = "found a name that no table below `permissions` has";
            let finding = refused(chosen.value_span(), &path, what);
            found
                .push(finding.help(
                    "write the name of one of those tables, or `:read-only` or `:workspace`",
                ));
        }
        _ => {}
    }
}

fn client_id(server: &Entry<'_, '_>, found: &mut Found) {
    let Some(oauth) = server.table().and_then(|table| get(table, "oauth")) else { return };
    let Some(oauth) = oauth.table() else { return };
    let Some(secret) = get(oauth, "client_secret") else { return };
    let id = get(oauth, "client_id");
    // A value of another kind is refused for that.
    if id.is_some_and(|id| id.text() != Some("")) || secret.text().is_none() {
        return;
    }
    let path = Path::default().with("mcp_servers").with(server.key);
    let path = path.with("oauth").with("client_secret");
    let finding = refused(secret.key_span, &path, "there is no `client_id` with it");
    found.push(finding.help("write `client_id` beside it, or remove it"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str, release: &str) -> Vec<String> {
        let mut found = Found::default();
        check(&DeTable::parse(text).unwrap().into_inner(), Release::read(release), &mut found);
        found.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_setting_that_needs_another_one_is_refused_without_it() {
        let secret = "mcp_servers.a.oauth.client_secret = \"s\"";
        for (text, release, refused) in [
            (secret.to_owned(), "0.155.0", false),
            (secret.to_owned(), "0.169.0", true),
            (format!("{secret}\nmcp_servers.a.oauth.client_id = \"i\""), "0.171.0", false),
            ("model_provider = \"mine\"".to_owned(), "0.138.0", true),
            ("model_provider = \"mine\"\nmodel_providers.mine.name = \"x\"".to_owned(), "", false),
            ("model_provider = \"gcp\"".to_owned(), "0.155.0", true),
            ("model_provider = \"gcp\"".to_owned(), "0.171.0", false),
            ("model_provider = 3".to_owned(), "0.171.0", false),
            ("model_providers.openai.base_url = \"x\"".to_owned(), "0.171.0", true),
            ("permissions.x.network.enabled = true".to_owned(), "0.138.0", true),
            ("sandbox_mode = \"read-only\"\n[permissions.x]".to_owned(), "", false),
            ("default_permissions = \"x\"\n[permissions.x]".to_owned(), "", false),
            ("default_permissions = \"y\"\n[permissions.x]".to_owned(), "", true),
            ("default_permissions = \"y\"".to_owned(), "", true),
            ("default_permissions = \":workspace\"".to_owned(), "", false),
        ] {
            assert_eq!(!messages(&text, release).is_empty(), refused, "{text} {release}");
        }
        let message = messages("model_provider = \"opena\"", "").concat();
        assert!(message.contains("did you mean `openai`?"), "{message}");
        assert!(!messages("model_provider = \"s3cr3t\"", "").concat().contains("s3cr3t"));
    }
}
