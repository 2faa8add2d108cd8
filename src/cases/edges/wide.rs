//! Wide cases: at least one for each rule that only they reach. They are asked in the profiles that
//! have such rules.

use std::sync::LazyLock;

use mcp_overlay_model::{Case, Profile, Rule};

use super::{case, count};

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

/// How many edges a profile has, wide ones included.
pub fn count_in(profile: Profile) -> u64 {
    count() + wide(profile).len() as u64
}

/// The edge number `index` of a profile: the wide ones come last.
pub fn case_in(profile: Profile, index: u64) -> Option<Case> {
    let of_wide = || wide(profile).get(usize::try_from(index.checked_sub(count())?).ok()?).cloned();
    case(index).or_else(of_wide)
}
