//! How far a case goes in each dimension: sizes, repeated ids, unusual names and values. Labels
//! count them.

use std::collections::BTreeSet;

use mcp_overlay_model::{Case, Contribution, ContributorKind};
use serde_json::{Map, Value};

use super::entries::entries;

/// The dimensions of a case, each beyond what a plain case has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions {
    /// More than five servers in the host config or in a plugin.
    pub many_servers: bool,
    /// More than three plugins.
    pub many_plugins: bool,
    /// More than three contributors besides the hosted one.
    pub many_contributors: bool,
    /// More than three contributions in one list.
    pub long_list: bool,
    /// More than five fields in one entry.
    pub many_fields: bool,
    /// Two plugins or two contributors with one id.
    pub repeated_ids: bool,
    /// More than one hosted contributor.
    pub several_hosted: bool,
    /// A server name with a character other than ASCII letters, digits, `-` and `_`.
    pub unusual_name: bool,
    /// Two server names that are the same but for case and white space around them.
    pub similar_names: bool,
    /// Two headers of a server whose names are the same but for case.
    pub similar_headers: bool,
    /// More than one environment variable.
    pub several_variables: bool,
    /// A time with a fraction of a millisecond, or of more than 68 years.
    pub unusual_time: bool,
    /// A field whose value is null.
    pub null_field: bool,
    /// A text in a field with a character outside of ASCII, or a control character.
    pub unusual_text: bool,
}

/// Measures a case.
pub fn dimensions(case: &Case) -> Dimensions {
    let mut found = Dimensions::default();
    let own = case.host.get("mcp_servers").and_then(Value::as_object);
    let tables = || own.into_iter().chain(case.plugins.iter().map(|plugin| &plugin.mcp_servers));
    found.many_servers = tables().any(|servers| servers.len() > 5);
    found.many_plugins = case.plugins.len() > 3;
    let variables = case.host.get("env").and_then(Value::as_object);
    found.several_variables = variables.is_some_and(|variables| variables.len() > 1);
    let mut names: BTreeSet<&str> = tables().flat_map(Map::keys).map(String::as_str).collect();
    let (mut scripted, mut hosted) = (0, 0);
    for contributor in &case.contributors {
        match &contributor.kind {
            ContributorKind::Scripted(list) => {
                scripted += 1;
                found.long_list |= list.len() > 3;
                names.extend(list.iter().map(Contribution::name));
            }
            ContributorKind::HostedApps => hosted += 1,
            ContributorKind::ExecutorPlugins => {}
        }
    }
    found.many_contributors = scripted > 3;
    found.several_hosted = hosted > 1;
    found.unusual_name = names.iter().any(|name| is_unusual_name(name));
    found.similar_names = has_similar(names.into_iter());
    found.repeated_ids = repeats(case.plugins.iter().map(|plugin| plugin.id.as_str()))
        || repeats(case.contributors.iter().map(|contributor| contributor.id.as_str()));
    for entry in entries(case).filter_map(Value::as_object) {
        measure_entry(entry, &mut found);
    }
    found
}

fn measure_entry(entry: &Map<String, Value>, found: &mut Dimensions) {
    found.many_fields |= entry.len() > 5;
    for (field, value) in entry {
        match value {
            Value::Null => found.null_field = true,
            Value::String(text) => {
                found.unusual_text |= !text.bytes().all(|b| (b' '..=b'~').contains(&b))
            }
            Value::Number(number) if field.contains("timeout") => {
                let seconds = number.as_f64().unwrap_or_default();
                let milliseconds = seconds * 1e3;
                let is_fine = milliseconds.fract() != 0.0;
                found.unusual_time |= is_fine || seconds > f64::from(i32::MAX);
            }
            Value::Object(table) if field.ends_with("headers") && table.len() > 1 => {
                found.similar_headers |= has_similar(table.keys().map(String::as_str));
            }
            _ => {}
        }
    }
}

fn is_unusual_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.is_empty() || !name.bytes().all(is_plain)
}

/// Whether two different names are the same but for case and white space around them.
fn has_similar<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    names.into_iter().any(|name| !seen.insert(name.trim().to_lowercase()))
}

fn repeats<'a>(ids: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    ids.into_iter().any(|id| !seen.insert(id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(case: Value) -> Dimensions {
        dimensions(&serde_json::from_value(case).unwrap())
    }

    #[test]
    fn a_plain_case_has_no_dimension() {
        let set =
            json!({"set": {"name": "docs", "server": {"command": "c", "tool_timeout_sec": 1.5}}});
        let case = json!({
            "host": {"env": {"A": "x"}, "mcp_servers": {"docs": {"command": "c"}}},
            "plugins": [{"id": "p"}, {"id": "q"}],
            "contributors": [{"id": "x", "contributions": [set]}, {"id": "y", "hosted_apps": {}}],
        });
        assert_eq!(of(case), Dimensions::default());
    }

    #[test]
    fn names_headers_and_ids_are_compared_among_themselves() {
        let case = json!({
            "host": {"mcp_servers": {"a": {"url": "u", "http_headers": {"X": "1", "x": "2"}}}},
            "plugins": [{"id": "p", "mcp_servers": {"A ": {"command": "c"}}}, {"id": "p"}],
        });
        let found = of(case);
        assert!(found.similar_headers && found.similar_names && found.repeated_ids, "{found:?}");
        assert!(found.unusual_name && !found.several_hosted, "{found:?}");
    }

    #[test]
    fn times_and_sizes_count_from_their_limit_on() {
        let entry = |time: Value| {
            json!({"contributors": [{"id": "x", "contributions":
            [{"set": {"name": "a", "server": {"command": "c", "startup_timeout_sec": time}}}]}]})
        };
        assert!(of(entry(json!(0.0005))).unusual_time);
        assert!(of(entry(json!(3e9))).unusual_time);
        assert!(!of(entry(json!(0.005))).unusual_time);
        let servers: Map<String, Value> =
            (0..6).map(|number| (format!("s{number}"), json!({}))).collect();
        assert!(of(json!({"host": {"mcp_servers": servers}})).many_servers);
    }
}
