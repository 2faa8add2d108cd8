//! Wide cases: at least one for each rule that only they reach. They are asked in the profiles that
//! have such rules.

use std::sync::LazyLock;

use mcp_overlay_model::{Case, Profile, Rule};

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| serde_json::from_str(include_str!("wide.json")).unwrap_or_default());

/// Whether a profile has rules that only wide cases reach.
pub fn has_wide(profile: Profile) -> bool {
    profile.has(Rule::RequirementsAllowList)
}

/// The wide cases of a profile.
pub fn wide(profile: Profile) -> &'static [Case] {
    if has_wide(profile) { &CASES } else { &[] }
}
