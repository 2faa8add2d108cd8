//! Reads one server: first each field, then the rules about several fields. Rules `server.*`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::error::{Fault, Loaded, Note, Notes, Origin, ServerError};
use super::node::{Kind, Node};
use super::place::Place;
use super::profile::{Behaviour, Profile};
use super::read::{
    Read, boolean, list, milliseconds, owned_string, seconds, string, string_map, strings, table,
    under, wrong_type, wrong_word,
};
use super::server::{
    ApprovalMode, EnvVar, EnvVarSource, LOCAL_ENVIRONMENT, OAuthClient, ServerAuth, ServerConfig,
    Stdio, StreamableHttp, ToolConfig, Transport,
};

impl ServerConfig {
    /// Reads a server as a user writes it, as JSON, by the rules of this profile.
    ///
    /// # Errors
    /// The server is invalid: rules `server.*`.
    pub fn from_json(server: &Value, profile: Profile) -> Result<Loaded<Self>, ServerError> {
        let mut notes = Notes::default();
        match read_server(Node::Json(server), profile.behaviour(), &mut notes) {
            Ok(value) => Ok(Loaded { value, warnings: notes.into_warnings(|_| Origin::Memory) }),
            Err(fault) => Err(fault.into_server_error()),
        }
    }
}

/// Reads a server. Keys in faults and notes are relative to it.
pub(crate) fn read_server(
    node: Node<'_>,
    behaviour: &'static Behaviour,
    notes: &mut Notes,
) -> Read<ServerConfig> {
    let mut fields = Fields::new(behaviour);
    let mut failed = None;
    for (key, value) in table(node)?.iter() {
        // JSON null as the value of a key means that the key is absent.
        if value.is_null() {
            continue;
        }
        let first = notes.len();
        let taken = fields.take(key, value, notes).map_err(|fault| under(fault, key));
        notes.under(first, key);
        if let Err(fault) = taken {
            if !notes.want_every_fault() {
                return Err(fault);
            }
            first_or_further(fault, &mut failed, notes);
        }
    }
    if notes.want_every_fault()
        && let Some(server) = fields.transport_in_words()
    {
        for (key, value) in table(node)?.iter().filter(|(key, _)| fields.is_foreign(key)) {
            let fault = foreign(Some((key, value.place())), server);
            fault.unwrap_or_else(|fault| first_or_further(fault, &mut failed, notes));
        }
    }
    match failed {
        None => fields.finish(node.place()),
        Some(fault) => {
            // A fault of a foreign field was reported above.
            let known = fields.transport_in_words().is_some();
            match fields.finish(node.place()) {
                Err(whole) if !known => notes.push_fault(*whole),
                _ => {}
            }
            Err(fault)
        }
    }
}

/// Keeps the first fault of a server to return it, and notes the others.
fn first_or_further(fault: Fault, first: &mut Option<Fault>, notes: &mut Notes) {
    match first {
        None => *first = Some(fault),
        Some(_) => notes.push_fault(*fault),
    }
}

/// A key that only one transport has, and where it was written.
type Foreign<'a> = Option<(&'a str, Place)>;

/// The fields that were read so far.
struct Fields<'a> {
    behaviour: &'static Behaviour,
    /// The fields of both transports. Its own transport is a placeholder.
    common: ServerConfig,
    stdio: Stdio,
    http: StreamableHttp,
    command_given: bool,
    url_given: bool,
    only_stdio: Foreign<'a>,
    only_http: Foreign<'a>,
    startup_milliseconds: Option<Duration>,
}

impl<'a> Fields<'a> {
    fn new(behaviour: &'static Behaviour) -> Self {
        Self {
            behaviour,
            common: ServerConfig::new(Transport::Stdio(Stdio::default())),
            stdio: Stdio::default(),
            http: StreamableHttp::default(),
            command_given: false,
            url_given: false,
            only_stdio: None,
            only_http: None,
            startup_milliseconds: None,
        }
    }

    fn take(&mut self, key: &'a str, node: Node<'a>, notes: &mut Notes) -> Read<()> {
        let common = &mut self.common;
        match key {
            "command" => {
                self.command_given = true;
                self.stdio.command = owned_string(node)?;
            }
            "url" => {
                self.url_given = true;
                self.http.url = owned_string(node)?;
            }
            "environment_id" => common.environment_id = environment_id(node)?,
            "enabled" => common.enabled = boolean(node)?,
            "required" => common.required = boolean(node)?,
            "supports_parallel_tool_calls" => {
                common.supports_parallel_tool_calls = boolean(node)?;
            }
            "startup_timeout_sec" => common.startup_timeout = Some(seconds(node)?),
            "startup_timeout_ms" => self.startup_milliseconds = Some(milliseconds(node)?),
            "tool_timeout_sec" => common.tool_timeout = Some(seconds(node)?),
            "default_tools_approval_mode" => {
                common.default_tools_approval_mode = Some(approval_mode(node, self.behaviour)?);
            }
            "enabled_tools" => common.enabled_tools = Some(strings(node)?),
            "disabled_tools" => common.disabled_tools = Some(strings(node)?),
            "scopes" => common.scopes = Some(strings(node)?),
            "tools" => common.tools = tools(node, self.behaviour, notes)?,
            "bearer_token" => return Err(inline_bearer_token(node)),
            "name" => {
                string(node)?;
                let message = "ignored: the server's name is the key of its table";
                notes.push(Note::new(node.place(), message));
            }
            _ => return self.take_transport_field(key, node, notes),
        }
        Ok(())
    }

