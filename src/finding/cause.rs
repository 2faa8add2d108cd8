//! The cause of a finding: what the findings of one mistake have in common.
//!
//! Two findings have one cause if they have the same verdict, blame the same rule, differ first in the
//! same way, and have minimal cases with the same kinds of values, wherever these stand and whatever they
//! are called.

use std::collections::BTreeSet;

use mcp_overlay_model::{Auth, CODEX_APPS, Case, Outcome, Rule, resolve};
use serde_json::{Map, Value, json};

use super::saved::{Finding, FoundDifference};
use crate::cases::entries::entries;
use crate::cases::shape::sketch;
use crate::cases::shrink::names;

/// The cause of a finding, as text that is compared and not shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause(String);

impl Cause {
    /// The cause of a finding.
    pub fn of(finding: &Finding) -> Self {
        Cause::with_rule(finding, finding.rule)
    }

    /// The cause of the same mistake in a host config: there the invalid server of a plugin breaks the rule
    /// about the value. `None` for a finding about anything else.
    pub fn in_a_config(finding: &Finding) -> Option<Self> {
        if finding.rule != Some(Rule::ConfiguredInvalidPluginServerDropped) {
            return None;
        }
        let servers = finding.case.plugins.iter().flat_map(|plugin| plugin.mcp_servers.values());
        let broken = servers.filter_map(|server| {
            let host = json!({"mcp_servers": {"a": server}});
            let profile = finding.case.profile;
            let case = json!({"host": host, "profile": profile.name()});
            match resolve(&serde_json::from_value(case).ok()?) {
                Outcome::Rejected(places) => places.first().map(|place| place.rule),
                Outcome::Resolved(_) | Outcome::Observed(_) => None,
            }
        });
        let rules: BTreeSet<Rule> = broken.collect();
        match rules.into_iter().collect::<Vec<_>>().as_slice() {
            [rule] => Some(Cause::with_rule(finding, Some(*rule))),
            _ => None,
        }
    }

    fn with_rule(finding: &Finding, rule: Option<Rule>) -> Self {
        let first = finding.differences.first();
        let way = first.map(way_of).unwrap_or_default();
        let is_of_fields = first.is_some_and(is_of_fields);
        let auth = match is_of_fields && !way.contains("auth") {
            true => "",
            false => finding.case.auth.map_or("", Auth::word),
        };
        let parts = [
            finding.verdict.word().to_string(),
            rule.map_or("", Rule::id).to_string(),
            finding.form.map(|form| form.to_string()).unwrap_or_default(),
            auth.to_string(),
            finding.after.is_some().to_string(),
            way,
            values_of(&finding.case).into_iter().collect::<Vec<_>>().join(", "),
        ];
        Cause(parts.join("\n"))
    }
}

/// How the answer differs at a place: a server or a value that is accepted or refused, or the kinds of
/// fields that changed. A server of the config and one of a contribution show in different views, so
/// `configured`, `runtime` and a rejection count as one place.
fn way_of(difference: &FoundDifference) -> String {
    let FoundDifference { place, because, expected, actual, .. } = difference;
    let (view, name) = place.split_once('[').unwrap_or((place, ""));
    if view == "the answer" {
        return breakdown(because);
    }
    let apps = if name.starts_with("\"codex_apps\"") { " codex_apps" } else { "" };
    let is_reading =
        matches!(view, "configured" | "runtime" | "rejected.path") || is_of_fields(difference);
    // A rejection that is expected is a server that must not be there.
    let (expected, actual) = match view {
        "rejected.path" => (actual, expected),
        _ => (expected, actual),
    };
    let view = if is_reading { "" } else { view };
    let change = match (expected, actual) {
        (Value::Null, _) => "surplus".to_string(),
        (_, Value::Null) => "absent".to_string(),
        (Value::Object(expected), Value::Object(actual)) => changed_fields(expected, actual),
        _ if place == "rejected.path" => "another place".to_string(),
        (expected, actual) => changed(expected, actual),
    };
    format!("{view}{apps} {change}")
}

