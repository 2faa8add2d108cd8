//! Wide cases: at least one for each rule that only they reach, and families of values near each other. They are
//! asked in the profiles that have such rules.

use std::sync::LazyLock;

use mcp_overlay_model::{Case, Profile, Rule};
use serde_json::Value;

use super::{wide_folders, wide_matchers, wide_values};
use crate::cases::specified::is_specified;

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut all: Vec<Case> = serde_json::from_str(include_str!("wide.json")).unwrap_or_default();
    let families = [
        ("wide matcher", wide_matchers::cases()),
        ("wide folder", wide_folders::cases()),
        ("wide value", wide_values::cases()),
    ];
    for (name, family) in families {
        let numbered = family.into_iter().enumerate();
        let cases = numbered.filter_map(|(number, case)| read(format!("{name} {number}"), case));
        all.extend(cases.filter(|case| is_specified(case, case.profile)));
    }
    all
});

fn read(id: String, case: Value) -> Option<Case> {
    Some(Case { id, ..serde_json::from_value(case).ok()? })
}

/// Whether a profile has rules that only wide cases reach.
pub fn has_wide(profile: Profile) -> bool {
    profile.has(Rule::RequirementsAllowList)
}

/// The wide cases of a profile.
pub fn wide(profile: Profile) -> &'static [Case] {
    if has_wide(profile) { &CASES } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that is not read would be left out.
    #[test]
    fn every_case_of_a_family_is_read() {
        let families = [wide_matchers::cases(), wide_folders::cases(), wide_values::cases()];
        for case in families.into_iter().flatten() {
            let read = serde_json::from_value::<Case>(case.clone());
            assert!(read.is_ok(), "{case}: {read:?}");
        }
        assert!((3_000..20_000).contains(&CASES.len()), "{}", CASES.len());
    }
}
