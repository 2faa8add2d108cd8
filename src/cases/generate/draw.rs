//! Small draws that several places need.

use arbitrary::{Result, Unstructured};
use mcp_overlay_model::CODEX_APPS;

/// Picks one of a fixed choice.
pub(super) fn pick<'a, T: ?Sized>(u: &mut Unstructured<'_>, choice: &[&'a T]) -> Result<&'a T> {
    u.choose(choice).copied()
}

/// True once in `of` times.
pub(super) fn once_in(u: &mut Unstructured<'_>, of: u8) -> Result<bool> {
    Ok(u.int_in_range(0..=of - 1)? == of - 1)
}

/// A server name: the reserved one often, its neighbours sometimes, a few plain ones.
pub(super) fn name(u: &mut Unstructured<'_>) -> Result<String> {
    let name = match u.int_in_range(0..=15)? {
        0..=5 => CODEX_APPS,
        6..=8 => "docs",
        9..=11 => "github",
        12 | 13 => {
            pick(u, &["Codex_Apps", "codex-apps", "codex_apps_2", "CODEX_APPS", " codex_apps"])?
        }
        14 => pick(u, &["Docs", "Docs", "a.b", "日本", "", "mcp_servers", "a b"])?,
        _ => "search",
    };
    Ok(name.to_string())
}