/// Whether the server is there with other fields. Then a sign-in only let it be seen: it decides about no
/// field but those of credentials.
fn is_of_fields(difference: &FoundDifference) -> bool {
    difference.expected.is_object() && difference.actual.is_object()
}

/// The words of a breakdown without numbers, such as a process id: the first line and the last.
fn breakdown(because: &str) -> String {
    let lines: Vec<&str> = because.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.first().map(|line| line.split(": ").next().unwrap_or_default());
    let last = lines.last().filter(|_| lines.len() > 1);
    let words = format!("{} {}", first.unwrap_or_default(), last.unwrap_or(&""));
    words.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn changed_fields(expected: &Map<String, Value>, actual: &Map<String, Value>) -> String {
    let names: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let changed = names.into_iter().filter(|name| expected.get(*name) != actual.get(*name));
    let changes: BTreeSet<String> = changed
        .map(|name| {
            let value = |of: &Map<String, Value>| of.get(name).cloned().unwrap_or_default();
            format!("{} {}", kind_of_field(name), changed_value(&value(expected), &value(actual)))
        })
        .collect();
    changes.into_iter().collect::<Vec<_>>().join("+")
}

fn changed_value(expected: &Value, actual: &Value) -> String {
    match (expected, actual) {
        (Value::Null, _) => "surplus".into(),
        (_, Value::Null) => "absent".into(),
        _ => changed(expected, actual),
    }
}

/// What became of a value. Of two texts only the middle counts, where they differ.
fn changed(expected: &Value, actual: &Value) -> String {
    match (expected, actual) {
        (Value::String(expected), Value::String(actual)) => {
            let (lost, gained) = middles(expected, actual);
            format!("{:?} to {:?}", sketch(&lost), sketch(&gained))
        }
        _ => format!("{} to {}", kind_of_value(expected), kind_of_value(actual)),
    }
}

/// Two texts without their common beginning and end.
fn middles(a: &str, b: &str) -> (String, String) {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(start..).unwrap_or_default(), b.get(start..).unwrap_or_default());
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |chars: &[char]| chars.iter().take(chars.len() - end).collect();
    (middle(a), middle(b))
}

/// The kinds of values of a case: of the keys of its host config and of the fields of its servers.
fn values_of(case: &Case) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for (key, value) in case.host.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("mcp_servers", Value::Object(_)) => {}
            ("features", Value::Object(features)) => {
                let kinds = features.values().map(|on| format!("feature {}", kind_of_value(on)));
                values.extend(kinds);
            }
            ("chatgpt_base_url" | "apps_mcp_product_sku", _) => {
                values.insert(format!("host text {}", kind_of_value(value)));
            }
            ("features" | "mcp_servers" | "env", _) => {
                values.insert(format!("host table {}", kind_of_value(value)));
            }
            _ => {
                values.insert(format!("host key {}", kind_of_value(value)));
            }
        }
    }
    entries(case).for_each(|entry| values_of_server(entry, &mut values));
    // In a minimal case a name is plain, unless the failure needs another one.
    let is_plain =
        |name: &str| name == CODEX_APPS || (sketch(name) == "a" && length(name).is_empty());
    let is_special = |name: &&String| !is_plain(name);
    let sketched = |name: &String| format!("name {}{}", length(name), sketch(name));
    values.extend(names(case).iter().filter(is_special).map(sketched));
    values
}

/// The transport of a server counts only if it is not a plain one.
fn values_of_server(entry: &Value, values: &mut BTreeSet<String>) {
    let Some(fields) = entry.as_object() else {
        values.insert(format!("server {}", kind_of_value(entry)));
        return;
    };
    let transport = match (fields.contains_key("command"), fields.contains_key("url")) {
        (true, true) => Some("both transports"),
        (false, false) => Some("no transport"),
        _ => None,
    };
    values.extend(transport.map(String::from));
    for (name, value) in fields {
        let kind = kind_of_value(value);
        let is_plain = match name.as_str() {
            "command" => kind == "a",
            "url" => kind == "a://a.a",
            _ => false,
        };
        if !is_plain {
            values.insert(format!("{} {kind}", kind_of_field(name)));
        }
    }
}

