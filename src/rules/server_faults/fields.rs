//! Faults that lose or change a valid field of a server. A comment names the public report in which
//! such a mistake was seen.

use std::collections::BTreeSet;

use mcp_overlay_model::{Case, Rule};
use serde_json::{Map, Value};

use crate::rules::fault::change::{Entry as Table, with_entries};
use crate::rules::fault::reading::{
    with_fields, with_keys, with_lists, with_shown, with_tables, with_texts,
};
use crate::rules::fault::{Change, Fault};

const HEADERS: &[&str] = &["http_headers", "env_http_headers"];

/// A fault that reads a valid field otherwise.
const fn fault(name: &'static str, what: &'static str, read: fn(&Case) -> Option<Case>) -> Fault {
    // In a contribution it is the contributed server that is not set as it is; a field that is lost is
    // not checked.
    Fault::new(name, Rule::ServerUnknownField, what, Change::Resolves(read))
        .also(&[Rule::OverlaySetReplacesWhole, Rule::ConfiguredInvalidPluginServerDropped])
}

// anthropics/claude-code#17565
pub(in crate::rules) const CWD_LOST: Fault = Fault::new(
    "cwd-lost",
    Rule::ServerUnknownField,
    "a server has no cwd",
    Change::Answers(|_, answer| with_shown(answer, "cwd", |_| Some(Value::Null))),
)
.also(&[Rule::OverlaySetReplacesWhole]);

// anomalyco/opencode#30676: a relative one is resolved against the workspace.
pub(in crate::rules) const CWD_RESOLVED: Fault = Fault::new(
    "cwd-made-absolute",
    Rule::ServerUnknownField,
    "a relative cwd is joined to a workspace",
    Change::Answers(|_, answer| {
        with_shown(answer, "cwd", |cwd| {
            let cwd = cwd.as_str().filter(|cwd| !cwd.starts_with('/'))?;
            Some(Value::from(format!("/workspace/{}", cwd.trim_start_matches("./"))))
        })
    }),
)
.also(&[Rule::OverlaySetReplacesWhole]);

// lhz960904/atrium#53 drops them on purpose; cline/cline#12660: a shell drops them.
pub(in crate::rules) const BLANK_ARGS_DROPPED: Fault =
    fault("empty-arguments-dropped", "an empty text among the args is dropped", |case| {
        with_lists(case, &["args"], |list| {
            list.iter().filter(|arg| arg.as_str() != Some("")).cloned().collect()
        })
    });

// agntcy/oasf-sdk#133 removes duplicates of runtime arguments.
pub(in crate::rules) const REPEATED_ARGS_DROPPED: Fault =
    fault("repeated-arguments-dropped", "an argument that comes twice is given once", |case| {
        with_lists(case, &["args"], unique)
    });

/// Many hosts expand `${NAME}` in arguments, from their own environment.
pub(in crate::rules) const PLACEHOLDERS_EXPANDED: Fault =
    fault("placeholders-in-args-expanded", "`${NAME}` in an argument is replaced", |case| {
        with_lists(case, &["args"], |list| {
            list.iter().map(|arg| arg.as_str().map_or(arg.clone(), expanded)).collect()
        })
    });

// Amazon-Q-Developer/language-servers#1492 drops empty ones on purpose.
pub(in crate::rules) const EMPTY_TABLES_LOST: Fault =
    fault("empty-tables-lost", "an empty env or table of headers counts as absent", |case| {
        let fields = &["env", "http_headers", "env_http_headers"];
        with_fields(case, fields, |table| table.as_object()?.is_empty().then_some(Value::Null))
    });

pub(in crate::rules) const EMPTY_OAUTH_LOST: Fault =
    fault("empty-oauth-lost", "an empty oauth table counts as absent", |case| {
        with_fields(case, &["oauth"], |table| table.as_object()?.is_empty().then_some(Value::Null))
    });

// microsoft/agent-framework#6296: no tool becomes every tool.
pub(in crate::rules) const EMPTY_ALLOW_LIST_LOST: Fault =
    fault("empty-allow-list-lost", "an empty enabled_tools counts as absent", |case| {
        empty_list_lost(case, "enabled_tools")
    });

// can1357/oh-my-pi#9199: an empty override does not suppress other scopes.
pub(in crate::rules) const EMPTY_SCOPES_LOST: Fault =
    fault("empty-scopes-lost", "an empty list of scopes counts as absent", |case| {
        empty_list_lost(case, "scopes")
    });

