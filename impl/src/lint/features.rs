//! Rule `invalid-value` for features: a few of them take a table, and all others true or false.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Found};
use super::parsed::{Entry, entries, entries_of, get};
use super::path::Path;
use super::rule::Rule;
use super::surroundings::Release;
use super::values::{DATA, kind_of};

/// The features that take a table, and the first release that takes it.
static TABLES: LazyLock<BTreeMap<String, Release>> =
    LazyLock::new(|| read(DATA).unwrap_or_default());

/// Adds the features that Codex refuses; in `release`, or in the newest. The host's own reader looks at
/// the words and numbers of the file's features, and Codex also reads those of profiles.
pub(super) fn check(root: &DeTable<'_>, release: Option<Release>, found: &mut Found) {
    let path = Path::default().with("features");
    for feature in entries_of(root, "features").filter(|feature| feature.table().is_some()) {
        found.findings.extend(refused(&feature, &path.with(feature.key), release));
    }
    for profile in entries_of(root, "profiles") {
        let Some(features) = profile.table().and_then(|table| get(table, "features")) else {
            continue;
        };
        let path = Path::default().with("profiles").with(profile.key).with("features");
        let Some(table) = features.table() else {
            found.push(wrong(&features, &path, "a table"));
            continue;
        };
        for feature in entries(table) {
            found.findings.extend(refused(&feature, &path.with(feature.key), release));
        }
    }
}

fn refused(feature: &Entry<'_, '_>, path: &Path, release: Option<Release>) -> Option<Finding> {
    let takes_table = TABLES.get(feature.key).is_some_and(|since| {
        // Without a release the file is for the newest.
        release.is_none_or(|release| release >= *since)
    });
    let is_taken = match feature.value.get_ref() {
        DeValue::Boolean(_) => true,
        DeValue::Table(_) => takes_table,
        _ => false,
    };
    (!is_taken).then(|| wrong(feature, path, "true or false, without quotes"))
}

fn wrong(entry: &Entry<'_, '_>, path: &Path, expected: &str) -> Finding {
    let message = format!("{path}: found {}", kind_of(entry.value.get_ref()));
    let finding = Finding::new(Rule::InvalidValue, entry.value_span(), message);
    let finding = finding.at(path.to_string()).meaning("Codex refuses the file");
    finding.help(format!("expected {expected}"))
}

fn read(data: &str) -> Option<BTreeMap<String, Release>> {
    let root = DeTable::parse(data).ok()?.into_inner();
    let tables = get(&root, "feature-tables")?;
    let release =
        |entry: Entry<'_, '_>| Some((entry.key.to_owned(), Release::read(entry.text()?)?));
    entries(tables.table()?).map(release).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_for_the_features_that_have_settings() {
        for (text, release, refused) in [
            ("features.multi_agent = { enabled = true }", "0.171.0", true),
            ("features.multi_agent_v2 = {}", "0.138.0", false),
            ("features.sleep_tool = {}", "0.145.0", true),
            ("features.sleep_tool = {}", "", false),
            ("features.apps = true", "", false),
            ("profiles.w.features.apps = \"x\"", "0.138.0", true),
            ("profiles.w.features = 3", "", true),
            ("profiles.w.features = { apps = true, code_mode = {} }", "", false),
        ] {
            let mut found = Found::default();
            check(&DeTable::parse(text).unwrap().into_inner(), Release::read(release), &mut found);
            assert_eq!(!found.findings.is_empty(), refused, "{text} {release}");
        }
    }
}
