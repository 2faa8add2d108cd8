//! Shrinks a failing case structurally.
//!
//! A case is a JSON tree, and one walk handles all of it: it drops each member and element,
//! replaces each value by a simpler one, and gives each server a plain name, if the result is still
//! a valid case that fails. The result is minimal: no single step makes it simpler.

use std::collections::BTreeSet;
use std::ops::Range;

use mcp_overlay_model::{CODEX_APPS, Case, ContributorKind};
use serde_json::{Value, json};

use super::specified::is_specified;

/// The size from which parts of a table or list are dropped at once.
const MANY: usize = 8;

/// The simpler neighbours of `case`, the largest reduction first.
pub fn simpler(case: &Case) -> impl Iterator<Item = Case> + use<> {
    let tree = serde_json::to_value(case).unwrap_or_default();
    let mut paths = Vec::new();
    collect_paths(&tree, &mut Vec::new(), &mut paths);
    let parts = {
        let (tree, parts) = (tree.clone(), large_parts(&tree, &paths));
        parts.into_iter().filter_map(move |(path, part)| without_part(&tree, &path, part))
    };
    let dropped = {
        let (tree, paths) = (tree.clone(), paths.clone());
        paths.into_iter().filter_map(move |path| without(&tree, &path))
    };
    let replaced = paths.into_iter().flat_map(move |path| {
        let current = value_at(&tree, &path).cloned().unwrap_or_default();
        let tree = tree.clone();
        simpler_values(&path, &current)
            .into_iter()
            .filter_map(move |value| with(&tree, &path, value))
            .collect::<Vec<_>>()
    });
    let original = case.clone();
    parts
        .chain(dropped)
        .chain(replaced)
        .filter_map(|tree| serde_json::from_value(tree).ok())
        .chain(renamed(case))
        // Another profile has other rules, so the profile stays.
        .filter(move |candidate: &Case| {
            *candidate != original
                && candidate.profile == original.profile
                && (is_specified(candidate, original.profile)
                    || !is_specified(&original, original.profile))
        })
}

/// Shrinks `case` as long as `fails` holds, with at most `budget` calls of `fails`.
///
/// `fails` is called for candidates only; `case` itself is assumed to fail.
pub fn minimise(case: &Case, budget: usize, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut smallest = case.clone();
    let mut asked = 0;
    'smaller: loop {
        for candidate in simpler(&smallest) {
            if asked == budget {
                return smallest;
            }
            asked += 1;
            if fails(&candidate) {
                smallest = candidate;
                continue 'smaller;
            }
        }
        return smallest;
    }
}

/// A step from a table or a list to one of its values.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// Every place below `value`, outer places before inner ones.
fn collect_paths(value: &Value, path: &mut Vec<Step>, paths: &mut Vec<Vec<Step>>) {
    let steps: Vec<(Step, &Value)> = match value {
        Value::Object(table) => table.iter().map(|(k, v)| (Step::Key(k.clone()), v)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(i, v)| (Step::Index(i), v)).collect(),
        _ => return,
    };
    for (step, _) in &steps {
        path.push(step.clone());
        paths.push(path.clone());
        path.pop();
    }
    for (step, inner) in steps {
        path.push(step);
        collect_paths(inner, path, paths);
        path.pop();
    }
}

/// The halves and quarters of each large table and list: of a thousand servers one is found in few steps.
fn large_parts(tree: &Value, paths: &[Vec<Step>]) -> Vec<(Vec<Step>, Range<usize>)> {
    let size = |path: &Vec<Step>| match value_at(tree, path) {
        Some(Value::Object(table)) => table.len(),
        Some(Value::Array(list)) => list.len(),
        _ => 0,
    };
    let large: Vec<_> =
        paths.iter().map(|path| (path, size(path))).filter(|(_, n)| *n >= MANY).collect();
    let parts = [2, 4].into_iter().flat_map(|parts| {
        large.iter().flat_map(move |(path, size)| {
            let start = move |part: usize| size * part / parts;
            (0..parts).map(move |part| ((*path).clone(), start(part)..start(part + 1)))
        })
    });
    parts.collect()
}