// lhz960904/atrium#53: a blank cwd or bearer variable is unset.
pub(in crate::rules) const EMPTY_TEXTS_LOST: Fault =
    fault("empty-texts-lost", "an empty bearer variable or OAuth resource is absent", |case| {
        let fields = &["bearer_token_env_var", "oauth_resource"];
        with_fields(case, fields, |text| text.as_str()?.is_empty().then_some(Value::Null))
    });

// lhz960904/atrium#53
pub(in crate::rules) const COMMAND_TRIMMED: Fault =
    fault("command-trimmed", "a command loses blanks around it", |case| {
        with_texts(case, &["command"], |command| {
            let trimmed = command.trim();
            (trimmed != command).then(|| trimmed.to_string())
        })
    });

// anthropics/claude-ai-mcp#234, open-webui/open-webui#21338
pub(in crate::rules) const URL_SLASH_STRIPPED: Fault =
    fault("url-slash-stripped", "a server's URL loses its trailing slashes", |case| {
        with_texts(case, &["url"], |url| {
            let trimmed = url.trim_end_matches('/');
            (trimmed != url).then(|| trimmed.to_string())
        })
    });

/// JavaScript's `new URL(url).href`, and Rust's `Url`.
pub(in crate::rules) const URL_GETS_A_SLASH: Fault =
    fault("url-gets-a-slash", "a URL that is only an origin gets a slash", |case| {
        with_texts(case, &["url"], |url| {
            let (_, rest) = url.split_once("://")?;
            (!rest.is_empty() && !rest.contains(['/', '?', '#', '\\'])).then(|| format!("{url}/"))
        })
    });

// TracecatHQ/tracecat#2717 lowers them on purpose.
pub(in crate::rules) const HEADERS_LOWER_CASED: Fault =
    fault("header-names-lowered", "names of headers are written in lower case", |case| {
        with_tables(case, HEADERS, |headers| with_keys(headers, str::to_ascii_lowercase))
    });

// milind-soni/OpenMausBot#1297: of two that differ by case, one overwrites the other.
pub(in crate::rules) const HEADER_TWINS_LOST: Fault =
    fault("headers-alike-but-for-case-lost", "of headers alike but for case one stays", |case| {
        with_tables(case, HEADERS, |headers| {
            let mut seen = BTreeSet::new();
            let kept = headers.iter().filter(|(name, _)| seen.insert(name.to_ascii_lowercase()));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        })
    });

// zai-org/feedback#45: only the standard one is sent.
pub(in crate::rules) const CUSTOM_HEADERS_DROPPED: Fault =
    fault("headers-besides-authorization-lost", "only Authorization is kept of headers", |case| {
        with_tables(case, &["http_headers"], |headers| {
            if !headers.keys().any(|name| is_authorization(name)) {
                return headers.clone();
            }
            let kept = headers.iter().filter(|(name, _)| is_authorization(name));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        })
    });

// just-every/code#559: `Bearer Bearer TOKEN`.
pub(in crate::rules) const BEARER_TWICE: Fault =
    fault("bearer-written-twice", "an Authorization header gets `Bearer ` in front", |case| {
        with_tables(case, &["http_headers"], |headers| {
            let with_bearer = |(name, value): (&String, &Value)| match value.as_str() {
                Some(text) if is_authorization(name) => {
                    (name.clone(), Value::from(format!("Bearer {text}")))
                }
                _ => (name.clone(), value.clone()),
            };
            headers.iter().map(with_bearer).collect()
        })
    });

pub(in crate::rules) const ENV_HEADERS_LOST: Fault = fault(
    "env-headers-lost-beside-headers",
    "env_http_headers do not count where http_headers are there",
    |case| {
        with_entries(
            case,
            |entry| has(entry, "http_headers") && has(entry, "env_http_headers"),
            |entry| drop(entry.remove("env_http_headers")),
        )
    },
);

pub(in crate::rules) const TOOLS_BUT_ONE_LOST: Fault =
    fault("approvals-but-one-lost", "of several tools' approvals only the first stays", |case| {
        with_tables(case, &["tools"], |tools| {
            tools.iter().take(1).map(|(tool, mode)| (tool.clone(), mode.clone())).collect()
        })
    });

pub(in crate::rules) const TOOL_LISTS_SORTED: Fault =
    fault("tool-lists-sorted", "enabled_tools and disabled_tools are sorted", |case| {
        with_lists(case, &["enabled_tools", "disabled_tools"], |list| {
            let mut sorted = list.to_vec();
            sorted.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            sorted
        })
    });

