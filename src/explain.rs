//! Which servers a real `config.toml` ends up with, and why.

use std::fmt;
use std::sync::Arc;

use futures_executor::block_on;
use mcp_overlay_host::View as HostView;
use mcp_overlay_model::decision::View;
use mcp_overlay_model::outcome::Resolution;
use mcp_overlay_model::{Auth, By, CODEX_APPS, Case, Outcome, resolve};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::display::printable;
use crate::finding::describe_input;
use crate::judge::compare::same;
use crate::subject::HostInputs;

/// The three views, with a reason for each server.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Version of this format.
    pub explanation: u32,
    /// The profile.
    pub profile: &'static str,
    /// How the user is signed in.
    pub auth: &'static str,
    /// The installed contributors, in registration order.
    pub contributors: Vec<String>,
    /// Config and plugins.
    pub configured: ExplainedView,
    /// After contributions.
    pub runtime: ExplainedView,
    /// After the gate and the legacy loader.
    pub effective: ExplainedView,
}

/// One view.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedView {
    /// The servers in the view.
    pub servers: Vec<Present>,
    /// The names that something removed or kept out.
    pub absent: Vec<Absent>,
}

/// A server of a view, without header values, environment values, arguments and URL paths.
#[derive(Clone, Debug, Serialize)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// In canonical form, secrets replaced by `***`.
    pub server: Value,
    /// The rule that decided.
    pub rule: &'static str,
    /// The input that decided.
    pub because: String,
}

/// A server that a view lacks.
#[derive(Clone, Debug, Serialize)]
pub struct Absent {
    /// Its name.
    pub name: String,
    /// The rule that decided.
    pub rule: &'static str,
    /// The input that decided.
    pub because: String,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model rejects what production accepted.
    #[error(
        "the specification rejects this config at {0}, the production implementation does not; this is a bug in mcp-overlay, please report it"
    )]
    Rejected(String),
    /// The two disagree about a view.
    #[error(
        "the specification and the production implementation disagree about {view}[{name:?}]; this is a bug in mcp-overlay, please report it"
    )]
    Disagree {
        /// The view.
        view: &'static str,
        /// The server's name.
        name: String,
    },
}

/// Explains how the production implementation resolves `inputs`; `case` is the same input for the
/// model, which knows the reasons.
///
/// # Errors
/// The two disagree, so the model's reasons do not apply.
pub fn explain(inputs: HostInputs, case: &Case) -> Result<Explanation, Error> {
    let resolution = match resolve(case) {
        Outcome::Resolved(resolution) => *resolution,
        Outcome::Observed(_) => return Err(Error::Rejected(String::new())),
        Outcome::Rejected(places) => {
            let first = places.into_iter().next().map(|place| place.path);
            return Err(Error::Rejected(first.unwrap_or_default()));
        }
    };
    let auth = inputs.auth;
    let config = block_on(inputs.manager.runtime_config(&inputs.host, &inputs.plugins));
    let config = config.for_auth(inputs.auth);
    let effective = config.effective(auth);
    let Resolution { configured, runtime, effective: model_effective, .. } = &resolution;
    Ok(Explanation {
        explanation: 1,
        profile: case.profile.name(),
        auth: case.auth.map_or("none", Auth::word),
        contributors: case.contributors.iter().map(|c| c.id.clone()).collect(),
        configured: explain_view(case, "configured", configured, config.configured())?,
        runtime: explain_view(case, "runtime", runtime, config.runtime())?,
        effective: explain_view(case, "effective", model_effective, &effective)?,
    })
}