/// The tree without a part of the table or list at this place.
fn without_part(tree: &Value, path: &[Step], part: Range<usize>) -> Option<Value> {
    let mut tree = tree.clone();
    match value_at_mut(&mut tree, path)? {
        Value::Object(table) => {
            let names: Vec<String> =
                table.keys().skip(part.start).take(part.len()).cloned().collect();
            names.iter().for_each(|name| drop(table.remove(name)));
        }
        Value::Array(list) => drop(list.drain(part)),
        _ => return None,
    }
    Some(tree)
}

fn value_at<'a>(tree: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(tree, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

fn value_at_mut<'a>(tree: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(tree, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

fn without(tree: &Value, path: &[Step]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    let mut tree = tree.clone();
    match (value_at_mut(&mut tree, parents)?, last) {
        (Value::Object(table), Step::Key(key)) => drop(table.remove(key)?),
        (Value::Array(list), Step::Index(index)) if *index < list.len() => {
            list.remove(*index);
        }
        _ => return None,
    }
    Some(tree)
}

fn with(tree: &Value, path: &[Step], value: Value) -> Option<Value> {
    let mut tree = tree.clone();
    *value_at_mut(&mut tree, path)? = value;
    Some(tree)
}

/// Simpler values of the same type, each strictly simpler, so that shrinking terminates.
fn simpler_values(path: &[Step], value: &Value) -> Vec<Value> {
    match (path, value) {
        ([Step::Key(key)], Value::String(text)) if key == "auth" => {
            if text == "chatgpt" {
                Vec::new()
            } else {
                vec![Value::from("chatgpt")]
            }
        }
        (_, Value::String(text)) => simpler_texts(plain_text(path), text),
        (_, Value::Number(_)) => {
            let size = |value: &Value| value.to_string().len();
            let simpler = [json!(0), json!(1)].into_iter();
            simpler.filter(|simple| size(simple) < size(value)).collect()
        }
        _ => Vec::new(),
    }
}

/// The text at this place in a minimal case, unless another text matters. An empty text is shorter,
/// but a reader would wonder whether it matters that it is empty.
fn plain_text(path: &[Step]) -> &'static str {
    match path.last() {
        Some(Step::Key(key)) => plain_text_of(Some(key)),
        Some(Step::Index(_)) | None => plain_text_of(None),
    }
}

/// The same of a member; `None` for an element of a list.
pub(super) fn plain_text_of(key: Option<&str>) -> &'static str {
    match key {
        Some("url" | "chatgpt_base_url") => "https://a.example",
        Some("id") => "p1",
        Some("command") => "srv",
        _ => "a",
    }
}

/// Texts of less weight: the plain text has weight 0, and any other the weight of its length.
fn simpler_texts(plain: &str, text: &str) -> Vec<Value> {
    if text == plain {
        return Vec::new();
    }
    // Of a URL whose end matters, the origin becomes plain first and then stays.
    let end = |text: &str| {
        let (_, rest) = text.split_once("://")?;
        Some(
            rest.find(['/', '?', '#'])
                .and_then(|at| rest.get(at..))
                .unwrap_or_default()
                .to_string(),
        )
    };
    match (end(plain), end(text)) {
        (Some(_), Some(end)) if text == format!("{plain}{end}") => {
            let shorter = shorter_parts(&end).map(|end| Value::from(format!("{plain}{end}")));
            return std::iter::once(Value::from(plain)).chain(shorter).collect();
        }
        (Some(_), Some(end)) if !end.is_empty() => {
            let with_end = Value::from(format!("{plain}{end}"));
            let others = shorter_parts(text).map(Value::from);
            return [Value::from(plain), with_end].into_iter().chain(others).collect();
        }
        _ => {}
    }
    std::iter::once(plain.to_string()).chain(shorter_parts(text)).map(Value::from).collect()
}

