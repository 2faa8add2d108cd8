//! What `--fix` would change, as a unified difference.

use mcp_overlay_host::lint::Report;
use similar::TextDiff;

/// Lines around a change.
const CONTEXT: usize = 2;

/// The difference between two texts, secrets hidden in both.
pub(super) fn between(old: &Report<'_>, new: &Report<'_>, file: &str) -> String {
    let (old, new) = (old.text_without_secrets(), new.text_without_secrets());
    if old == new {
        return format!("{file}: --fix would change nothing\n");
    }
    let difference = TextDiff::from_lines(&old, &new);
    let mut lines = difference.unified_diff();
    lines.context_radius(CONTEXT).header(file, file);
    lines.to_string()
}
