//! Rule `invalid-value` for the settings that the host does not read: Codex refuses the whole file for
//! them, so that no server starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Found};
use super::parsed::{Entry, entries, get};
use super::path::{Path, shown};
use super::rule::Rule;
use super::spelling::did_you_mean;
use super::surroundings::Release;

/// The data and where it comes from.
pub(super) const DATA: &str = include_str!("codex-values.toml");

/// By the pattern of the setting.
type Values = BTreeMap<String, Expected>;

static VALUES: LazyLock<Values> = LazyLock::new(|| read(DATA).unwrap_or_default());

/// What Codex accepts as the value of a setting.
#[derive(Debug, Clone)]
struct Expected {
    kind: Kind,
    /// The first release that knows the setting, if the oldest does not.
    since: Option<Release>,
}

#[derive(Debug, Clone)]
enum Kind {
    Words {
        words: Vec<Word>,
        or_table: bool,
    },
    Text,
    Boolean,
    BooleanOrTable,
    BooleanOrTexts,
    /// An integer from the first to the second number.
    Integer(i64, i64),
    Texts,
    Table,
    Tables,
    /// A table, or an array of its values.
    Struct,
}

#[derive(Debug, Clone)]
struct Word {
    text: String,
    /// The first release that knows it, if the oldest does not.
    since: Option<Release>,
    /// The first release that refuses it again.
    until: Option<Release>,
}

impl Word {
    fn is_known(&self, release: Option<Release>) -> bool {
        let is_gone = self.until.is_some_and(|until| release.is_none_or(|asked| asked >= until));
        !is_gone && !is_newer(self.since, release)
    }
}

/// The newest release that the linter's data is from.
#[must_use]
pub fn newest_release() -> Release {
    static NEWEST: LazyLock<Option<Release>> = LazyLock::new(|| releases(DATA)?.into_iter().max());
    NEWEST.unwrap_or(Release([0; 3]))
}

/// The releases that a file of data is from.
fn releases(data: &str) -> Option<Vec<Release>> {
    let root = DeTable::parse(data).ok()?.into_inner();
    texts(&get(&root, "releases")?).map(Release::read).collect()
}

/// Adds the values that Codex refuses; in `release`, or in the newest.
pub(super) fn check(root: &DeTable<'_>, release: Option<Release>, found: &mut Found) {
    walk(root, "", &Path::default(), release, found);
}

fn walk(
    table: &DeTable<'_>,
    pattern: &str,
    path: &Path,
    release: Option<Release>,
    found: &mut Found,
) {
    for entry in entries(table) {
        if found.is_full() {
            found.more = true;
            return;
        }
        let child = child_of(pattern, entry.key);
        let here = path.with(entry.key);
        if let Some(expected) = VALUES.get(&child)
            && !is_newer(expected.since, release)
        {
            found.findings.extend(refused(&entry, &expected.kind, &here, release));
        }
        if let Some(inner) = entry.table()
            && is_above_a_setting(&child)
        {
            walk(inner, &child, &here, release, found);
        }
    }
}

/// The pattern of a key of the table with this pattern.
fn child_of(pattern: &str, key: &str) -> String {
    let join = |step: &str| match pattern {
        "" => step.to_owned(),
        pattern => format!("{pattern}.{step}"),
    };
    let chosen = join("*");
    match is_above_a_setting(&chosen) {
        true => chosen,
        // A quoted key with a dot is no path.
        false if key.contains('.') => join(&format!("{key:?}")),
        false => join(key),
    }
}

/// Whether a setting is somewhere below the table with this pattern.
fn is_above_a_setting(pattern: &str) -> bool {
    let start = format!("{pattern}.");
    VALUES.range(start.clone()..).next().is_some_and(|(path, _)| path.starts_with(&start))
}

fn is_newer(since: Option<Release>, release: Option<Release>) -> bool {
    matches!((since, release), (Some(since), Some(release)) if release < since)
}

/// The finding about a value that Codex refuses. The value is shown if it looks like one of the words.
fn refused(
    entry: &Entry<'_, '_>,
    kind: &Kind,
    path: &Path,
    release: Option<Release>,
) -> Option<Finding> {
    let value = entry.value.get_ref();
    let (message, help) = match kind {
        Kind::Words { words, or_table } => {
            if *or_table && value.is_table() {
                return None;
            }
            let known = words.iter().filter(|word| word.is_known(release));
            let known: Vec<&str> = known.map(|word| word.text.as_str()).collect();
            let help = format!("expected {}", choice(&known));
            let message = match value.as_str() {
                Some(word) if known.contains(&word) => return None,
                Some(word) => wrong_word(word, words, &known),
                None => format!("found {}", kind_of(value)),
            };
            (message, help)
        }
        kind if kind.takes(value) => return None,
        Kind::Integer(..) if matches!(value, DeValue::Integer(_)) => {
            ("found a number out of range".to_owned(), format!("expected {}", kind.in_words()))
        }
        kind => (format!("found {}", kind_of(value)), format!("expected {}", kind.in_words())),
    };
    let message = format!("{path}: {message}");
    let finding = Finding::new(Rule::InvalidValue, entry.value_span(), message);
    Some(finding.at(path.to_string()).meaning("Codex refuses the file").help(help))
}

