//! Size limits for the parts of a subject's answer that are kept and shown.

use mcp_overlay_model::Answer;
use serde_json::Value;

use crate::cases::numbers::with_integers;

/// The approximate size limit of a kept value, in bytes of JSON. A server has a few hundred bytes.
const MOST: usize = 16 * 1024;

/// The most characters of a kept text.
const MOST_WORDS: usize = 2_000;

/// The size limit of a kept answer, in bytes of JSON.
const MOST_OF_AN_ANSWER: usize = 1024 * 1024;

/// The value, or a remark in its place if it is too long to read.
pub(crate) fn kept(value: &Value) -> Value {
    match size(value, MOST) {
        // 30 and 30.0 are the same number, and a diff that shows them as different is misleading.
        Some(_) => with_integers(value),
        None => Value::from(format!("(more than {} KiB of JSON; not kept)", MOST >> 10)),
    }
}

/// The beginning of a subject's message.
pub(crate) fn kept_words(text: &str) -> String {
    match text.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

/// The answer, unless it is too long for a finding.
pub(crate) fn kept_answer(answer: Answer) -> Option<Answer> {
    let fits = match &answer {
        Answer::Resolved { views, plugin_owners, warnings } => {
            let views = [&views.configured, &views.runtime, &views.effective];
            let servers = views.into_iter().flatten();
            let servers =
                servers.map(|(name, server)| Some(name.len() + size(server, MOST_OF_AN_ANSWER)?));
            let owners = plugin_owners.iter().map(|(name, id)| Some(name.len() + id.len()));
            let warnings = warnings.iter().flatten().map(|path| Some(path.len()));
            servers.chain(owners).chain(warnings).sum::<Option<usize>>()
        }
        Answer::Observed { seen } => serde_json::to_string(seen).ok().map(|text| text.len()),
        Answer::Rejected { rejected } => Some(rejected.path.len() + rejected.reason.len()),
        Answer::Skipped { skipped } => Some(skipped.reason.len()),
        Answer::Errored { errored } => Some(errored.message.len()),
    };
    fits.is_some_and(|size| size <= MOST_OF_AN_ANSWER).then_some(answer)
}

/// The approximate size of a value in bytes of JSON; `None` if it exceeds `most`.
fn size(value: &Value, most: usize) -> Option<usize> {
    let own = 4 + value.as_str().map_or(0, str::len);
    let inner = |left: usize, key: usize, value: &Value| {
        let left = left.checked_sub(key)?;
        left.checked_sub(size(value, left)?)
    };
    let left = most.checked_sub(own)?;
    let left = match value {
        Value::Array(list) => list.iter().try_fold(left, |left, value| inner(left, 0, value)),
        Value::Object(table) => {
            table.iter().try_fold(left, |left, (key, value)| inner(left, key.len(), value))
        }
        _ => Some(left),
    }?;
    Some(most - left)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_values_are_kept_whole() {
        let server = json!({"command": "srv", "args": vec!["argument"; 500], "enabled": false});
        assert_eq!(kept(&server), server);
        let answer = Answer::errored("out of order");
        assert_eq!(kept_answer(answer.clone()), Some(answer));
    }

    #[test]
    fn equal_numbers_are_written_alike() {
        let floats = json!({"a": [30.0, 1.5, -0.0, 1e300], "b": 30});
        assert_eq!(kept(&floats), json!({"a": [30, 1.5, 0, 1e300], "b": 30}));
    }

    #[test]
    fn long_values_are_not_kept() {
        for long in [
            json!("x".repeat(20_000)),
            json!(vec![0; 20_000]),
            json!({"a": {"b": vec![json!({}); 9_000]}}),
        ] {
            assert_eq!(kept(&long), "(more than 16 KiB of JSON; not kept)");
        }
        assert_eq!(kept_answer(Answer::errored("x".repeat(2 << 20))), None);
    }
}
