//! The phase `edges`: each unusual value, alone, at each place where it can stand. Deterministic and
//! complete, so that no subject depends on a random draw to be asked about them.
//!
//! A *family* is a product of lists of choices; a number names one choice from each list.

mod apps;
mod build;
mod features;
mod fields;
mod invalid;
mod names;
mod order;
mod sizes;
mod urls;
mod wide;
mod wide_folders;
mod wide_matchers;
mod wide_values;

use mcp_overlay_model::{Case, Profile};

use super::digits::Digits;

pub use self::wide::{has_wide, wide};

/// Cases of one kind.
pub struct Family {
    /// The kind, in a few words; part of the id of its cases.
    pub name: &'static str,
    /// The number of cases.
    size: fn() -> u64,
    case: fn(&mut Digits) -> Option<Case>,
}

/// All families, in the order in which they are asked.
pub const FAMILIES: &[Family] = &[
    Family { name: "field", size: fields::samples_size, case: fields::samples },
    Family { name: "unknown field", size: fields::unknown_size, case: fields::unknown },
    Family { name: "pair of fields", size: fields::pairs_size, case: fields::pairs },
    Family { name: "all fields", size: fields::all_size, case: fields::all },
    Family { name: "type", size: fields::types_size, case: fields::types },
    Family { name: "replaced field", size: fields::replaced_size, case: fields::replaced },
    Family { name: "entry", size: fields::whole_size, case: fields::whole },
    Family { name: "host key", size: features::host_keys_size, case: features::host_keys },
    Family { name: "feature", size: features::features_size, case: features::features },
    Family { name: "path override", size: features::overrides_size, case: features::overrides },
    Family { name: "token", size: features::tokens_size, case: features::tokens },
    Family { name: "product SKU", size: features::skus_size, case: features::skus },
    Family { name: "origin of the base", size: urls::origins_size, case: urls::origins },
    Family {
        name: "user information of the base",
        size: urls::userinfos_size,
        case: urls::userinfos,
    },
    Family { name: "path of the base", size: urls::paths_size, case: urls::paths },
    Family { name: "origin of a server", size: urls::servers_size, case: urls::servers },
    Family { name: "listed address of a server", size: urls::listed_size, case: urls::listed },
    Family { name: "confusable names", size: names::servers_size, case: names::servers },
    Family { name: "confusable keys", size: names::keys_size, case: names::keys },
    Family { name: "gate", size: apps::gate_size, case: apps::gate },
    Family { name: "hosted contributors", size: apps::hosted_size, case: apps::hosted_cases },
    Family { name: "disabled server", size: apps::disabled_size, case: apps::disabled },
    Family { name: "plugins with one id", size: order::same_ids_size, case: order::same_ids },
    Family {
        name: "contributors with one id",
        size: order::namesakes_size,
        case: order::namesakes,
    },
    Family { name: "many plugins", size: order::plugins_size, case: order::plugins },
    Family { name: "many contributors", size: order::contributors_size, case: order::contributors },
    Family { name: "one long list", size: order::long_list_size, case: order::long_list },
    Family {
        name: "two invalid places",
        size: invalid::contributions_size,
        case: invalid::contributions,
    },
    Family { name: "two invalid names", size: invalid::names_size, case: invalid::names },
    Family { name: "an invalid place among many", size: invalid::among_size, case: invalid::among },
    Family { name: "size", size: sizes::size, case: sizes::case },
    Family {
        name: "a character near an origin",
        size: urls::characters_size,
        case: urls::characters,
    },
];

/// How many cases there are.
pub fn count() -> u64 {
    FAMILIES.iter().map(|family| (family.size)()).sum()
}

/// The case number `index`; `None` from [`count`] on.
pub fn case(index: u64) -> Option<Case> {
    let mut number = index;
    for family in FAMILIES {
        let size = (family.size)();
        if number < size {
            let id = format!("{} {number}", family.name);
            return (family.case)(&mut Digits::new(number)).map(|case| Case { id, ..case });
        }
        number -= size;
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_all_its_cases() {
        for family in FAMILIES {
            let size = (family.size)();
            let case = |number| (family.case)(&mut Digits::new(number));
            let missing = (0..size).find(|number| case(*number).is_none());
            assert_eq!(missing, None, "{}", family.name);
            assert!(size >= 20, "{}: {size}", family.name);
        }
        assert!((50_000..200_000).contains(&count()), "{}", count());
        assert!(case(count()).is_none());
    }

    /// Not all: some choices mean the same for a part of the others, and some pairs have no order.
    #[test]
    fn the_cases_of_a_family_differ() {
        for family in FAMILIES {
            let size = (family.size)();
            let mut seen = std::collections::BTreeSet::new();
            for number in 0..size {
                let case = (family.case)(&mut Digits::new(number)).unwrap();
                seen.insert(crate::cases::shape::hash_of(
                    "",
                    &serde_json::to_string(&case).unwrap(),
                    &case,
                ));
            }
            let share = seen.len() as u64 * 100 / size;
            assert!(share >= 45, "{}: {} of {size} differ", family.name, seen.len());
        }
    }

    /// A subject gets each case as a line of JSON, nested less than a reader must manage.
    #[test]
    fn every_case_survives_json_and_is_not_too_deep() {
        let depth = |text: &str| {
            let (mut deepest, mut depth, mut in_text, mut escaped) = (0, 0, false, false);
            for byte in text.bytes() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_text => escaped = true,
                    b'"' => in_text = !in_text,
                    b'[' | b'{' if !in_text => depth += 1,
                    b']' | b'}' if !in_text => depth -= 1,
                    _ => {}
                }
                deepest = deepest.max(depth);
            }
            deepest
        };
        let sizes = FAMILIES.iter().position(|family| family.name == "size").unwrap();
        let before: u64 = FAMILIES[..sizes].iter().map(|family| (family.size)()).sum();
        for index in (0..count()).step_by(7).chain(before..before + sizes::size()) {
            let case = case(index).unwrap();
            let text = serde_json::to_string(&case).unwrap();
            assert!(depth(&text) <= 66, "{}: {}", case.id, depth(&text));
            assert_eq!(serde_json::from_str::<Case>(&text).unwrap(), case, "{}", case.id);
        }
    }
}
