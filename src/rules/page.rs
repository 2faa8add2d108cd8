//! What the page `docs/semantics.md` says about each rule.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mcp_overlay_model::Rule;

/// The page that this version of the checker was built with.
pub const SEMANTICS: &str = include_str!("../../docs/semantics.md");

/// What stands under each rule's heading.
static SECTIONS: LazyLock<BTreeMap<Rule, &'static str>> = LazyLock::new(|| {
    let section = |section: &'static str| {
        let (id, text) = section.split_once("`\n")?;
        let end = text.find("\n#").unwrap_or(text.len());
        Some((id.parse().ok()?, text.get(..end)?.trim()))
    };
    SEMANTICS.split("\n### `").filter_map(section).collect()
});

/// The normative sentence of a rule, as the page has it.
pub fn sentence(rule: Rule) -> &'static str {
    SECTIONS.get(&rule).and_then(|text| text.lines().next()).unwrap_or_default()
}

/// The notes and examples of a rule, in Markdown.
pub fn details(rule: Rule) -> &'static str {
    let after_the_sentence =
        |text: &&'static str| text.split_once('\n').map(|(_, rest)| rest.trim());
    SECTIONS.get(&rule).and_then(after_the_sentence).unwrap_or_default()
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

    #[test]
    fn details_end_with_the_rule() {
        for rule in Rule::ALL {
            let details = details(*rule);
            assert!(!details.contains("\n#"), "{rule}: {details}");
            assert!(!details.contains(sentence(*rule)), "{rule}: {details}");
        }
        assert!(
            details(Rule::GateNeverSynthesizes).starts_with("Profiles: before `codex-pr-27198`.")
        );
    }
}
