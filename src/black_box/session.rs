//! One running app-server, used as a client uses it (docs/app-server.md).

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_overlay_model::Auth;
use serde_json::{Value, json};

use super::home::Home;
use super::local_case::{LocalPlugin, Variable};
use super::refusal::ConfigNames;
use crate::subject::process::piped::{Piped, excerpt, protocol};
use crate::subject::process::secrets::{Listener, Secret};
use crate::subject::{Failure, FailureKind};

/// The most pages of a server list to read.
const MOST_PAGES: usize = 100;

/// Time limit for a process to end after its last request.
const STOP_TIMEOUT: Duration = Duration::from_millis(200);

/// The part of a case that an app-server reads only at startup. Cases with equal values share a
/// process.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) auth: Option<Auth>,
    pub(super) environment: BTreeMap<String, Variable>,
    pub(super) arguments: Vec<String>,
    /// Whether the client asks for experimental parts of the protocol, as a sign-in with tokens.
    pub(super) is_experimental: bool,
}

/// The part of a case that an app-server reads from files.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    /// The contents of `config.toml`.
    pub(super) file: &'a toml::Table,
    pub(super) plugins: &'a [LocalPlugin],
    /// What a refusal of the whole config can name, wherever its keys stand.
    pub(super) names: ConfigNames,
}

/// A running app-server with its own home.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) start: Start,
    /// The version that it reports.
    version: String,
    /// Dropped before the home, so that the process does not write there any more.
    piped: Piped,
    pub(super) home: Home,
    listener: Arc<Listener>,
    next_id: u64,
    /// The requests without an answer.
    outstanding: BTreeSet<u64>,
    /// Answers that came before they were waited for.
    answers: BTreeMap<u64, Result<Value, Value>>,
    /// The turns that have ended, and whether the host completed them.
    turns: BTreeMap<String, bool>,
    /// The number of cases it was asked about.
    cases: u64,
}

/// An entry of `mcpServerStatus/list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) auth_status: String,
    /// The names of its tools.
    pub(super) tools: Vec<String>,
}

/// The result of asking for the servers.
#[derive(Clone, Debug)]
pub(super) enum Status {
    /// The listed servers.
    Listed(Vec<Listed>),
    /// The host rejected the config, with this message.
    Refused(String),
    /// An error that is not about the config.
    Failed(Failure),
}

/// Why a process did not start.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// It rejected the config and exited.
    Refused(String),
    Failed(Failure),
}

impl Session {
    /// Starts the command with this config and introduces the client.
    pub(super) fn start(
        command: &[String],
        start: Start,
        settings: &Settings<'_>,
        more: &BTreeMap<String, String>,
        limit: Duration,
    ) -> Result<Self, NotStarted> {
        let home = Home::new(start.auth);
        let home = home.map_err(|error| NotStarted::Failed(own_fault(&error)))?;
        let written = home.write(settings.file, settings.plugins);
        written.map_err(|error| NotStarted::Failed(own_fault(&error)))?;
        Session::start_at(home, command, start, settings, more, limit)
    }

    /// Starts the command in this home, whose files are written already, and introduces the client.
    pub(super) fn start_at(
        home: Home,
        command: &[String],
        start: Start,
        settings: &Settings<'_>,
        more: &BTreeMap<String, String>,
        limit: Duration,
    ) -> Result<Self, NotStarted> {
        let mut secrets = home.secrets.clone();
        secrets.extend(start.environment.iter().filter(|(_, v)| v.local != v.written).map(
            |(name, variable)| Secret {
                what: format!("the value of {name}"),
                value: variable.local.clone(),
            },
        ));
        let listener = Arc::new(Listener::new(secrets).and(Arc::clone(&home.issued)));
        let [program, arguments @ ..] = command else {
            return Err(NotStarted::Failed(failed("cannot be started: no command".into())));
        };
        let mut command = Command::new(program);
        command.args(arguments).args(&start.arguments);
        command.env_clear();
        // Keep only `PATH` and `LANG` of this process's environment.
        command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LANG"));
        command.env("HOME", home.path()).env("CODEX_HOME", home.path()).envs(more);
        command.envs(start.environment.iter().map(|(name, variable)| (name, &variable.local)));
        command.current_dir(home.path());
        let tap: crate::subject::process::log::Tap = Arc::<Listener>::clone(&listener);
        let piped = Piped::spawn(command, Some(tap))
            .map_err(|error| NotStarted::Failed(failed(format!("cannot be started: {error}"))))?;
        let mut session = Session {
            start,
            home,
            version: String::new(),
            piped,
            listener,
            next_id: 1,
            outstanding: BTreeSet::new(),
            answers: BTreeMap::new(),
            turns: BTreeMap::new(),
            cases: 0,
        };
        session.introduce(&settings.names, limit)?;
        Ok(session)
    }