// BigPizzaV3/CodexPlusPlus#1819: disabled_tools is not passed on.
pub(in crate::rules) const DISABLED_TOOLS_LOST: Fault = fault(
    "disabled-tools-lost-beside-enabled",
    "disabled_tools do not count where enabled_tools are there",
    |case| {
        with_entries(
            case,
            |entry| has(entry, "enabled_tools") && has(entry, "disabled_tools"),
            |entry| drop(entry.remove("disabled_tools")),
        )
    },
);

// dyoshikawa/rulesync#1653: a parser of JavaScript drops the key.
pub(in crate::rules) const PROTO_KEYS_LOST: Fault =
    fault("proto-keys-lost", "a variable, header or tool named `__proto__` is lost", |case| {
        with_tables(case, &["env", "http_headers", "env_http_headers", "tools"], |table| {
            let kept = table.iter().filter(|(key, _)| *key != "__proto__");
            kept.map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    });

/// As Windows compares them.
pub(in crate::rules) const ENV_NAMES_RAISED: Fault =
    fault("variables-in-upper-case", "names of env variables are written in upper case", |case| {
        with_tables(case, &["env"], |env| with_keys(env, str::to_ascii_uppercase))
    });

pub(in crate::rules) const OAUTH_RESOURCE_LOST: Fault = fault(
    "oauth-resource-needs-oauth",
    "oauth_resource does not count without an oauth table",
    |case| {
        with_entries(
            case,
            |entry| has(entry, "oauth_resource") && !has(entry, "oauth"),
            |entry| drop(entry.remove("oauth_resource")),
        )
    },
);

// anthropics/claude-code#83679, NousResearch/hermes-agent#101467: other scopes are asked for.
pub(in crate::rules) const SCOPES_LOST_BESIDE_OAUTH: Fault =
    fault("scopes-lost-beside-oauth", "scopes do not count where an oauth table is", |case| {
        with_entries(
            case,
            |entry| has(entry, "scopes") && has(entry, "oauth"),
            |entry| drop(entry.remove("scopes")),
        )
    });

pub(in crate::rules) const OAUTH_LOST_WITH_UNKNOWN_KEY: Fault =
    fault("oauth-lost-with-unknown-key", "an oauth table with an unknown key is absent", |case| {
        with_fields(case, &["oauth"], |oauth| {
            let mut keys = oauth.as_object()?.keys();
            keys.any(|key| key != "client_id").then_some(Value::Null)
        })
    });

pub(in crate::rules) const REQUIRED_LOST_WHEN_DISABLED: Fault =
    fault("required-lost-when-disabled", "a disabled server is not required", |case| {
        with_entries(
            case,
            |entry| entry.get("enabled") == Some(&Value::Bool(false)) && has(entry, "required"),
            |entry| drop(entry.remove("required")),
        )
    });

/// The settings of a tool are complete, by the default that the server has.
pub(in crate::rules) const DEFAULT_MODE_COPIED: Fault =
    fault("default-approval-copied-to-tools", "a tool without a mode gets the default", |case| {
        with_entries(case, has_unset_tool, |entry| {
            let mode = entry.get("default_tools_approval_mode").cloned().unwrap_or_default();
            let tools = entry.get_mut("tools").and_then(Value::as_object_mut);
            for tool in tools.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut)
            {
                tool.entry("approval_mode").or_insert_with(|| mode.clone());
            }
        })
    });

fn has(entry: &Table, field: &str) -> bool {
    entry.get(field).is_some_and(|value| !value.is_null())
}

fn has_unset_tool(entry: &Table) -> bool {
    let tools = entry.get("tools").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let mut tools = tools.filter_map(Value::as_object);
    has(entry, "default_tools_approval_mode")
        && tools.any(|tool| !tool.contains_key("approval_mode"))
}

fn empty_list_lost(case: &Case, field: &str) -> Option<Case> {
    with_fields(case, &[field], |list| list.as_array()?.is_empty().then_some(Value::Null))
}

fn unique(list: &[Value]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    list.iter().filter(|value| seen.insert(value.to_string())).cloned().collect()
}

fn is_authorization(header: &str) -> bool {
    header.eq_ignore_ascii_case("authorization")
}

/// A text whose placeholders are replaced by nothing: no such variable is set.
fn expanded(text: &str) -> Value {
    let mut pieces = text.split("${");
    let first = pieces.next().unwrap_or_default().to_string();
    let rest = pieces.map(|piece| match piece.split_once('}') {
        Some((_, after)) => after.to_string(),
        None => format!("${{{piece}"),
    });
    Value::from(rest.fold(first, |text, piece| text + &piece))
}