fn explain_view(
    case: &Case,
    view: &'static str,
    reasons: &View,
    servers: &HostView,
) -> Result<ExplainedView, Error> {
    let mut explained = ExplainedView { servers: Vec::new(), absent: Vec::new() };
    for (name, decided) in reasons {
        let (rule, by) = (decided.reason.rule, decided.reason.by);
        let because = describe_input(case, by);
        let name = name.clone();
        match (&decided.server, servers.get(&name)) {
            (Some(want), Some(got)) if same(want, &got.to_canonical_json()) => {
                let ours = name == CODEX_APPS && is_apps_server(case, by);
                let server = without_secrets(want, ours);
                explained.servers.push(Present { name, server, rule: rule.id(), because });
            }
            (None, None) => {
                // A name that was never configured is listed once, not again in every later view.
                if view == "configured" || !matches!(by, By::Config | By::Plugin(_)) {
                    explained.absent.push(Absent { name, rule: rule.id(), because });
                }
            }
            _ => return Err(Error::Disagree { view, name }),
        }
    }
    match servers.iter().find(|(name, _)| !reasons.contains_key(&***name)) {
        Some((name, _)) => Err(Error::Disagree { view, name: name.to_string() }),
        None => Ok(explained),
    }
}

/// Whether the host generated this server; then only the base of its URL comes from the user.
fn is_apps_server(case: &Case, by: By) -> bool {
    use mcp_overlay_model::ContributorKind::HostedApps;
    match by {
        By::Legacy => true,
        By::Contribution { contributor, .. } => {
            case.contributors.get(contributor).is_some_and(|c| c.kind == HostedApps)
        }
        By::Config
        | By::Plugin(_)
        | By::SelectedContribution { .. }
        | By::SelectedRoot(_)
        | By::Gate => false,
    }
}

const HIDDEN: &str = "***";

/// The canonical form without anything that is a secret or could be one by mistake.
///
/// It shows fields that cannot hold a secret, names of tables and environment variables, the
/// program of a command, and the origin of a URL (a URL path can be a token).
fn without_secrets(server: &Arc<Value>, whole_url: bool) -> Value {
    let Value::Object(fields) = &**server else {
        return Value::Null;
    };
    let shown = fields.iter().map(|(field, value)| (field.clone(), shown(field, value, whole_url)));
    Value::Object(shown.collect::<Map<_, _>>())
}

fn shown(field: &str, value: &Value, whole_url: bool) -> Value {
    match (field, value) {
        (
            "enabled"
            | "required"
            | "supports_parallel_tool_calls"
            | "startup_timeout_sec"
            | "tool_timeout_sec"
            | "default_tools_approval_mode"
            | "environment_id"
            | "cwd"
            | "enabled_tools"
            | "disabled_tools"
            | "scopes"
            | "tools",
            value,
        ) => value.clone(),
        ("bearer_token_env_var", Value::String(name)) => shown_variable(name),
        ("env_http_headers", Value::Object(table)) => {
            let named = table.iter().map(|(header, name)| {
                (header.clone(), shown_variable(name.as_str().unwrap_or_default()))
            });
            Value::Object(named.collect())
        }
        ("env" | "http_headers" | "oauth", Value::Object(table)) => {
            Value::Object(table.keys().map(|key| (key.clone(), HIDDEN.into())).collect())
        }
        ("command", Value::String(command)) => shown_command(command).into(),
        ("url", Value::String(url)) => shown_url(url, whole_url).into(),
        ("oauth_resource", Value::String(url)) => shown_url(url, false).into(),
        (_, Value::Array(list)) => list.iter().map(|_| Value::from(HIDDEN)).collect(),
        _ => HIDDEN.into(),
    }
}

/// The name of an environment variable. A text that cannot be a name is most likely a misplaced
/// value, and is hidden.
fn shown_variable(name: &str) -> Value {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) { name.into() } else { HIDDEN.into() }
}

/// The program of a command that may contain arguments.
fn shown_command(command: &str) -> String {
    match command.split_once(char::is_whitespace) {
        Some((program, _)) => format!("{program} …"),
        None => command.to_string(),
    }
}