    fn take_transport_field(
        &mut self,
        key: &'a str,
        node: Node<'a>,
        notes: &mut Notes,
    ) -> Read<()> {
        let (stdio, http) = (&mut self.stdio, &mut self.http);
        match key {
            "args" => stdio.args = strings(node)?,
            "env" => stdio.env = Some(string_map(node)?),
            "env_vars" => stdio.env_vars = env_vars(node)?,
            "cwd" => stdio.cwd = Some(owned_string(node)?),
            "bearer_token_env_var" => http.bearer_token_env_var = Some(owned_string(node)?),
            "http_headers" => http.http_headers = Some(string_map(node)?),
            "env_http_headers" => http.env_http_headers = Some(string_map(node)?),
            "auth" if self.behaviour.auth_field => http.auth = server_auth(node)?,
            "oauth" => http.oauth = Some(oauth(node, notes)?),
            "oauth_resource" => http.oauth_resource = Some(owned_string(node)?),
            // Rule `server.unknown-field`.
            _ => {
                notes.push(Note::new(node.place(), "unknown key, ignored"));
                return Ok(());
            }
        }
        let first = if is_of_stdio(key) { &mut self.only_stdio } else { &mut self.only_http };
        first.get_or_insert((key, node.place()));
        Ok(())
    }

    /// The one transport that the server has.
    fn transport_in_words(&self) -> Option<&'static str> {
        match (self.command_given, self.url_given) {
            (true, false) => Some(A_STDIO_SERVER),
            (false, true) => Some(AN_HTTP_SERVER),
            _ => None,
        }
    }

    /// Whether only the other transport has this key.
    fn is_foreign(&self, key: &str) -> bool {
        if self.url_given { is_of_stdio(key) } else { self.is_of_http(key) }
    }

    fn is_of_http(&self, key: &str) -> bool {
        let auth = key == "auth" && self.behaviour.auth_field;
        auth || matches!(
            key,
            "bearer_token_env_var"
                | "http_headers"
                | "env_http_headers"
                | "oauth"
                | "oauth_resource"
        )
    }

    /// Checks the rules about several fields.
    fn finish(self, place: Place) -> Read<ServerConfig> {
        let remote = self.common.environment_id != LOCAL_ENVIRONMENT;
        let transport = match (self.command_given, self.url_given) {
            (true, false) => {
                foreign(self.only_http, A_STDIO_SERVER)?;
                if self.behaviour.remote_cwd_checked {
                    check_remote_cwd(remote, &self.stdio, place)?;
                }
                Transport::Stdio(self.stdio)
            }
            (false, true) => {
                foreign(self.only_stdio, AN_HTTP_SERVER)?;
                Transport::StreamableHttp(self.http)
            }
            (true, true) => return Err(Note::wrong(place, "both `command` and `url`", ONE_OF)),
            (false, false) => {
                return Err(Note::wrong(place, "neither `command` nor `url`", ONE_OF));
            }
        };
        let startup_timeout = self.common.startup_timeout.or(self.startup_milliseconds);
        Ok(ServerConfig { transport, startup_timeout, ..self.common })
    }
}

const A_STDIO_SERVER: &str = "a stdio server (it has `command`)";
const AN_HTTP_SERVER: &str = "a streamable HTTP server (it has `url`)";

fn is_of_stdio(key: &str) -> bool {
    matches!(key, "args" | "env" | "env_vars" | "cwd")
}

const ONE_OF: &str = "exactly one: `command` for a stdio server, `url` for a streamable HTTP one";

/// Rule `server.foreign-field`.
fn foreign(field: Foreign<'_>, server: &str) -> Read<()> {
    let Some((key, place)) = field else { return Ok(()) };
    let message = format!("not supported for {server}; remove it");
    let mut fault = Box::new(Note::new(place, message));
    fault.key.under(key);
    Err(fault)
}

/// Rule `server.foreign-field`: neither transport takes a token in the configuration itself.
fn inline_bearer_token(node: Node<'_>) -> Fault {
    let message = "a secret belongs in the environment: put the token into an environment \
                   variable and name that variable in `bearer_token_env_var`";
    Box::new(Note::new(node.place(), message))
}

/// Rule `server.remote-stdio-cwd`.
fn check_remote_cwd(remote: bool, stdio: &Stdio, place: Place) -> Read<()> {
    let absolute = stdio.cwd.as_ref().is_some_and(|cwd| cwd.starts_with('/'));
    if !remote || absolute {
        return Ok(());
    }
    let found = if stdio.cwd.is_some() { "a relative path" } else { "nothing" };
    let expected = "an absolute path, because `environment_id` is not \"local\"";
    Err(under(Note::wrong(place, found, expected), "cwd"))
}

