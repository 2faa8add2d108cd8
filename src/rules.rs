//! The rules' texts, taken from `docs/semantics.md` so that they are written once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The page that this version of the checker was built with.
pub const SEMANTICS: &str = include_str!("../docs/semantics.md");

static RULES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut rules = BTreeMap::new();
    let mut lines = SEMANTICS.lines();
    while let Some(line) = lines.next() {
        let id = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`'));
        if let Some(id) = id
            && let Some(text) = lines.by_ref().find(|line| !line.is_empty())
        {
            rules.insert(id, text);
        }
    }
    rules
});

/// Every rule with its normative text, by id.
pub fn all() -> &'static BTreeMap<&'static str, &'static str> {
    &RULES
}

/// The normative text of a rule, empty for an unknown id.
pub fn text(id: &str) -> &'static str {
    RULES.get(id).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_heading_has_its_text() {
        assert_eq!(all().len(), SEMANTICS.matches("\n### `").count());
        assert!(all().values().all(|text| text.contains("MUST")), "{:?}", all());
        assert_eq!(
            text("configured.inactive-plugin-ignored"),
            "An inactive plugin MUST add nothing."
        );
    }
}