/// The kind of a field of a server, or of an observation.
fn kind_of_field(name: &str) -> &str {
    match name {
        "command"
        | "url"
        | "cwd"
        | "bearer_token_env_var"
        | "oauth_resource"
        | "environment_id"
        | "name"
        | "bearer_token" => "text",
        "args" | "enabled_tools" | "disabled_tools" | "scopes" => "texts",
        "env" | "http_headers" | "env_http_headers" => "table of texts",
        "enabled" | "required" | "supports_parallel_tool_calls" => "switch",
        "startup_timeout_sec" | "tool_timeout_sec" => "seconds",
        "startup_timeout_ms"
        | "env_vars"
        | "default_tools_approval_mode"
        | "auth"
        | "oauth"
        | "tools"
        | "authorization"
        | "account_id"
        | "auth_status"
        | "contradictory" => name,
        _ => "unknown",
    }
}

/// The type of a value, with what a reader of values may take offence at.
fn kind_of_value(value: &Value) -> String {
    let inner = |values: &mut dyn Iterator<Item = &Value>| {
        let kinds: BTreeSet<String> = values.map(kind_of_value).collect();
        kinds.into_iter().collect::<Vec<_>>().join("|")
    };
    match value {
        Value::Null => "null".into(),
        Value::Bool(on) => on.to_string(),
        Value::String(text) => sketch(text),
        Value::Number(number) => {
            let sign = match number.as_f64().unwrap_or_default() {
                n if n < 0.0 => "negative ",
                n if n > 0.0 => "",
                _ => "zero ",
            };
            format!("{sign}{}", if number.is_f64() { "fraction" } else { "integer" })
        }
        Value::Array(list) => format!("list of {}", inner(&mut list.iter())),
        Value::Object(table) => {
            let keys: BTreeSet<String> = table.keys().map(|key| sketch(key)).collect();
            let keys = keys.into_iter().collect::<Vec<_>>().join("|");
            format!("table from {keys} to {}", inner(&mut table.values()))
        }
    }
}

/// That a text is longer than most limits of a name.
fn length(text: &str) -> &'static str {
    if text.len() > 40 { "long " } else { "" }
}

#[cfg(test)]
mod tests {
    use mcp_overlay_model::Answer;

    use super::*;
    use crate::judge::judge_reply;
    use crate::subject::{Reply, Visibility};

    /// The finding of an answer that is wrong in one way.
    fn finding(case: Value, wrong: impl Fn(&mut Value)) -> Finding {
        let case: Case = serde_json::from_value(case).unwrap();
        let mut answer = serde_json::to_value(resolve(&case).answer()).unwrap();
        wrong(&mut answer);
        let answer: Answer = serde_json::from_value(answer).unwrap();
        let judged = judge_reply(Visibility::Views, &case, Reply::Answered(answer.clone()));
        let rule = judged.verdict.rule();
        Finding::new("s", case, judged.expected(), Some(answer), &judged.verdict, rule).unwrap()
    }

    fn loses(field: &'static str, value: Value, name: &str) -> Finding {
        let case = json!({"host": {"mcp_servers": {name: {"command": "srv", field: value}}}});
        finding(case, |answer| {
            for view in ["configured", "runtime", "effective"] {
                let servers = answer["views"][view].as_object_mut().unwrap();
                for server in servers.values_mut() {
                    server.as_object_mut().unwrap().remove(field);
                }
            }
        })
    }

    fn set_loses(field: &'static str, value: Value) -> Finding {
        let set = json!({"set": {"name": "x", "server": {"command": "srv", field: value}}});
        let case = json!({"contributors": [{"id": "p1", "contributions": [set]}]});
        finding(case, |answer| {
            for view in ["runtime", "effective"] {
                answer["views"][view]["x"].as_object_mut().unwrap().remove(field);
            }
        })
    }

