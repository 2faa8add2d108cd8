//! Rules `syntax`, `invalid-value` and `apps-timeout-only`: why a host refuses the file.

use std::ops::Range;

use toml::de::DeTable;

use super::finding::{Finding, Found};
use super::lines::Lines;
use super::parsed::{Entry, entries, entries_of, get, spans};
use super::path::Path;
use super::rule::Rule;
use super::shapes;
use super::surroundings::{Release, Surroundings};
use super::syntax_help::{self, REPEATED};
use crate::config::{Document, Note, every_fault, place::Place};
use crate::hosted_apps::CODEX_APPS;
use crate::plugin::switch_faults;

/// What the syntax of the text is.
pub(super) enum Syntax<'a> {
    Valid(DeTable<'a>),
    /// The findings are added.
    Invalid,
}

/// Parses the text. Of several errors in one line the first is a finding: the others follow from it.
pub(super) fn parse<'a>(lines: &Lines<'a>, found: &mut Found) -> Syntax<'a> {
    let text = lines.text();
    if let Some(at) = crate::config::too_deep_at(text) {
        found.push(syntax(lines, at..at, "tables and arrays are nested too deeply"));
        return Syntax::Invalid;
    }
    if let Some(start) = json_start(text) {
        let finding = syntax(lines, start..start + 1, "this is JSON");
        found.push(
            finding
                .meaning("Codex refuses the file; nothing else in it was checked")
                .help(syntax_help::JSON),
        );
        return Syntax::Invalid;
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    let (mut last_line, mut repeated_table) = (0, 0..0);
    let mut errors: Vec<_> =
        errors.iter().map(|e| (e.span().unwrap_or(0..0), e.message())).collect();
    errors.sort_by_key(|(span, _)| span.start);
    for (span, message) in &errors {
        let line = lines.number(span.start);
        // The keys of a repeated table repeat those of the first one.
        let follows = *message == REPEATED && repeated_table.contains(&span.start);
        if line != last_line && !follows {
            let finding = syntax(lines, span.clone(), message);
            found.push(finding.meaning("Codex refuses the file; nothing else in it was checked"));
        }
        if *message == REPEATED && is_header(lines, line) {
            repeated_table = table_after(lines, line);
        }
        last_line = line;
    }
    if errors.is_empty() { Syntax::Valid(root.into_inner()) } else { Syntax::Invalid }
}

/// Where the text begins, if it begins as JSON does. One finding says more than one for each line.
fn json_start(text: &str) -> Option<usize> {
    let start = text.find(|c: char| !c.is_whitespace() && c != '\u{feff}')?;
    text.get(start..)?.starts_with('{').then_some(start)
}

fn is_header(lines: &Lines<'_>, line: usize) -> bool {
    lines.text().get(lines.range(line)).is_some_and(|line| line.trim_start().starts_with('['))
}

/// The bytes between the header in this line and the next header.
fn table_after(lines: &Lines<'_>, line: usize) -> Range<usize> {
    let start = lines.range(line).end;
    let last = lines.number(lines.text().len());
    let next = (line + 1..=last).find(|line| is_header(lines, *line));
    start..next.map_or(lines.text().len(), |line| lines.range(line).start)
}

fn syntax(lines: &Lines<'_>, span: Range<usize>, message: &str) -> Finding {
    // A missing quote is noticed at the end of the line, which may be another line's first byte.
    let line = lines.range(lines.number(span.start));
    let end = span.end.clamp(span.start, line.end.max(span.start));
    let finding = Finding::new(Rule::Syntax, span.start..end, format!("not valid TOML: {message}"));
    finding.help(syntax_help::help(lines, span.start, end, message))
}

/// What the messages of the host's reader have between what was found and what was expected.
const EXPECTED: &str = ", expected ";

