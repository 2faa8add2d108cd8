//! The rules' texts, taken from `docs/semantics.md` so that they are written once.

pub mod coverage;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mcp_overlay_model::Profile;

/// The page that this version of the checker was built with.
pub const SEMANTICS: &str = include_str!("../../docs/semantics.md");

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

/// The ids of all rules, in the order of the page.
pub fn in_order() -> impl Iterator<Item = &'static str> {
    SEMANTICS.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
}

/// The normative text of a rule, empty for an unknown id.
pub fn text(id: &str) -> &'static str {
    RULES.get(id).copied().unwrap_or_default()
}

/// Whether a rule is one of a profile: from some profile on, until another one replaces it.
pub fn holds(id: &str, profile: Profile) -> bool {
    let Some(span) = SPANS.get(id) else { return false };
    span.from <= profile && span.until.is_none_or(|until| profile < until)
}

/// The profiles in which a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first one.
    pub from: Profile,
    /// The first one in which it does not hold any more.
    pub until: Option<Profile>,
}

/// The profiles in which a rule holds; nothing for an unknown id.
pub fn span(id: &str) -> Option<Span> {
    SPANS.get(id).copied()
}

/// A line `Profiles: from `a` on.`, `until `b`.` or `from `a` until `b`.` under a rule; without one
/// it holds in all.
static SPANS: LazyLock<BTreeMap<&'static str, Span>> = LazyLock::new(|| {
    let mut spans = BTreeMap::new();
    let mut current = "";
    for line in SEMANTICS.lines() {
        if let Some(id) = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`')) {
            current = id;
            spans.insert(id, Span { from: Profile::CodexPr27191, until: None });
        } else if let Some(words) = line.strip_prefix("Profiles: ")
            && let Some(span) = spans.get_mut(current)
        {
            let after = |word: &str| {
                let rest = words.split_once(word)?.1;
                Profile::try_from(rest.split('`').nth(1)?.to_string()).ok()
            };
            span.from = after("from ").unwrap_or(span.from);
            span.until = after("until ");
        }
    }
    spans
});

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
