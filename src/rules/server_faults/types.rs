//! Faults that take a field of the wrong type, or refuse one that is fine. A comment names the public
//! report in which such a mistake was seen.

use mcp_overlay_model::field::field;
use mcp_overlay_model::{Case, Rule};
use serde_json::{Value, json};

use crate::rules::fault::change::{Entry as Table, with_entries};
use crate::rules::fault::reading::{with_fields, with_lists, with_tables};
use crate::rules::fault::{Change, Fault};

const fn fault(name: &'static str, what: &'static str, read: fn(&Case) -> Option<Case>) -> Fault {
    Fault::new(name, Rule::ServerUnknownField, what, Change::Reads(read))
}

/// A fault that takes what is invalid: of a plugin it takes what is to be dropped.
const fn taken(name: &'static str, what: &'static str, read: fn(&Case) -> Option<Case>) -> Fault {
    fault(name, what, read).also(&[Rule::ConfiguredInvalidPluginServerDropped])
}

// zai-org/feedback#107: args are broken at blanks.
pub(in crate::rules) const ARGS_TEXT_SPLIT: Fault =
    taken("args-text-split", "args may be one text, which is split at blanks", |case| {
        with_fields(case, &["args"], |args| Some(json!(words(args)?)))
    });

pub(in crate::rules) const NUMBERS_IN_ARGS_TAKEN: Fault =
    taken("numbers-in-args-taken", "a number or boolean among the args is a text", |case| {
        with_lists(case, &["args"], |list| list.iter().map(in_quotes).collect())
    });

// coleam00/Archon#1456: `String(val)`.
pub(in crate::rules) const NUMBERS_IN_ENV_TAKEN: Fault =
    taken("numbers-in-env-taken", "a number or boolean in env is a text", |case| {
        with_tables(case, &["env"], quoted)
    });

// coleam00/Archon#1456
pub(in crate::rules) const NUMBERS_IN_HEADERS_TAKEN: Fault =
    taken("numbers-in-headers-taken", "a number or boolean in http_headers is a text", |case| {
        with_tables(case, &["http_headers"], quoted)
    });

// ColeMurray/background-agents#497: `enabled !== false`.
pub(in crate::rules) const ANYTHING_ENABLES: Fault =
    taken("enabled-of-any-type", "anything but false enables a server, `\"false\"` too", |case| {
        with_fields(case, &["enabled"], |enabled| (!enabled.is_boolean()).then_some(Value::Null))
    });

// can1357/oh-my-pi#7841: scopes in one text, as OAuth sends them.
pub(in crate::rules) const SCOPES_TEXT_TAKEN: Fault =
    taken("scopes-text-split", "scopes may be one text, which is split at blanks", |case| {
        with_fields(case, &["scopes"], |scopes| Some(json!(words(scopes)?)))
    });

/// Python's `1 == True`.
pub(in crate::rules) const ONE_IS_TRUE: Fault =
    taken("one-is-true", "0 and 1 count as booleans in `required`", |case| {
        with_fields(case, &["required"], |number| match number.as_f64() {
            Some(0.0) => Some(json!(false)),
            Some(1.0) => Some(json!(true)),
            _ => None,
        })
    });

pub(in crate::rules) const WORDS_ARE_SWITCHES: Fault = taken(
    "switch-in-quotes-taken",
    "supports_parallel_tool_calls may be `\"true\"` or `\"false\"`",
    |case| {
        with_fields(case, &["supports_parallel_tool_calls"], |word| match word.as_str() {
            Some("true") => Some(json!(true)),
            Some("false") => Some(json!(false)),
            _ => None,
        })
    },
);

pub(in crate::rules) const NAME_OF_ANY_TYPE: Fault =
    taken("ignored-name-of-any-type", "the legacy `name` may be anything", |case| {
        with_fields(case, &["name"], |name| (!name.is_string()).then_some(Value::Null))
    });

pub(in crate::rules) const ENVIRONMENT_OF_ANY_TYPE: Fault =
    taken("environment-of-any-type", "an environment_id that is no text means local", |case| {
        with_fields(case, &["environment_id"], |id| (!id.is_string()).then_some(Value::Null))
    });

pub(in crate::rules) const CLIENT_ID_NUMBER_TAKEN: Fault =
    taken("client-id-number-taken", "an OAuth client id may be a number", |case| {
        with_fields(case, &["oauth"], |oauth| {
            let id = oauth.get("client_id").filter(|id| id.is_number())?;
            let mut oauth = oauth.clone();
            *oauth.get_mut("client_id")? = in_quotes(id);
            Some(oauth)
        })
    });

/// Some hosts switch OAuth off with `oauth = false`.
pub(in crate::rules) const OAUTH_SWITCH_TAKEN: Fault =
    taken("oauth-switch-taken", "oauth may be a boolean", |case| {
        with_fields(case, &["oauth"], |oauth| oauth.is_boolean().then_some(Value::Null))
    });

// github/copilot-sdk#989: there `tools` is a list of names.
pub(in crate::rules) const TOOLS_LIST_TAKEN: Fault =
    taken("tools-list-taken", "tools may be a list of names", |case| {
        with_fields(case, &["tools"], |tools| tools.is_array().then_some(Value::Null))
    });

pub(in crate::rules) const TOOL_NAME_ALONE_TAKEN: Fault =
    taken("one-tool-name-taken", "enabled_tools may be one name without a list", |case| {
        with_fields(case, &["enabled_tools"], |name| Some(json!([name.as_str()?])))
    });

// anomalyco/opencode#30677: `.strict()`, on one of the two kinds of server.
pub(in crate::rules) const UNKNOWN_REFUSED_OVER_HTTP: Fault =
    fault("unknown-field-refused-over-http", "an unknown field refuses an HTTP server", |case| {
        let rules = case.profile.rules();
        let is_refused = |entry: &Table| {
            let has_unknown = entry.keys().any(|name| field(name, rules).is_none());
            entry.get("url").is_some_and(Value::is_string) && has_unknown
        };
        with_entries(case, is_refused, |entry| drop(entry.insert("enabled".into(), json!([]))))
    });

fn words(text: &Value) -> Option<Vec<&str>> {
    Some(text.as_str()?.split_whitespace().collect())
}

fn in_quotes(value: &Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => Value::from(value.to_string()),
        value => value.clone(),
    }
}

fn quoted(table: &Table) -> Table {
    table.iter().map(|(key, value)| (key.clone(), in_quotes(value))).collect()
}