/// Adds every value that a host refuses.
pub(super) fn check(
    lines: &Lines<'_>,
    root: &DeTable<'_>,
    given: &Surroundings,
    found: &mut Found,
) {
    let apps_alone = apps_without_transport(root);
    if let Some(apps) = &apps_alone {
        found.push(apps_finding(apps));
    }
    let document = match Document::parse_alone(lines.text()) {
        Ok(document) => document,
        // A number that is out of range is noticed when it is read.
        Err(Note { place, message, .. }) => {
            let at = start_of(place);
            found.push(syntax(lines, at..at, &message));
            return;
        }
    };
    let ends = spans(root);
    let faults = every_fault(&document, given.environment.clone())
        .into_iter()
        .chain(switch_faults(&document));
    for Note { key, place, message } in faults {
        if found.is_full() {
            found.more = true;
            break;
        }
        let start = start_of(place);
        let of_apps = apps_alone.as_ref().is_some_and(|apps| {
            start == apps.value_span().start || start == apps.value.span().start
        });
        if !of_apps && !is_newer_auth(&key.0, root, given.release) {
            let end = ends.get(&start).copied().unwrap_or(start);
            let message = without_leniency(message);
            let shape = shapes::help(&key.0, &message, root, lines);
            let (message, help) = match (message.split_once(EXPECTED), shape) {
                (Some((found, _)), Some(help)) => (found.to_owned(), help),
                (Some((found, expected)), None) => {
                    (found.to_owned(), format!("expected {expected}"))
                }
                (None, help) => (message, help.unwrap_or_default()),
            };
            let message = if key.0.is_empty() { message } else { format!("{}: {message}", key.0) };
            // Codex does not look at this URL when it reads the file.
            let is_url = key.0 == "chatgpt_base_url" && is_unusable(&help);
            let (rule, meaning) = if is_url {
                (Rule::BaseUrl, "refused by mcp-overlay-host; Codex takes it as it is")
            } else {
                (Rule::InvalidValue, "Codex refuses the file")
            };
            let finding = Finding::new(rule, start..end, message).at(key.0);
            found.push(finding.meaning(meaning).help(help));
        }
    }
}

/// What the host's reader does with a value that it cannot use. Codex refuses the file instead.
const LENIENCY: [&str; 4] = [
    "; ignored",
    "; this plugin is switched off",
    "; this app is switched off",
    "; this server of the plugin is disabled",
];

fn without_leniency(mut message: String) -> String {
    if let Some(end) = LENIENCY.iter().find_map(|end| message.strip_suffix(*end)).map(str::len) {
        message.truncate(end);
    }
    message
}

/// What the host's reader expects of a URL that is a text.
fn is_unusable(help: &str) -> bool {
    help.contains("absolute http")
}

/// Whether this is a word for `auth` that newer releases than those of the profiles know.
fn is_newer_auth(key: &str, root: &DeTable<'_>, release: Option<Release>) -> bool {
    const KNOWN_SINCE: Release = Release([0, 169, 0]);
    let name = key.strip_prefix("mcp_servers.").and_then(|key| key.strip_suffix(".auth"));
    let server =
        name.and_then(|name| entries_of(root, "mcp_servers").find(|entry| entry.key == name));
    let auth = server.and_then(|server| get(server.table()?, "auth")?.text());
    auth == Some("ema_auth") && release.is_none_or(|release| release >= KNOWN_SINCE)
}

fn start_of(place: Place) -> usize {
    match place {
        Place::Offset(start) => start,
        Place::Memory | Place::Override(_) => 0,
    }
}

/// The table `codex_apps` if it has settings and no transport.
fn apps_without_transport<'t, 'a>(root: &'t DeTable<'a>) -> Option<Entry<'t, 'a>> {
    let apps = entries_of(root, "mcp_servers").find(|entry| entry.key == CODEX_APPS)?;
    let table = apps.table()?;
    let has = |key| get(table, key).is_some();
    (!has("url") && !has("command") && !has("comand")).then_some(apps)
}

fn apps_finding(apps: &Entry<'_, '_>) -> Finding {
    let path = Path::default().with("mcp_servers").with(CODEX_APPS);
    let message = "`codex_apps` has neither `url` nor `command`";
    let finding = Finding::new(Rule::AppsTimeoutOnly, apps.value_span(), message);
    let finding = finding.at(path.to_string());
    let table = apps.table();
    let is_off = table
        .and_then(|table| get(table, "enabled"))
        .is_some_and(|enabled| enabled.value.get_ref().as_bool() == Some(false));
    let mut keys = table.into_iter().flat_map(|table| entries(table));
    if keys.all(|entry| entry.key.contains("timeout")) {
        return finding
            .meaning("Codex refuses the file, although it suggests this itself")
            .help("remove the table: the timeout of the Apps server cannot be configured")
            .fix(path.remove());
    }
    // Without the table Apps is on, with its defaults: which settings are to go is for the user to say.
    let help = if is_off {
        "to turn Apps off, remove the table, and write `apps = false` below `[features]`"
    } else {
        "remove the table: the Apps server has no settings here; those of an app belong in `[apps.ID]`"
    };
    finding.meaning("Codex refuses the file").help(help)
}
