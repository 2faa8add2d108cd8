//! Whether a case has a minimal case inside: the shrinker could come from the one to the other by dropping
//! parts, giving servers plain names and texts their plain value. And what two cases have in common.

use std::collections::BTreeSet;

use mcp_overlay_model::{CODEX_APPS, Case};
use serde_json::Value;

use super::shape::WORDS;
use super::shrink::{PLAIN_NAMES, names, plain_text_of, rename};

/// The most ways to give the names of the minimal case to servers of the other one.
const MOST_WAYS: usize = 5_000;

/// Whether `case` has `minimal` inside. The auth of both is not compared.
pub fn is_inside(minimal: &Case, case: &Case) -> bool {
    let (own, theirs): (Vec<String>, Vec<String>) =
        (names(minimal).into_iter().collect(), names(case).into_iter().collect());
    let ways = own.iter().try_fold(1_usize, |ways, _| ways.checked_mul(theirs.len()));
    if ways.is_none_or(|ways| ways > MOST_WAYS) {
        return false;
    }
    // The ids of plugins do not matter, unless two are the same.
    if has_repeated_ids(minimal) && !has_repeated_ids(case) {
        return false;
    }
    let whole = tree(case);
    fits(minimal, &own, &theirs, &mut Vec::new(), &whole)
}

fn has_repeated_ids(case: &Case) -> bool {
    let plugins: BTreeSet<&str> = case.plugins.iter().map(|plugin| plugin.id.as_str()).collect();
    let contributors: BTreeSet<&str> = case.contributors.iter().map(|c| c.id.as_str()).collect();
    plugins.len() < case.plugins.len() || contributors.len() < case.contributors.len()
}

/// Tries every way to give the names from `given.len()` on.
fn fits(
    minimal: &Case,
    own: &[String],
    theirs: &[String],
    given: &mut Vec<(String, String)>,
    whole: &Value,
) -> bool {
    let Some(name) = own.get(given.len()) else {
        return embeds(&tree(&rename(minimal, given)), whole, None);
    };
    let is_plain = PLAIN_NAMES.contains(&name.as_str());
    theirs.iter().any(|other| {
        let may_be = if is_plain { other != CODEX_APPS } else { other == name };
        if !may_be || given.iter().any(|(_, taken)| taken == other) {
            return false;
        }
        given.push((name.clone(), other.clone()));
        let fits = fits(minimal, own, theirs, given, whole);
        given.pop();
        fits
    })
}

/// The largest part that two cases have in common, with the auth of the first one and the names of the
/// second. `None` if there are too many ways to match the names, or if the part is no case.
pub fn common(first: &Case, second: &Case) -> Option<Case> {
    let (own, theirs): (Vec<String>, Vec<String>) =
        (names(first).into_iter().collect(), names(second).into_iter().collect());
    let ways = own.iter().try_fold(1_usize, |ways, _| ways.checked_mul(theirs.len() + 1))?;
    if ways > MOST_WAYS {
        return None;
    }
    let whole = tree(second);
    let mut best = Value::Null;
    each_way(&own, &theirs, &mut Vec::new(), &mut |given| {
        let met = meet(&tree(&rename(first, given)), &whole, None).unwrap_or_default();
        if met.to_string().len() > best.to_string().len() {
            best = met;
        }
    });
    if let (Some(members), Some(auth)) = (best.as_object_mut(), first.auth) {
        members.insert("auth".into(), serde_json::to_value(auth).ok()?);
    }
    let met: Case = serde_json::from_value(best).ok()?;
    (met.profile == first.profile && met.profile == second.profile).then_some(met)
}

/// Every way to give the names, each to one of the others or to none.
fn each_way(
    own: &[String],
    theirs: &[String],
    given: &mut Vec<(String, String)>,
    found: &mut impl FnMut(&[(String, String)]),
) {
    let Some((name, rest)) = own.split_first() else { return found(given) };
    for other in theirs {
        let may_be = (name == CODEX_APPS) == (other == CODEX_APPS);
        if may_be && given.iter().all(|(_, taken)| taken != other) {
            given.push((name.clone(), other.clone()));
            each_way(rest, theirs, given, found);
            given.pop();
        }
    }
    each_way(rest, theirs, given, found);
}

/// What two values have in common. Texts that differ have the plain text in common.
fn meet(one: &Value, other: &Value, key: Option<&str>) -> Option<Value> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let members = one.iter().filter_map(|(key, value)| {
                Some((key.clone(), meet(value, other.get(key)?, Some(key))?))
            });
            Some(Value::Object(members.collect()))
        }
        (Value::Array(one), Value::Array(other)) => {
            let pairs = one.iter().zip(other);
            Some(pairs.filter_map(|(one, other)| meet(one, other, None)).collect())
        }
        (Value::String(_), Value::String(other)) if key == Some("id") => {
            Some(Value::from(other.as_str()))
        }
        (Value::String(one), Value::String(other)) if one != other => {
            let is_word = key.is_some_and(|key| WORDS.contains(&key) || key == "name");
            (!is_word).then(|| Value::from(plain_text_of(key)))
        }
        _ => (one == other).then(|| one.clone()),
    }
}