/// The halves of a text, and all but its last character.
fn shorter_parts(text: &str) -> impl Iterator<Item = String> + use<> {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let last = text.char_indices().last().map_or(0, |(at, _)| at);
    let parts = [text.get(..middle), text.get(middle..), text.get(..last)];
    let shorter = parts.into_iter().flatten().filter(|part| part.len() < text.len());
    shorter.map(str::to_string).collect::<Vec<_>>().into_iter()
}

/// The case with one server renamed, everywhere, to the first free plain name. Plain names and the
/// reserved name stay.
fn renamed(case: &Case) -> impl Iterator<Item = Case> + use<> {
    let names = names(case);
    let is_plain = |name: &str| PLAIN_NAMES.contains(&name) || name == CODEX_APPS;
    let free = PLAIN_NAMES.into_iter().find(|name| !names.contains(*name));
    let case = case.clone();
    let renamed = move |(old, new): (String, &str)| rename(&case, &[(old, new.to_string())]);
    let old = names.clone().into_iter().filter(move |name| !is_plain(name));
    old.filter_map(move |old| Some((old, free?))).map(renamed)
}

/// Every server name of a case.
pub(crate) fn names(case: &Case) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each_name(&mut case.clone(), &mut |name| {
        names.insert(name.to_string());
    });
    names
}

/// The case with servers renamed, everywhere, all at once.
pub(super) fn rename(case: &Case, new_names: &[(String, String)]) -> Case {
    let mut case = case.clone();
    each_name(&mut case, &mut |name| {
        if let Some((_, new)) = new_names.iter().find(|(old, _)| old == name) {
            name.clone_from(new);
        }
    });
    case
}

/// Edits the keys of a table.
fn each_key<T, V>(table: &mut T, edit: &mut dyn FnMut(&mut String))
where
    T: Default + IntoIterator<Item = (String, V)> + FromIterator<(String, V)>,
{
    let edited = std::mem::take(table).into_iter().map(|(mut key, value)| {
        edit(&mut key);
        (key, value)
    });
    *table = edited.collect();
}

/// Plain names, in order of use.
pub(super) const PLAIN_NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Every server name of a case: keys of `mcp_servers`, of what is said about those servers, and names
/// of contributions.
fn each_name(case: &mut Case, edit: &mut dyn FnMut(&mut String)) {
    for plugin in &mut case.plugins {
        each_key(&mut plugin.apps, edit);
        each_key(&mut plugin.policy, edit);
    }
    let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
    let of_plugins = case.plugins.iter_mut().map(|plugin| &mut plugin.mcp_servers);
    let selected = case.thread.iter_mut().flat_map(|thread| &mut thread.selected_plugins);
    let of_selected = selected.map(|plugin| &mut plugin.mcp_servers);
    let demanded = case.requirements.iter_mut().flat_map(|all| {
        let of_plugins = all.plugins.iter_mut().flat_map(|plugins| plugins.values_mut());
        all.mcp_servers.iter_mut().chain(of_plugins.map(|plugin| &mut plugin.mcp_servers))
    });
    for servers in own.into_iter().chain(of_plugins).chain(of_selected).chain(demanded) {
        each_key(servers, edit);
    }
    for contributor in &mut case.contributors {
        if let ContributorKind::Scripted(list) = &mut contributor.kind {
            list.iter_mut().for_each(|contribution| edit(contribution.name_mut()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_is_found_in_few_steps() {
        let plugins: Vec<Value> = (0..500).map(|id| json!({"id": format!("q{id}")})).collect();
        let case = serde_json::from_value(json!({ "plugins": plugins })).unwrap();
        let mut asked = 0;
        let smallest = minimise(&case, 20_000, |case| {
            asked += 1;
            case.plugins.iter().any(|plugin| plugin.id == "q333")
        });
        assert_eq!(smallest.plugins.len(), 1);
        assert!(asked < 150, "{asked}");
    }
}