/// A word is shown only if it is close to one that Codex knows: another text may be anything.
fn wrong_word(word: &str, words: &[Word], known: &[&str]) -> String {
    if words.iter().any(|other| other.text == word) {
        return format!("found {}, which this release does not support", shown(word));
    }
    match did_you_mean(word, known.iter().copied()) {
        Some(meant) => format!("found {}: did you mean `{meant}`?", shown(word)),
        None => "found another word".to_owned(),
    }
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::Text,
            "boolean" => Self::Boolean,
            "boolean-or-table" => Self::BooleanOrTable,
            "boolean-or-strings" => Self::BooleanOrTexts,
            "positive" => Self::Integer(1, i64::MAX),
            "unsigned" => Self::Integer(0, i64::MAX),
            "integer" => Self::Integer(i64::MIN, i64::MAX),
            "port" => Self::Integer(0, u16::MAX.into()),
            "byte" => Self::Integer(0, u8::MAX.into()),
            "strings" => Self::Texts,
            "table" => Self::Table,
            "tables" => Self::Tables,
            "struct" => Self::Struct,
            _ => return None,
        })
    }

    fn takes(&self, value: &DeValue<'_>) -> bool {
        match (self, value) {
            (Self::Text, DeValue::String(_))
            | (Self::Boolean | Self::BooleanOrTable | Self::BooleanOrTexts, DeValue::Boolean(_))
            | (Self::Table | Self::Struct | Self::BooleanOrTable, DeValue::Table(_))
            | (Self::Struct, DeValue::Array(_)) => true,
            (Self::Integer(least, most), DeValue::Integer(number)) => {
                i64::from_str_radix(number.as_str(), number.radix())
                    .is_ok_and(|number| (*least..=*most).contains(&number))
            }
            (Self::Texts | Self::BooleanOrTexts, DeValue::Array(texts)) => {
                texts.iter().all(|text| text.get_ref().is_str())
            }
            (Self::Tables, DeValue::Array(tables)) => {
                tables.iter().all(|table| table.get_ref().is_table())
            }
            _ => false,
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Words { words, .. } => {
                choice(&words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>())
            }
            Self::Text => "a string, in quotes".to_owned(),
            Self::Boolean => "true or false, without quotes".to_owned(),
            Self::BooleanOrTable => "true or false, without quotes, or a table".to_owned(),
            Self::BooleanOrTexts => {
                "true or false, without quotes, or an array of strings".to_owned()
            }
            Self::Integer(1, _) => "a whole number of at least 1, without quotes".to_owned(),
            Self::Integer(i64::MIN, _) => "a whole number, without quotes".to_owned(),
            Self::Integer(_, i64::MAX) => {
                "a whole number that is not negative, without quotes".to_owned()
            }
            Self::Integer(least, most) => {
                format!("a whole number from {least} to {most}, without quotes")
            }
            Self::Texts => "an array of strings".to_owned(),
            Self::Table | Self::Struct => "a table".to_owned(),
            Self::Tables => "an array of tables".to_owned(),
        }
    }
}

