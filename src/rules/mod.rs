//! What the checker knows about rules.

pub mod coverage;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mcp_overlay_model::{Profile, Rule, RuleSet};

/// The page that this version of the checker was built with.
pub const SEMANTICS: &str = include_str!("../../docs/semantics.md");

static SENTENCES: LazyLock<BTreeMap<Rule, &'static str>> = LazyLock::new(|| {
    let mut sentences = BTreeMap::new();
    let mut lines = SEMANTICS.lines();
    while let Some(line) = lines.next() {
        let id = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`'));
        if let Some(rule) = id.and_then(|id| id.parse().ok())
            && let Some(sentence) = lines.by_ref().find(|line| !line.is_empty())
        {
            sentences.insert(rule, sentence);
        }
    }
    sentences
});

/// The normative sentence of a rule, as the page has it.
pub fn sentence(rule: Rule) -> &'static str {
    SENTENCES.get(&rule).copied().unwrap_or_default()
}

/// The profiles in which a rule holds, oldest first.
pub fn profiles(rule: Rule) -> impl Iterator<Item = Profile> {
    Profile::ALL.into_iter().filter(move |profile| profile.has(rule))
}

/// The rule that holds of several that succeed each other; the first of them if none does.
pub(crate) fn holding<const N: usize>(rules: RuleSet, first: Rule, later: [Rule; N]) -> Rule {
    later.into_iter().find(|rule| rules.has(*rule)).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_sentence() {
        for rule in Rule::ALL {
            let sentence = sentence(*rule);
            assert!(sentence.contains("MUST") || sentence.contains("SHOULD"), "{rule}: {sentence}");
        }
        assert_eq!(
            sentence(Rule::ConfiguredInactivePluginIgnored),
            "An inactive plugin MUST add nothing."
        );
    }
}
