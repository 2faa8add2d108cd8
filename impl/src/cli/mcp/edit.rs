//! Adds a server to the text of a `config.toml`, and removes one.

use std::ops::Range;

use toml_edit::{DocumentMut, InlineTable, Value};

use super::statements::{Statement, statements};

const SERVERS: &str = "mcp_servers";

/// A server's settings in the order in which they are written.
pub(super) type Settings = Vec<(&'static str, Value)>;

/// The text without this server and the comments directly above it. All other lines stay
/// unchanged.
pub(super) fn remove(text: &str, name: &str) -> String {
    change(text, name, None)
}

/// The text with this server. It replaces a server of the same name in the same place and style;
/// otherwise it comes last.
pub(super) fn put(text: &str, name: &str, settings: &Settings) -> String {
    change(text, name, Some(settings))
}

fn change(text: &str, name: &str, settings: Option<&Settings>) -> String {
    let all = statements(text);
    let is_whole = |s: &&Statement| !s.is_header && s.path == [SERVERS];
    if let Some(whole) = all.iter().find(is_whole) {
        let lines = text.get(whole.lines.clone()).unwrap_or_default();
        return splice(text, whole.lines.clone(), &in_one_line(lines, name, settings));
    }
    let mut cuts = cuts(text, &all, name, settings.is_some());
    let Some(settings) = settings else {
        return cuts.into_iter().rev().fold(text.to_owned(), |text, cut| splice(&text, cut, ""));
    };
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if cuts.is_empty() {
        return appended(text, &block(name, settings, newline), newline);
    }
    let first = cuts.remove(0);
    let mut out = text.to_owned();
    for cut in cuts.into_iter().rev() {
        out = splice(&out, cut, "");
    }
    let old = all.iter().find(|statement| is_of(statement, name));
    let new = match old {
        Some(old) if !old.is_header => line(text, old, name, settings, newline),
        _ => block(name, settings, newline),
    };
    splice(&out, first, &new)
}

fn is_of(statement: &Statement, name: &str) -> bool {
    matches!(&*statement.path, [servers, other, ..] if servers == SERVERS && other == name)
}

/// The ranges to cut to remove the server, in order. With `keep_place`, the first range leaves the
/// comments and blank lines around it.
fn cuts(text: &str, all: &[Statement], name: &str, keep_place: bool) -> Vec<Range<usize>> {
    let mut cuts: Vec<Range<usize>> = Vec::new();
    let mut before = 0;
    let mut was_mine = false;
    for statement in all {
        let mine = is_of(statement, name);
        let lines = statement.lines.clone();
        match cuts.last_mut() {
            _ if !mine => {}
            Some(cut) if was_mine => cut.end = lines.end,
            None if keep_place => cuts.push(lines),
            _ => cuts.push(above_comments(text, before, lines.start)..lines.end),
        }
        was_mine = mine;
        before = statement.lines.end;
    }
    let first_kept = usize::from(keep_place && !cuts.is_empty());
    for cut in cuts.iter_mut().skip(first_kept) {
        close_gap(text, cut);
    }
    cuts
}

/// The start of the comments directly above `start`, at `limit` or later.
fn above_comments(text: &str, limit: usize, start: usize) -> usize {
    lines_above(text, limit, start, |line| line.trim_start().starts_with('#'))
}

/// Extends the cut over the blank lines above it if blank lines or nothing follow; at the top of the
/// file, over the blank lines below it.
fn close_gap(text: &str, cut: &mut Range<usize>) {
    let is_blank = |line: &str| line.trim().is_empty();
    let after = text.get(cut.end..).unwrap_or_default();
    let next = after.lines().next();
    if next.is_none_or(is_blank) {
        cut.start = lines_above(text, 0, cut.start, is_blank);
    }
    if cut.start == 0 {
        let blank = after.split_inclusive('\n').take_while(|line| is_blank(line));
        cut.end += blank.map(str::len).sum::<usize>();
    }
}

/// The start of the matching lines directly above `start`, at `limit` or later.
fn lines_above(text: &str, limit: usize, start: usize, like: impl Fn(&str) -> bool) -> usize {
    let above = text.get(limit..start).unwrap_or_default();
    let taken = above.split_inclusive('\n').rev().take_while(|line| like(line));
    start - taken.map(str::len).sum::<usize>()
}

/// `mcp_servers = { … }` with the change.
fn in_one_line(lines: &str, name: &str, settings: Option<&Settings>) -> String {
    let Ok(mut document) = lines.parse::<DocumentMut>() else { return lines.to_owned() };
    let servers = document.get_mut(SERVERS).and_then(|servers| servers.as_inline_table_mut());
    let Some(servers) = servers else { return lines.to_owned() };
    // Text before the closing brace belongs to the last value.
    let end = |servers: &InlineTable| {
        let last = servers.iter().last().map(|(_, value)| value.decor().suffix().cloned());
        last.flatten()
    };
    let suffix = end(servers);
    match settings {
        None => drop(servers.remove(name)),
        Some(settings) => {
            let mut value = Value::InlineTable(inline(settings));
            match servers.get_mut(name) {
                Some(old) => {
                    *value.decor_mut() = old.decor().clone();
                    *old = value;
                }
                None => {
                    if let Some((_, last)) = servers.iter_mut().last() {
                        last.decor_mut().set_suffix("");
                    }
                    servers.insert(name, value);
                }
            }
        }
    }
    if let (Some(suffix), Some((_, last))) = (suffix, servers.iter_mut().last()) {
        last.decor_mut().set_suffix(suffix);
    }
    document.to_string()
}

/// `docs = { … }`, without the part of the path that the header above gives.
fn line(text: &str, old: &Statement, name: &str, settings: &Settings, newline: &str) -> String {
    let old_lines = text.get(old.lines.clone()).unwrap_or_default();
    let indent: String = old_lines.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let path = [SERVERS, name];
    let path = path.get(old.above..).unwrap_or_default().join(".");
    format!("{indent}{path} = {}{newline}", inline(settings))
}

fn block(name: &str, settings: &Settings, newline: &str) -> String {
    let mut out = format!("[{SERVERS}.{name}]{newline}");
    for (key, value) in settings {
        out.push_str(&format!("{key} = {}{newline}", value.to_string().trim()));
    }
    out
}

fn inline(settings: &Settings) -> InlineTable {
    settings.iter().map(|(key, value)| (*key, value.clone())).collect()
}

fn appended(text: &str, block: &str, newline: &str) -> String {
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str(newline);
    }
    if out.lines().next_back().is_some_and(|line| !line.trim().is_empty()) {
        out.push_str(newline);
    }
    out + block
}

fn splice(text: &str, cut: Range<usize>, new: &str) -> String {
    let before = text.get(..cut.start).unwrap_or_default();
    let after = text.get(cut.end..).unwrap_or_default();
    [before, new, after].concat()
}
