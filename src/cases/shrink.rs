//! Shrinks a failing case structurally.
//!
//! A case is a JSON tree, and one walk handles all of it: it drops each member and element, and
//! replaces each value by a simpler one, if the result is still a valid case that fails. The result
//! is minimal: no single step makes it smaller.

use mcp_overlay_model::Case;
use serde_json::{Value, json};

/// The simpler neighbours of `case`, the largest reduction first.
pub fn simpler(case: &Case) -> impl Iterator<Item = Case> + use<> {
    let tree = serde_json::to_value(case).unwrap_or_default();
    let mut paths = Vec::new();
    collect_paths(&tree, &mut Vec::new(), &mut paths);
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
    dropped
        .chain(replaced)
        .filter_map(|tree| serde_json::from_value(tree).ok())
        // Another profile has other rules, so the profile stays.
        .filter(move |candidate: &Case| {
            *candidate != original && candidate.profile == original.profile
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
    let simpler: Vec<Value> = match (path, value) {
        ([Step::Key(key)], Value::String(_)) if key == "auth" => vec![Value::from("chatgpt")],
        (_, Value::String(text)) => simpler_texts(text).into_iter().map(Value::from).collect(),
        (_, Value::Number(_)) => vec![json!(0), json!(1)],
        _ => Vec::new(),
    };
    let size = |value: &Value| value.to_string().len();
    simpler.into_iter().filter(|simple| size(simple) < size(value)).collect()
}

fn simpler_texts(text: &str) -> Vec<String> {
    let mut shorter = vec![String::new(), "a".to_string()];
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    shorter.push(text.get(..middle).unwrap_or_default().to_string());
    shorter.push(text.get(middle..).unwrap_or_default().to_string());
    if let Some((last, _)) = text.char_indices().last() {
        shorter.push(text.get(..last).unwrap_or_default().to_string());
    }
    shorter
}