/// The parts that matter.
fn tree(case: &Case) -> Value {
    let mut tree = serde_json::to_value(case).unwrap_or_default();
    if let Some(members) = tree.as_object_mut() {
        members.remove("id");
        members.remove("auth");
    }
    tree
}

/// Whether the value has the smaller one inside.
fn embeds(small: &Value, large: &Value, key: Option<&str>) -> bool {
    match (small, large) {
        (Value::Object(small), Value::Object(large)) => small.iter().all(|(key, value)| {
            large.get(key).is_some_and(|other| embeds(value, other, Some(key)))
        }),
        (Value::Array(small), Value::Array(large)) => {
            let mut rest = large.iter();
            small.iter().all(|value| rest.any(|other| embeds(value, other, None)))
        }
        (Value::String(small), Value::String(large)) => {
            let is_word = key.is_some_and(|key| WORDS.contains(&key) || key == "name");
            // Those of plugins and contributors do not matter, unless two are the same.
            let is_id = key == Some("id");
            small == large
                || is_id
                || (!is_word && small == plain_text_of(key) && !large.trim().is_empty())
        }
        (Value::Number(small), Value::Number(large)) => {
            let is_plain = small.as_u64() == Some(1);
            small == large || (is_plain && large.as_u64().is_some_and(|large| large > 0))
        }
        _ => small == large,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn case(written: Value) -> Case {
        serde_json::from_value(written).unwrap()
    }

    fn config(servers: Value) -> Case {
        case(json!({"host": {"mcp_servers": servers}}))
    }

    #[test]
    fn names_and_plain_texts_stand_for_any() {
        let minimal = config(json!({"a": {"command": "srv", "args": ["a"]}}));
        let server = json!({"command": "npx", "args": ["-y", "x"], "enabled": false});
        assert!(is_inside(&minimal, &config(json!({"docs": server, "b": {"url": "u"}}))));
        assert!(!is_inside(&minimal, &config(json!({"docs": {"command": "npx"}}))));
        assert!(!is_inside(&minimal, &config(json!({"codex_apps": server}))));
    }

    #[test]
    fn a_text_that_is_not_plain_must_be_the_same() {
        let base = |url: &str| case(json!({"host": {"chatgpt_base_url": url}}));
        assert!(is_inside(&base("https://a.example"), &base("https://corp.example:443")));
        assert!(!is_inside(&base("https://a.example:443"), &base("https://A.example")));
    }

    #[test]
    fn names_are_the_same_throughout() {
        let both = |of_config: &str, removed: &str| {
            let remove = json!([{"remove": {"name": removed}}]);
            case(json!({
                "host": {"mcp_servers": {of_config: {"command": "srv"}}},
                "contributors": [{"id": "p1", "contributions": remove}],
            }))
        };
        assert!(is_inside(&both("a", "a"), &both("docs", "docs")));
        assert!(!is_inside(&both("a", "a"), &both("docs", "other")));
        assert!(is_inside(&both("a", "b"), &both("docs", "other")));
        assert!(!is_inside(&both("a", "b"), &both("docs", "docs")));
    }

    #[test]
    fn the_ids_of_plugins_do_not_matter_unless_two_are_the_same() {
        let plugins = |ids: &[&str]| {
            let server = json!({"a": {"command": "srv"}});
            let plugin = |id: &&str| json!({"id": id, "mcp_servers": server});
            case(json!({"plugins": ids.iter().map(plugin).collect::<Vec<_>>()}))
        };
        assert!(is_inside(&plugins(&["docs@market"]), &plugins(&["x@y"])));
        assert!(!is_inside(&plugins(&["x@y", "x@y"]), &plugins(&["x@y", "a@y"])));
    }

    #[test]
    fn two_cases_have_their_common_part_in_common() {
        let one = config(json!({"docs": {"command": "npx", "args": ["x"], "enabled": false}}));
        let other = config(json!({
            "x": {"url": "https://b.example"},
            "y": {"command": "srv", "env": {"A": "b"}, "enabled": false},
        }));
        let expected = config(json!({"y": {"command": "srv", "enabled": false}}));
        assert_eq!(common(&one, &other), Some(expected));
    }

    #[test]
    fn the_order_of_lists_matters() {
        let list = |names: [&str; 2]| {
            let sets = names.map(|name| match name {
                "-" => json!({"remove": {"name": "a"}}),
                _ => json!({"set": {"name": "a", "server": {"command": "srv"}}}),
            });
            case(json!({"contributors": [{"id": "p1", "contributions": sets}]}))
        };
        assert!(is_inside(&list(["-", "+"]), &list(["-", "+"])));
        assert!(!is_inside(&list(["-", "+"]), &list(["+", "-"])));
    }
}
