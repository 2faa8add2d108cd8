//! The cause of a finding: what the findings of one mistake have in common.
//!
//! Two findings have one cause if they have the same verdict, blame the same rule, differ first in the
//! same way, and have minimal cases with the same kinds of values, wherever these stand and whatever they
//! are called.

use std::collections::BTreeSet;

use mcp_overlay_model::{Auth, CODEX_APPS, Case, Outcome, Rule, resolve};
use serde_json::{Map, Value, json};

use super::breakdown;
use super::saved::{ANSWER, Finding, FoundDifference};
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

    /// The cause as far as a finding shows it that there was no time to make small: the values of its case say
    /// nothing.
    pub fn without_values(finding: &Finding) -> Self {
        Cause::with(finding, finding.rule, false)
    }

    fn with_rule(finding: &Finding, rule: Option<Rule>) -> Self {
        Cause::with(finding, rule, true)
    }

    fn with(finding: &Finding, rule: Option<Rule>, values_count: bool) -> Self {
        let first = finding.differences.first();
        let another_entry = first.filter(|first| is_of_another_entry(first, &finding.case));
        let breakdown = first.filter(|first| first.place == ANSWER).map(|first| &first.because);
        // These say by themselves what the mistake is, whatever the case holds.
        let says_all = another_entry.is_some()
            || breakdown.is_some_and(|message| breakdown::says_all(finding, message));
        let way = match (another_entry, breakdown) {
            (Some(_), _) => "another entry".to_string(),
            (_, Some(message)) => breakdown::words(message),
            _ => first.map(|first| way_of(first, rule)).unwrap_or_default(),
        };
        let is_of_fields = first.is_some_and(is_of_fields);
        let auth = match (is_of_fields && !way.contains("auth")) || says_all {
            true => "",
            false => finding.case.auth.map_or("", Auth::word),
        };
        let values = match (says_all, values_count) {
            (true, _) => BTreeSet::new(),
            (false, true) => values_of(&finding.case),
            // Not the same as a small case without any.
            (false, false) => BTreeSet::from(["any".into()]),
        };
        let parts = [
            finding.verdict.word().to_string(),
            rule.map_or("", Rule::id).to_string(),
            finding.form.map(|form| form.to_string()).unwrap_or_default(),
            auth.to_string(),
            (finding.after.is_some() && finding.is_repeatable()).to_string(),
            way,
            values.into_iter().collect::<Vec<_>>().join(", "),
        ];
        Cause(parts.join("\n"))
    }
}

/// How the answer differs at a place: a server or a value that is accepted or refused, or the kinds of
/// fields that changed. A server of the config and one of a contribution show in different views, so
/// `configured`, `runtime` and a rejection count as one place.
fn way_of(difference: &FoundDifference, rule: Option<Rule>) -> String {
    let FoundDifference { place, expected, actual, .. } = difference;
    let (view, name) = place.split_once('[').unwrap_or((place, ""));
    // The fields of an entry are read alike, whatever its name.
    let is_of_entry = rule.is_some_and(|rule| rule.id().split('.').next() == Some("server"));
    let is_apps = name.starts_with("\"codex_apps\"") && !is_of_entry;
    let apps = if is_apps { " codex_apps" } else { "" };
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

/// Whether another entry of the case is there instead of the expected one: a mistake of precedence, whatever
/// the entries hold.
fn is_of_another_entry(difference: &FoundDifference, case: &Case) -> bool {
    let FoundDifference { expected, actual, .. } = difference;
    let is_there = |server: &Value| entries(case).any(|entry| entry == server);
    is_of_fields(difference) && expected != actual && is_there(expected) && is_there(actual)
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
        let kind = match (kind_of_field(name), value) {
            // No reader of unknown fields tells these apart.
            (UNKNOWN, Value::Bool(_) | Value::Number(_) | Value::String(_)) => "scalar".into(),
            _ => kind_of_value(value),
        };
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
        _ => UNKNOWN,
    }
}

/// The kind of a field that no server has.
const UNKNOWN: &str = "unknown";

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
    use crate::judge::verdict::FindingKind;
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

    /// The name that a subject's own table inherits.
    fn keeps(field: &'static str, value: Value) -> Finding {
        let case = json!({"host": {"mcp_servers": {"a": {"command": "srv", field: value}}}});
        finding(case, |answer| {
            for view in ["configured", "runtime", "effective"] {
                answer["views"][view]["a"][field] = value.clone();
            }
        })
    }

    #[test]
    fn the_value_of_an_unknown_field_does_not_matter() {
        let bool = Cause::of(&keeps("toString", json!(true)));
        assert_eq!(bool, Cause::of(&keeps("toString", json!(false))));
        assert_eq!(bool, Cause::of(&keeps("constructor", json!(0))));
        assert_ne!(bool, Cause::of(&keeps("toString", json!({"a": 1}))), "who reads tables only");
    }

    /// One mistake shows with every value; two mistakes stay two, though the case is the same.
    #[test]
    fn a_place_in_the_code_is_a_cause() {
        let errs = |value: Value, at: &str| {
            let mut finding = keeps("__proto__", value);
            (finding.verdict, finding.rule) = (FindingKind::Errored, None);
            let first = &mut finding.differences[0];
            first.place = ANSWER.into();
            first.because = format!("TypeError: no function\n    at parse (/srv/a.js:{at})");
            Cause::of(&finding)
        };
        assert_eq!(errs(json!(true), "104:28"), errs(json!(["a"]), "104:28"));
        assert_ne!(errs(json!(true), "104:28"), errs(json!(true), "210:9"));
    }

    /// Whichever server wins, the mistake is that it wins.
    #[test]
    fn what_the_servers_hold_that_win_does_not_matter() {
        let last_wins = |first: Value, last: Value| {
            let plugin = |id: &str, server: &Value| json!({"id": id, "active": true, "mcp_servers": {"a": server}});
            let plugins = json!([plugin("p1", &first), plugin("p2", &last)]);
            Cause::of(&finding(json!({"plugins": plugins}), |answer| {
                for view in ["configured", "runtime", "effective"] {
                    answer["views"][view]["a"] = last.clone();
                }
            }))
        };
        let command = json!({"command": "srv"});
        let url = last_wins(command.clone(), json!({"url": "https://a.example"}));
        assert_eq!(url, last_wins(command, json!({"command": "srv", "args": ["a"]})));
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