    fn introduce(&mut self, names: &ConfigNames, limit: Duration) -> Result<(), NotStarted> {
        let mut client = json!({
            "clientInfo": {"name": "mcp-overlay", "title": null, "version": env!("CARGO_PKG_VERSION")},
        });
        if let (true, Some(client)) = (self.start.is_experimental, client.as_object_mut()) {
            client.insert("capabilities".into(), json!({"experimentalApi": true}));
        }
        match self.request("initialize", &client, limit) {
            Ok(Ok(result)) => {
                let agent = result.get("userAgent").and_then(Value::as_str).unwrap_or_default();
                self.version = version_in(agent).to_string();
            }
            Ok(Err(error)) => {
                self.secret_free()?;
                let refusal = refusal("initialize", names, &error);
                return Err(refusal.map_or_else(NotStarted::Failed, NotStarted::Refused));
            }
            Err(failure) => {
                self.secret_free()?;
                // A host may exit because it cannot read the config, and say so; a signal means a
                // crash instead.
                let code = self.piped.end_of_input(Duration::from_millis(300));
                return Err(match code.as_ref().and_then(ExitStatus::code) {
                    Some(1 | 2)
                        if failure.kind == FailureKind::Crashed
                            && names.is_refusal(&failure.message) =>
                    {
                        NotStarted::Refused(failure.message)
                    }
                    _ => NotStarted::Failed(failure),
                });
            }
        }
        self.piped.send(b"{\"method\":\"initialized\"}\n".to_vec());
        Ok(())
    }

    /// Whether it was asked about more than one case.
    pub(super) fn was_asked_before(&self) -> bool {
        self.cases > 1
    }

    /// Rewrites the files that the host reads at each request.
    pub(super) fn write_settings(&self, settings: &Settings<'_>) -> std::io::Result<()> {
        self.home.write(settings.file, settings.plugins)
    }