/// `"a", "b" or "c"`.
fn choice(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or a time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn read(data: &str) -> Option<Values> {
    let root = DeTable::parse(data).ok()?.into_inner();
    let since: BTreeMap<&str, Release> = section(&root, "since")?
        .filter_map(|entry| Some((entry.key, Release::read(entry.text()?)?)))
        .collect();
    let until: BTreeMap<&str, Release> = section(&root, "until")?
        .filter_map(|entry| Some((entry.key, Release::read(entry.text()?)?)))
        .collect();
    let or_table: BTreeSet<&str> =
        section(&root, "tables")?.flat_map(|entry| texts(&entry).collect::<Vec<_>>()).collect();
    let mut values = BTreeMap::new();
    let mut add = |path: &str, kind| {
        let since = since.get(path).copied();
        values.insert(path.to_owned(), Expected { kind, since });
    };
    for entry in section(&root, "words")? {
        let of = |text: &str| {
            let key = format!("{}={text}", entry.key);
            let find = |releases: &BTreeMap<&str, Release>| releases.get(key.as_str()).copied();
            Word { text: text.to_owned(), since: find(&since), until: find(&until) }
        };
        let words = texts(&entry).map(of).collect();
        add(entry.key, Kind::Words { words, or_table: or_table.contains(entry.key) });
    }
    for entry in section(&root, "kinds")? {
        for path in texts(&entry) {
            add(path, Kind::of(entry.key)?);
        }
    }
    for entry in section(&root, "profiles")? {
        for path in texts(&entry) {
            let mut expected = values.get(path)?.clone();
            // A profile of this form has no effect, and releases check its words alone.
            if let Kind::Words { words, .. } = &mut expected.kind {
                words.iter_mut().for_each(|word| word.until = None);
            }
            values.insert(format!("profiles.*.{path}"), expected);
        }
    }
    Some(values)
}

fn section<'t, 'a>(
    root: &'t DeTable<'a>,
    name: &str,
) -> Option<impl Iterator<Item = Entry<'t, 'a>>> {
    Some(entries(get(root, name)?.table()?))
}

fn texts<'t>(entry: &Entry<'t, '_>) -> impl Iterator<Item = &'t str> {
    let array = entry.value.get_ref().as_array();
    array.into_iter().flat_map(|texts| texts.iter()).filter_map(|text| text.get_ref().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_of_data_are_from_the_same_releases() {
        let from = releases(DATA).unwrap();
        assert_eq!(Some(from), releases(include_str!("codex-keys.toml")));
        assert!(newest_release() >= Release([0, 171, 0]));
    }

    #[test]
    fn the_data_is_read() {
        assert!(VALUES.len() > 120, "{}", VALUES.len());
        assert!(VALUES.values().any(|expected| expected.since.is_some()));
        assert_eq!(child_of("projects", "/home/ada"), "projects.*");
        assert_eq!(child_of("history", "persistence"), "history.persistence");
    }

    #[test]
    fn a_refused_value_is_one_finding() {
        let newest = |text: &str| {
            let mut found = Found::default();
            check(&DeTable::parse(text).unwrap().into_inner(), None, &mut found);
            found
                .findings
                .into_iter()
                .map(|f| format!("{}; {}", f.message, f.help))
                .collect::<Vec<_>>()
        };
        for text in [
            "approval_policy = { granular = {} }",
            "web_search = \"indexed\"",
            "model_context_window = 0x10",
            "history = [\"none\"]",
            "tui.status_line = []",
            "tui.notifications = [\"agent-turn-complete\"]",
            "tools.web_search = { context_size = \"low\" }",
            "skills.config = [{ path = \"/x\", enabled = false }]",
            "unheard_of = 1",
        ] {
            assert_eq!(newest(text), Vec::<String>::new(), "{text}");
        }
        for (text, said) in [
            ("sandbox_mode = \"workspace_write\"", "did you mean `workspace-write`?"),
            (
                "forced_login_method = \"s3cr3t\"",
                "found another word; expected \"chatgpt\" or \"api\"",
            ),
            ("mcp_oauth_callback_port = 70000", "from 0 to 65535"),
            ("project_doc_max_bytes = -1", "not negative"),
            ("[projects.\"/x\"]\ntrust_level = true", "found a boolean; expected \"trusted\""),
            ("notify = \"say\"", "an array of strings"),
            ("[projects]\n\"/x\" = \"trusted\"", "found a string; expected a table"),
            ("tools.web_search = \"live\"", "or a table"),
            ("tui.notifications = 3", "or an array of strings"),
            ("agents.max_threads = 0", "at least 1"),
            ("skills.config = 3", "an array of tables"),
            ("orchestrator.mcp.enabled = \"x\"", "found a string"),
            ("notice.hide_full_access_warning = \"x\"", "found a string"),
            ("notice.\"hide_gpt-5.1-codex-max_migration_prompt\" = 1", "found an integer"),
            ("approval_policy = \"untrusted\"", "does not support"),
        ] {
            assert!(newest(text).concat().contains(said), "{text}: {:?}", newest(text));
        }
    }

    #[test]
    fn an_older_release_knows_fewer_words_and_settings() {
        let in_release = |text: &str, release: &str| {
            let mut found = Found::default();
            check(&DeTable::parse(text).unwrap().into_inner(), Release::read(release), &mut found);
            found.findings.len()
        };
        assert_eq!(in_release("web_search = \"indexed\"", "0.141.0"), 1);
        assert_eq!(in_release("web_search = \"indexed\"", "0.143.0"), 0);
        assert_eq!(in_release("approval_policy = \"untrusted\"", "0.145.0"), 0);
        assert_eq!(in_release("approval_policy = \"untrusted\"", "0.155.0"), 1);
        assert_eq!(in_release("goals = 1", "0.145.0"), 0);
        assert_eq!(in_release("goals = 1", "0.155.0"), 1);
    }
}