fn shown_url(url: &str, whole: bool) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return HIDDEN.into();
    };
    let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_end);
    // A later `@` may mean that a password contains a slash.
    if tail.contains('@') {
        return HIDDEN.into();
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = match tail {
        "" | "/" => tail.to_string(),
        _ if whole => match tail.split_once(['?', '#']) {
            Some((path, _)) => format!("{path}…"),
            None => tail.to_string(),
        },
        _ => "/…".to_string(),
    };
    format!("{scheme}://{host}{path}")
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contributors = match self.contributors.as_slice() {
            [] => "none".to_string(),
            ids => ids.iter().map(|id| printable(id)).collect::<Vec<_>>().join(", "),
        };
        writeln!(
            f,
            "profile: {}; auth: {}; contributors: {contributors}\n",
            self.profile, self.auth
        )?;
        let views = [
            ("configured", "config and plugins", &self.configured),
            ("runtime", "after contributions", &self.runtime),
            ("effective", "what the host uses with this auth", &self.effective),
        ];
        for (position, (name, meaning, view)) in views.into_iter().enumerate() {
            let gap = if position == 0 { "" } else { "\n" };
            writeln!(f, "{gap}{name} ({meaning})")?;
            view.write(f, name)?;
        }
        Ok(())
    }
}

impl ExplainedView {
    fn write(&self, f: &mut fmt::Formatter<'_>, view: &str) -> fmt::Result {
        let rows: Vec<[String; 3]> = self
            .servers
            .iter()
            .map(|server| {
                let why = format!("{}: {}", server.rule, server.because);
                [printable(&server.name), summary(&server.server), why]
            })
            .collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let (names, servers) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
        for [name, server, why] in &rows {
            writeln!(f, "  {name:<names$}  {server:<servers$}  {why}")?;
        }
        if rows.is_empty() {
            writeln!(f, "  (no servers)")?;
        }
        for absent in &self.absent {
            let Absent { name, rule, because } = absent;
            writeln!(f, "  {} is absent from {view}: {rule}, {because}", printable(name))?;
        }
        Ok(())
    }
}

fn summary(server: &Value) -> String {
    let text = |field: &str| server.get(field).and_then(Value::as_str).unwrap_or_default();
    let mut summary = match server.get("args").and_then(Value::as_array) {
        _ if server.get("url").is_some() => format!("http {}", text("url").escape_debug()),
        None => format!("stdio {}", text("command").escape_debug()),
        Some(args) => {
            let many = if args.len() == 1 { "argument" } else { "arguments" };
            format!("stdio {} ({} {many})", text("command").escape_debug(), args.len())
        }
    };
    if server.get("enabled") == Some(&Value::Bool(false)) {
        summary.push_str(", disabled");
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_possible_secrets() {
        let shown = |url| shown_url(url, false);
        assert_eq!(shown("https://user:pw@d.example:8/s/SECRET?t=1"), "https://d.example:8/…");
        assert_eq!(shown("https://d.example"), "https://d.example");
        assert_eq!(shown("https://d.example?token=1"), "https://d.example/…");
        assert_eq!(shown("sk-not-a-url"), "***");
        assert_eq!(shown("https://user:pa/ss@d.example/x"), "***");
        assert_eq!(shown_url("https://h/api/codex/apps?x=1", true), "https://h/api/codex/apps…");
    }

    #[test]
    fn misplaced_values_are_not_shown() {
        let server = Arc::new(serde_json::json!({
            "command": "env KEY=SECRET srv",
            "bearer_token_env_var": "sk-SECRET",
            "env_http_headers": {"Authorization": "Bearer SECRET", "X-Key": "KEY_VARIABLE"},
            "env_vars": ["TOKEN=SECRET"],
            "oauth": {"client_id": "SECRET"},
            "oauth_resource": "https://u:SECRET@r.example/SECRET",
            "a_field_of_tomorrow": "SECRET",
        }));
        let shown = without_secrets(&server, false).to_string();
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("KEY_VARIABLE") && shown.contains("env …"), "{shown}");
    }

    #[test]
    fn a_summary_has_no_control_characters() {
        let server = serde_json::json!({"command": "srv\u{1b}[31m\n"});
        assert!(!summary(&server).contains(['\u{1b}', '\n']));
        assert_eq!(printable("a\nb"), "\"a\\nb\"");
    }
}
