//! Small draws that several places need.

use arbitrary::{Result, Unstructured};
use mcp_overlay_model::CODEX_APPS;
use serde_json::Value;

use crate::cases::samples::names::CONFUSABLE;

/// Picks one of a fixed choice.
pub(super) fn pick<'a, T: ?Sized>(u: &mut Unstructured<'_>, choice: &[&'a T]) -> Result<&'a T> {
    u.choose(choice).copied()
}

/// True once in `of` times.
pub(super) fn once_in(u: &mut Unstructured<'_>, of: u8) -> Result<bool> {
    Ok(u.int_in_range(0..=of - 1)? == of - 1)
}

/// A number of things, with a long tail: mostly up to `usual`, sometimes up to four times that,
/// rarely up to `most`.
pub(super) fn size(u: &mut Unstructured<'_>, usual: usize, most: usize) -> Result<usize> {
    match u.arbitrary::<u8>()? {
        0..=243 => u.int_in_range(0..=usual),
        244..=253 => u.int_in_range(0..=most.min(usual * 4)),
        _ => u.int_in_range(0..=most),
    }
}

/// A server name: the reserved one often, its neighbours sometimes, a few plain ones, rarely any.
pub(super) fn name(u: &mut Unstructured<'_>) -> Result<String> {
    let name = match u.int_in_range(0..=31)? {
        0..=11 => CODEX_APPS,
        12..=17 => "docs",
        18..=22 => "github",
        23..=25 => {
            pick(u, &["Codex_Apps", "codex-apps", "codex_apps_2", "CODEX_APPS", " codex_apps"])?
        }
        26 | 27 => pick(u, &["Docs", "Docs", "a.b", "日本", "", "mcp_servers", "a b"])?,
        28 => {
            let group = u.choose(CONFUSABLE)?;
            u.choose(group)?
        }
        29 if once_in(u, 4)? => return Ok("n".repeat(u.int_in_range(60..=300)?)),
        29 => return free_text(u),
        _ => "search",
    };
    Ok(name.to_string())
}

/// Characters that some implementation treats specially.
const SPECIAL: [char; 24] = [
    ' ',
    '\t',
    '\n',
    '\0',
    '"',
    '\'',
    '\\',
    '/',
    '.',
    ',',
    '$',
    '{',
    '%',
    '#',
    '\u{7f}',
    '\u{85}',
    '\u{a0}',
    '\u{301}',
    '\u{200b}',
    '\u{2028}',
    '\u{feff}',
    '\u{fffd}',
    '\u{1f600}',
    '\u{10ffff}',
];

/// Any text, mostly a short one.
pub(super) fn free_text(u: &mut Unstructured<'_>) -> Result<String> {
    let length = size(u, 6, 60)?;
    let mut text = String::new();
    for _ in 0..length {
        text.push(match u.int_in_range(0..=7)? {
            0 | 1 => *u.choose(&SPECIAL)?,
            2 => u.arbitrary()?,
            _ => char::from(u.int_in_range(b'!'..=b'~')?),
        });
    }
    Ok(text)
}

/// One of these values.
pub(super) fn value(u: &mut Unstructured<'_>, choice: &[Value]) -> Result<Value> {
    u.choose(choice).cloned()
}