fn environment_id(node: Node<'_>) -> Read<Cow<'static, str>> {
    let id = string(node)?;
    let local = id == LOCAL_ENVIRONMENT;
    Ok(if local { Cow::Borrowed(LOCAL_ENVIRONMENT) } else { Cow::Owned(id.to_owned()) })
}

/// Rules `server.approval-modes` and `server.approval-writes`.
pub(crate) fn approval_mode(node: Node<'_>, behaviour: &Behaviour) -> Read<ApprovalMode> {
    match node.kind() {
        Kind::String("auto") => Ok(ApprovalMode::Auto),
        Kind::String("prompt") => Ok(ApprovalMode::Prompt),
        Kind::String("writes") if behaviour.approval_writes => Ok(ApprovalMode::Writes),
        Kind::String("approve") => Ok(ApprovalMode::Approve),
        _ if behaviour.approval_writes => {
            Err(wrong_word(node, "\"auto\", \"prompt\", \"writes\" or \"approve\""))
        }
        _ => Err(wrong_word(node, "\"auto\", \"prompt\" or \"approve\"")),
    }
}

/// Rule `server.auth`.
fn server_auth(node: Node<'_>) -> Read<ServerAuth> {
    match node.kind() {
        Kind::String("oauth") => Ok(ServerAuth::OAuth),
        Kind::String("chatgpt") => Ok(ServerAuth::ChatGpt),
        _ => Err(wrong_word(node, "\"oauth\" or \"chatgpt\"")),
    }
}

/// Rule `server.env-vars`.
fn env_vars(node: Node<'_>) -> Read<Vec<EnvVar>> {
    list(node, "an array of names or {name, source?} tables", env_var)
}

fn env_var(node: Node<'_>) -> Read<EnvVar> {
    let table = match node.kind() {
        Kind::String(name) => return Ok(EnvVar::Name(name.to_owned())),
        Kind::Table(table) => table,
        _ => return Err(wrong_type(node, "a variable's name or a {name, source?} table")),
    };
    let (mut name, mut source) = (None, None);
    for (key, value) in table.iter() {
        let taken = match key {
            "name" => owned_string(value).map(|text| name = Some(text)),
            "source" if value.is_null() => Ok(()),
            "source" => env_var_source(value).map(|word| source = Some(word)),
            _ => {
                let message = "unknown key; expected only `name` and `source`";
                Err(Box::new(Note::new(value.place(), message)))
            }
        };
        taken.map_err(|fault| under(fault, key))?;
    }
    match name {
        Some(name) => Ok(EnvVar::Sourced { name, source }),
        None => Err(Note::wrong(node.place(), "no `name`", "a {name, source?} table")),
    }
}

fn env_var_source(node: Node<'_>) -> Read<EnvVarSource> {
    match node.kind() {
        Kind::String("local") => Ok(EnvVarSource::Local),
        Kind::String("remote") => Ok(EnvVarSource::Remote),
        _ => Err(wrong_word(node, "\"local\" or \"remote\"")),
    }
}

fn oauth(node: Node<'_>, notes: &mut Notes) -> Read<OAuthClient> {
    let mut client = OAuthClient::default();
    for (key, value) in table(node)?.iter() {
        match key {
            _ if value.is_null() => {}
            "client_id" => {
                let id = owned_string(value).map_err(|fault| under(fault, key))?;
                client.client_id = Some(id);
            }
            _ => unknown_key(key, value, notes),
        }
    }
    Ok(client)
}

/// The settings of single tools.
pub(crate) fn tools(
    node: Node<'_>,
    behaviour: &Behaviour,
    notes: &mut Notes,
) -> Read<BTreeMap<String, ToolConfig>> {
    let mut tools = BTreeMap::new();
    for (name, value) in table(node)?.iter() {
        let first = notes.len();
        let config = tool(value, behaviour, notes).map_err(|fault| under(fault, name))?;
        notes.under(first, name);
        tools.insert(name.to_owned(), config);
    }
    Ok(tools)
}

fn tool(node: Node<'_>, behaviour: &Behaviour, notes: &mut Notes) -> Read<ToolConfig> {
    let mut config = ToolConfig::default();
    for (key, value) in table(node)?.iter() {
        match key {
            _ if value.is_null() => {}
            "approval_mode" => {
                let mode = approval_mode(value, behaviour).map_err(|fault| under(fault, key))?;
                config.approval_mode = Some(mode);
            }
            _ => unknown_key(key, value, notes),
        }
    }
    Ok(config)
}

/// Rule `server.unknown-field`, one level down.
pub(crate) fn unknown_key(key: &str, value: Node<'_>, notes: &mut Notes) {
    let first = notes.len();
    notes.push(Note::new(value.place(), "unknown key, ignored"));
    notes.under(first, key);
}
