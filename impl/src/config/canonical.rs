//! The canonical form of a server: the fields that differ from their default.

use std::time::Duration;

use serde_json::{Map, Value};

use super::redacted::Redacted;
use super::server::{
    EnvVar, LOCAL_ENVIRONMENT, ServerAuth, ServerConfig, Stdio, StreamableHttp, ToolConfig,
    Transport,
};

impl ServerConfig {
    /// The server in canonical form: an object of the fields that differ from their default,
    /// times in seconds. Header and environment values are in it, so it is not for a log.
    #[must_use]
    pub fn to_canonical_json(&self) -> Value {
        let mut out = Map::new();
        match &self.transport {
            Transport::Stdio(stdio) => put_stdio(&mut out, stdio),
            Transport::StreamableHttp(http) => put_http(&mut out, http),
        }
        if self.environment_id != LOCAL_ENVIRONMENT {
            put(&mut out, "environment_id", Some(&*self.environment_id));
        }
        put(&mut out, "enabled", (!self.enabled).then_some(false));
        put(&mut out, "required", self.required.then_some(true));
        let parallel = self.supports_parallel_tool_calls.then_some(true);
        put(&mut out, "supports_parallel_tool_calls", parallel);
        put(&mut out, "startup_timeout_sec", self.startup_timeout.map(seconds));
        put(&mut out, "tool_timeout_sec", self.tool_timeout.map(seconds));
        let mode = self.default_tools_approval_mode.map(|mode| mode.as_str());
        put(&mut out, "default_tools_approval_mode", mode);
        put(&mut out, "enabled_tools", self.enabled_tools.as_deref());
        put(&mut out, "disabled_tools", self.disabled_tools.as_deref());
        put(&mut out, "scopes", self.scopes.as_deref());
        if !self.tools.is_empty() {
            let tools = self.tools.iter().map(|(name, tool)| (name.clone(), tool_json(*tool)));
            put(&mut out, "tools", Some(tools.collect::<Map<_, _>>()));
        }
        Value::Object(out)
    }
}

/// The double that is nearest to a time in seconds. `Duration::as_secs_f64` rounds twice, and makes
/// 1.1400000000000001 of 1.14.
fn seconds(time: Duration) -> f64 {
    let exact = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    exact.parse().unwrap_or(time.as_secs_f64())
}

fn put_stdio(out: &mut Map<String, Value>, stdio: &Stdio) {
    put(out, "command", Some(&*stdio.command));
    put(out, "args", (!stdio.args.is_empty()).then_some(&*stdio.args));
    put(out, "env", stdio.env.as_ref().map(exposed));
    if !stdio.env_vars.is_empty() {
        let variables = stdio.env_vars.iter().map(env_var_json);
        put(out, "env_vars", Some(variables.collect::<Vec<_>>()));
    }
    put(out, "cwd", stdio.cwd.as_deref());
}

fn put_http(out: &mut Map<String, Value>, http: &StreamableHttp) {
    put(out, "url", Some(&*http.url));
    put(out, "bearer_token_env_var", http.bearer_token_env_var.as_deref());
    put(out, "http_headers", http.http_headers.as_ref().map(exposed));
    let from_env = http.env_http_headers.as_ref();
    let copied = |map: &std::collections::BTreeMap<String, String>| {
        let entries = map.iter().map(|(name, var)| (name.clone(), Value::from(var.as_str())));
        entries.collect::<Map<_, _>>()
    };
    put(out, "env_http_headers", from_env.map(copied));
    let auth = (http.auth != ServerAuth::default()).then(|| http.auth.as_str());
    put(out, "auth", auth);
    let client = http.oauth.as_ref().map(|client| {
        let mut fields = Map::new();
        put(&mut fields, "client_id", client.client_id.as_deref());
        fields
    });
    put(out, "oauth", client);
    put(out, "oauth_resource", http.oauth_resource.as_deref());
}

fn exposed(map: &std::collections::BTreeMap<String, Redacted>) -> Map<String, Value> {
    let entries = map.iter().map(|(name, value)| (name.clone(), Value::from(value.expose())));
    entries.collect()
}

fn env_var_json(variable: &EnvVar) -> Value {
    match variable {
        EnvVar::Name(name) => Value::from(name.as_str()),
        EnvVar::Sourced { name, source } => {
            let mut fields = Map::new();
            put(&mut fields, "name", Some(name.as_str()));
            put(&mut fields, "source", source.map(|source| source.as_str()));
            Value::Object(fields)
        }
    }
}

fn tool_json(tool: ToolConfig) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "approval_mode", tool.approval_mode.map(|mode| mode.as_str()));
    Value::Object(fields)
}

fn put(out: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(key.to_owned(), value.into());
    }
}
