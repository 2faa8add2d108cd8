//! The table "Fields" of `docs/semantics.md`.

use crate::rule::{Rule, RuleSet};

/// A field of a server entry.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// The type of its value.
    pub(crate) kind: Kind,
    /// The transport that has the field.
    pub(crate) of: Of,
    /// What its absence means.
    pub(crate) default: Default,
    /// The rule that makes it a field; `None` for one that every profile has.
    pub(crate) since: Option<Rule>,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Texts,
    TextTable,
    Switch,
    Seconds,
    Milliseconds,
    EnvVars,
    ApprovalMode,
    Auth,
    OAuth,
    Tools,
}

/// The transport that has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Stdio,
    Http,
    Both,
    Neither,
}

/// What an absent field means; a field with that value is left out of the canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Default {
    Absent,
    Empty,
    Switch(bool),
    Word(&'static str),
}

const fn row(name: &'static str, kind: Kind, of: Of, default: Default) -> Field {
    Field { name, kind, of, default, since: None }
}

/// Every field of every profile.
const FIELDS: [Field; 26] = [
    row("command", Kind::Text, Of::Stdio, Default::Absent),
    row("args", Kind::Texts, Of::Stdio, Default::Empty),
    row("env", Kind::TextTable, Of::Stdio, Default::Absent),
    row("env_vars", Kind::EnvVars, Of::Stdio, Default::Empty),
    row("cwd", Kind::Text, Of::Stdio, Default::Absent),
    row("url", Kind::Text, Of::Http, Default::Absent),
    row("bearer_token_env_var", Kind::Text, Of::Http, Default::Absent),
    row("http_headers", Kind::TextTable, Of::Http, Default::Absent),
    row("env_http_headers", Kind::TextTable, Of::Http, Default::Absent),
    Field {
        since: Some(Rule::ServerAuth),
        ..row("auth", Kind::Auth, Of::Http, Default::Word("oauth"))
    },
    row("oauth", Kind::OAuth, Of::Http, Default::Absent),
    row("oauth_resource", Kind::Text, Of::Http, Default::Absent),
    row("environment_id", Kind::Text, Of::Both, Default::Word("local")),
    row("enabled", Kind::Switch, Of::Both, Default::Switch(true)),
    row("required", Kind::Switch, Of::Both, Default::Switch(false)),
    row("supports_parallel_tool_calls", Kind::Switch, Of::Both, Default::Switch(false)),
    row("startup_timeout_sec", Kind::Seconds, Of::Both, Default::Absent),
    row("startup_timeout_ms", Kind::Milliseconds, Of::Both, Default::Absent),
    row("tool_timeout_sec", Kind::Seconds, Of::Both, Default::Absent),
    row("default_tools_approval_mode", Kind::ApprovalMode, Of::Both, Default::Absent),
    row("enabled_tools", Kind::Texts, Of::Both, Default::Absent),
    row("disabled_tools", Kind::Texts, Of::Both, Default::Absent),
    row("scopes", Kind::Texts, Of::Both, Default::Absent),
    row("tools", Kind::Tools, Of::Both, Default::Empty),
    row("name", Kind::Text, Of::Both, Default::Absent),
    row("bearer_token", Kind::Text, Of::Neither, Default::Absent),
];

/// The field of this name, if these rules have one.
pub fn field(name: &str, rules: RuleSet) -> Option<&'static Field> {
    let field = FIELDS.iter().find(|field| field.name == name)?;
    field.since.is_none_or(|rule| rules.has(rule)).then_some(field)
}

/// Whether only stdio or only HTTP has a field of this name.
pub fn belongs_to_one_transport(name: &str, rules: RuleSet) -> bool {
    field(name, rules).is_some_and(|field| field.of != Of::Both)
}