    #[test]
    fn names_places_and_fields_of_one_kind_do_not_matter() {
        let args = Cause::of(&loses("args", json!(["a"]), "a"));
        assert_eq!(args, Cause::of(&loses("args", json!(["b"]), "docs")));
        assert_eq!(args, Cause::of(&loses("enabled_tools", json!(["a"]), "a")));
        assert_eq!(args, Cause::of(&set_loses("args", json!(["a"]))));
    }

    #[test]
    fn other_kinds_of_values_are_other_causes() {
        let args = Cause::of(&loses("args", json!(["a"]), "a"));
        assert_ne!(args, Cause::of(&loses("cwd", json!("a"), "a")));
        assert_ne!(args, Cause::of(&loses("env", json!({"a": "a"}), "a")));
        assert_ne!(args, Cause::of(&loses("enabled_tools", json!([]), "a")));
    }

    /// Two mistakes about a URL break one rule and differ in one field.
    #[test]
    fn what_became_of_a_text_matters() {
        let url = |from: &'static str, to: &'static str, base: &str| {
            let host = json!({"chatgpt_base_url": base});
            let apps = json!([{"id": "p1", "hosted_apps": {}}]);
            let case = json!({"host": host, "auth": "chatgpt", "contributors": apps});
            Cause::of(&finding(case, |answer| {
                for view in ["runtime", "effective"] {
                    let url = &mut answer["views"][view]["codex_apps"]["url"];
                    *url = Value::from(url.as_str().unwrap().replace(from, to));
                }
            }))
        };
        let port = url(":443", "", "https://a.example:443");
        assert_eq!(port, url(":8443", "", "https://b.example:8443"));
        assert_ne!(port, url("A.", "a.", "https://A.example:443"));
    }

    #[test]
    fn a_sign_in_that_matters_is_another_cause() {
        let opens = |auth: Value| {
            let case = json!({"host": {}, "auth": auth});
            Cause::of(&finding(case, |answer| {
                let server = json!({"url": "https://chatgpt.com/backend-api/wham/apps"});
                answer["views"]["effective"]["codex_apps"] = server;
            }))
        };
        assert_ne!(opens(json!("api_key")), opens(Value::Null));
    }

    /// The extension's Apps server shows in `runtime`, and the legacy loader's only with a sign-in.
    #[test]
    fn fields_of_one_server_change_by_one_cause() {
        let loses_header = |case: Value| {
            let finding = finding(case, |answer| {
                for view in ["runtime", "effective"] {
                    if let Some(server) = answer["views"][view].get_mut("codex_apps") {
                        server.as_object_mut().unwrap().remove("http_headers");
                    }
                }
            });
            assert!(finding.differences[0].actual.is_object());
            Cause::of(&finding)
        };
        let host = json!({"apps_mcp_product_sku": "a"});
        let extension = json!([{"id": "p1", "hosted_apps": {}}]);
        assert_eq!(
            loses_header(json!({"host": host, "contributors": extension})),
            loses_header(json!({"host": host, "auth": "chatgpt"}))
        );
    }

    #[test]
    fn an_invalid_server_of_a_plugin_has_the_cause_of_one_in_a_config() {
        let entry = json!({"command": "srv", "startup_timeout_sec": -1});
        let accepted = |answer: &mut Value| {
            let server = json!({"command": "srv"});
            *answer = json!({"views": {"configured": {"a": server}, "runtime": {"a": server},
                "effective": {"a": server}}});
        };
        let config = finding(json!({"host": {"mcp_servers": {"a": entry}}}), accepted);
        let plugins = json!([{"id": "p1", "mcp_servers": {"a": entry}}]);
        let plugin = finding(json!({"plugins": plugins}), accepted);
        assert_ne!(Cause::of(&config), Cause::of(&plugin));
        assert_eq!(Some(Cause::of(&config)), Cause::in_a_config(&plugin));
        assert_eq!(Cause::in_a_config(&config), None);
    }
}