    /// Asks for the status of all servers, which starts them.
    pub(super) fn status(
        &mut self,
        names: &ConfigNames,
        timeout: Duration,
    ) -> Result<Status, Failure> {
        self.cases += 1;
        let mut listed = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..MOST_PAGES {
            let params = json!({"cursor": cursor, "limit": null, "detail": "toolsAndAuthOnly"});
            let asked = self.request("mcpServerStatus/list", &params, timeout);
            let result = match asked.map_err(|failure| self.leaked().unwrap_or(failure))? {
                Ok(result) => result,
                Err(error) => {
                    let refusal = refusal("mcpServerStatus/list", names, &error);
                    return Ok(match refusal {
                        Ok(message) => Status::Refused(message),
                        Err(failure) => Status::Failed(self.leaked().unwrap_or(failure)),
                    });
                }
            };
            let Some(data) = result.get("data").and_then(Value::as_array) else {
                return Err(protocol("answered mcpServerStatus/list without `data`".into()));
            };
            for entry in data {
                let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_string);
                let (Some(name), Some(auth_status)) = (text("name"), text("authStatus")) else {
                    return Err(protocol("listed a server without a name or a status".into()));
                };
                let tools = entry.get("tools").and_then(Value::as_object);
                let tools = tools.map(|tools| tools.keys().cloned().collect()).unwrap_or_default();
                listed.push(Listed { name, auth_status, tools });
            }
            cursor = result.get("nextCursor").cloned().unwrap_or_default();
            if cursor.is_null() {
                return Ok(Status::Listed(listed));
            }
        }
        Err(protocol(format!("listed more than {MOST_PAGES} pages of servers")))
    }

    /// The version from its user agent; empty if there is none.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Stops the process and waits for its remaining output.
    pub(super) fn end(&mut self) {
        let _ = self.piped.end_of_input(STOP_TIMEOUT);
    }

    /// Kills the process and all of its group.
    pub(super) fn kill(&mut self) {
        self.piped.kill();
    }

    /// Ends the input of the process; whether it has ended in time. What it left behind lives on.
    pub(super) fn ends_within(&mut self, limit: Duration) -> bool {
        self.piped.ends_by_itself(limit)
    }

    /// How the process crashed, if it did, after it has ended by itself.
    pub(super) fn crash_at_end(&mut self) -> Option<Failure> {
        self.piped.crash()
    }

    /// The home, after the process has been killed.
    pub(super) fn into_home(self) -> Home {
        let Session { piped, home, .. } = self;
        drop(piped);
        home
    }

    /// Descriptions of the secrets that the process has leaked so far.
    pub(super) fn leaks(&self) -> Vec<String> {
        self.listener.leaks()
    }

    /// The leaks so far, as a failure. A leak takes precedence over a crash, because the message of
    /// a crash quotes the log, which may contain the secret.
    fn leaked(&self) -> Option<Failure> {
        let leaks = self.leaks();
        let message = leaks.join("; ");
        (!leaks.is_empty()).then_some(Failure { kind: FailureKind::Leaked, message, certain: true })
    }

    fn secret_free(&self) -> Result<(), NotStarted> {
        self.leaked().map_or(Ok(()), |leaked| Err(NotStarted::Failed(leaked)))
    }

    /// The result of a request, or its error.
    pub(super) fn request(
        &mut self,
        method: &str,
        params: &Value,
        timeout: Duration,
    ) -> Result<Result<Value, Value>, Failure> {
        let id = self.send(method, params);
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(answered) = self.answer(id, deadline, timeout)? {
                return Ok(answered);
            }
        }
    }

    /// Sends a request; returns its number.
    pub(super) fn send(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let mut line = json!({"id": id, "method": method, "params": params}).to_string();
        line.push('\n');
        self.piped.send(line.into_bytes());
        self.outstanding.insert(id);
        id
    }

    /// The answer to a request. `None` at intervals, so that the caller can look at something else;
    /// an answer that is not there at the deadline, `timeout` after the request, is a failure.
    pub(super) fn answer(
        &mut self,
        id: u64,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<Option<Result<Value, Value>>, Failure> {
        loop {
            if let Some(answered) = self.answers.remove(&id) {
                return Ok(Some(answered));
            }
            if !self.receive(deadline, timeout)? {
                return Ok(None);
            }
        }
    }

    /// Makes a turn of the thread with this id, and waits for its end: whether the host completed it, or
    /// the error that it answered.
    pub(super) fn turn(
        &mut self,
        thread: &str,
        limit: Duration,
    ) -> Result<Result<bool, Value>, Failure> {
        let deadline = Instant::now() + limit;
        let input = json!([{"type": "text", "text": "Hello."}]);
        let params = json!({"threadId": thread, "input": input});
        let started = match self.request("turn/start", &params, limit)? {
            Ok(started) => started,
            Err(error) => return Ok(Err(error)),
        };
        let Some(id) = started.pointer("/turn/id").and_then(Value::as_str) else {
            return Err(protocol("answered turn/start without the id of the turn".into()));
        };
        loop {
            if let Some(was_completed) = self.turns.remove(id) {
                return Ok(Ok(was_completed));
            }
            self.receive(deadline, limit)?;
        }
    }

    /// Reads one message, and keeps it if it is an answer or the end of a turn; `false` at intervals.
    fn receive(&mut self, deadline: Instant, timeout: Duration) -> Result<bool, Failure> {
        let Some(line) = self.piped.next_line(deadline, timeout)? else {
            return Ok(false);
        };
        let mut message: Value = serde_json::from_slice(&line).map_err(|error| {
            protocol(format!("wrote invalid JSON: {error}: {}", excerpt(&line)))
        })?;
        if let Some(method) = message.get("method") {
            // Skip other notifications, and requests of the server.
            let turn = message.pointer("/params/turn").filter(|_| method == "turn/completed");
            let text = |name: &str| turn?.get(name)?.as_str();
            if let Some(id) = text("id") {
                self.turns.insert(id.into(), text("status") == Some("completed"));
            }
            return Ok(true);
        }
        let Some(answered) = message.get("id").and_then(Value::as_u64) else { return Ok(true) };
        let result = match message.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(message.get_mut("result").map(Value::take).unwrap_or_default()),
        };
        if self.outstanding.remove(&answered) {
            self.answers.insert(answered, result);
        } else if answered < self.next_id {
            return Err(protocol(format!("answered request {answered} twice")));
        }
        // An answer to no request says nothing.
        Ok(true)
    }
}

/// The message of an error that refuses the config; any other error is a breakdown.
fn refusal(method: &str, names: &ConfigNames, error: &Value) -> Result<String, Failure> {
    names.refusal(error).map_err(|answered| {
        let words = error.get("message").and_then(Value::as_str).unwrap_or_default();
        protocol(format!(
            "answered {method} with {answered}: {}\n  help: expected a list, or a refusal of the \
             config that names config.toml or the wrong key",
            excerpt(words.as_bytes())
        ))
    })
}

/// The failure to write the home of a process.
pub(super) fn own_fault(error: &std::io::Error) -> Failure {
    failed(format!("could not be given its home: {error}"))
}

/// The version in a user agent: `name/VERSION (system) …`.
fn version_in(user_agent: &str) -> &str {
    let after = user_agent.split_once('/').map_or("", |(_, after)| after);
    after.split_whitespace().next().unwrap_or_default()
}

fn failed(message: String) -> Failure {
    Failure { kind: FailureKind::Crashed, message, certain: true }
}
