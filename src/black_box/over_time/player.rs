//! Plays a sequence on a process of its own, and observes each step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use mcp_overlay_model::lifecycle::{BASE, Behaviour, Listed, Means, Seen, Sequence, Step};
use mcp_overlay_model::{Auth, CODEX_APPS};
use serde_json::{Map, Value, json};
use toml::Table;

use super::accounts::Accounts;
use super::servers::{ANSWERS, MODEL, Origin, Received, Servers, Target};
use crate::black_box::home::{self, Home};
use crate::black_box::narrow::LOOPBACK;
use crate::black_box::refusal::ConfigNames;
use crate::black_box::session::{self, NotStarted, Session, Settings, Start, Status};
use crate::display::printable;
use crate::subject::process::piped::protocol;
use crate::subject::process::secrets::nonce;
use crate::subject::stdio::Patience;
use crate::subject::{Credentials, Failure, FailureKind, Observed, Trace};

/// The tool of every test server.
const TOOL: &str = "look";

/// What plays need of their host.
#[derive(Debug)]
pub(in crate::black_box) struct Stage<'a> {
    pub(in crate::black_box) command: &'a [String],
    pub(in crate::black_box) environment: &'a BTreeMap<String, String>,
    pub(in crate::black_box) patience: Patience,
    pub(in crate::black_box) servers: &'a Servers,
}

/// Plays a sequence on a new process with a new home.
///
/// # Errors
/// The process crashed, hung, broke its protocol or leaked a secret.
pub(in crate::black_box) fn play(stage: &Stage<'_>, sequence: &Sequence) -> Result<Trace, Failure> {
    let home = Home::new(None).map_err(|error| session::own_fault(&error))?;
    let accounts = Accounts::of(sequence);
    let mark = format!("ns{}", nonce());
    stage.servers.begin(&mark);
    let mut player = Player {
        stage,
        accounts,
        mark: mark.clone(),
        home: Some(home),
        session: None,
        config: Map::from_iter([("chatgpt_base_url".to_string(), Value::from(BASE))]),
        urls: Vec::new(),
        threads: BTreeMap::new(),
        held: Vec::new(),
        holding: BTreeSet::new(),
        began: Instant::now(),
    };
    let played = player.play(sequence);
    stage.servers.end(&mark);
    played
}

/// A call that a server holds.
#[derive(Debug)]
struct Held {
    id: u64,
    /// The number of the server's request.
    request: usize,
    target: Target,
    account: Option<String>,
}

struct Player<'a> {
    stage: &'a Stage<'a>,
    accounts: Accounts,
    mark: String,
    /// Until the host starts; then the session has it.
    home: Option<Home>,
    session: Option<Session>,
    /// The host config, with the URLs of the sequence.
    config: Map<String, Value>,
    /// The URLs of servers in the configs so far. A server's address has the position of its URL.
    urls: Vec<String>,
    /// The host's ids of the threads.
    threads: BTreeMap<String, String>,
    held: Vec<Held>,
    /// The servers that hold calls.
    holding: BTreeSet<Target>,
    began: Instant,
}

impl Player<'_> {
    fn play(&mut self, sequence: &Sequence) -> Result<Trace, Failure> {
        let mut steps = Vec::with_capacity(sequence.steps.len());
        for step in &sequence.steps {
            let seen = match self.take(step) {
                Ok(seen) => seen,
                Err(failure) => return Err(self.leaked().unwrap_or(failure)),
            };
            steps.push(Observed { seen, ended: self.began.elapsed() });
        }
        if let Some(leaked) = self.leaked() {
            return Err(leaked);
        }
        let all = self.stage.servers.since(&self.mark, 0);
        let credentials = all.iter().filter_map(|received| {
            let account = self.account_of(received)?;
            let at = received.at.saturating_duration_since(self.began);
            Some(Credentials { at, url: self.url_of(&received.target), account })
        });
        Ok(Trace { steps, credentials: credentials.collect() })
    }

    /// A leak takes precedence over what it may have caused.
    fn leaked(&self) -> Option<Failure> {
        let mut leaks = self.session.as_ref().map(Session::leaks).unwrap_or_default();
        leaks.extend(self.stage.servers.take_strays());
        let message = leaks.join("; ");
        (!leaks.is_empty()).then_some(Failure { kind: FailureKind::Leaked, message, certain: true })
    }

    fn take(&mut self, step: &Step) -> Result<Seen, Failure> {
        match step {
            Step::Config(config) => self.write_config(config),
            Step::SignIn { account, auth } => self.sign_in(account, *auth),
            Step::SignOut { by: Means::File } => {
                let deleted = self.home().map_or(Ok(()), Home::sign_out);
                deleted.map(|()| Seen::Done).map_err(|error| session::own_fault(&error))
            }
            Step::SignOut { by: Means::Protocol } => self.ask("account/logout", &Value::Null),
            Step::Thread { name } => self.start_thread(name),
            Step::Reload => self.ask("config/mcpServer/reload", &Value::Null),
            Step::View => self.view(),
            Step::Call { thread, server } => self.call(thread, server),
            Step::World { server, behaviour } => {
                self.behave(server, *behaviour);
                Ok(Seen::Done)
            }
            Step::Release { server } => self.release(server),
        }
    }

    fn home(&self) -> Option<&Home> {
        self.session.as_ref().map(|session| &session.home).or(self.home.as_ref())
    }

    fn write_config(&mut self, config: &Value) -> Result<Seen, Failure> {
        self.config = config.as_object().cloned().unwrap_or_default();
        let local = self.local_config();
        let written = self.home().map_or(Ok(()), |home| home.write_config(&local, &[]));
        written.map(|()| Seen::Done).map_err(|error| session::own_fault(&error))
    }

    /// The config with this run's addresses.
    fn local_config(&mut self) -> Table {
        let mut config = self.config.clone();
        // A thread of released Codex asks its model provider, and waits for seconds if that is away.
        let provider = format!("http://{}/{}{MODEL}", self.stage.servers.servers, self.mark);
        let provider = json!({"name": "none", "base_url": provider, "wire_api": "responses"});
        config.insert("model".into(), "none".into());
        config.insert("model_provider".into(), "none".into());
        config.insert("model_providers".into(), json!({"none": provider}));
        if let Some(Value::String(base)) = config.get_mut("chatgpt_base_url") {
            let apps = format!("http://{}/{}", self.stage.servers.apps, self.mark);
            *base = base.replacen(LOOPBACK, &apps, 1);
        }
        if let Some(Value::Object(servers)) = config.get_mut("mcp_servers") {
            for entry in servers.values_mut().filter_map(Value::as_object_mut) {
                if let Some(Value::String(url)) = entry.get_mut("url") {
                    let known = self.urls.iter().position(|known| known == url);
                    let number = known.unwrap_or_else(|| {
                        self.urls.push(url.clone());
                        self.urls.len() - 1
                    });
                    *url = format!("http://{}/{}/{number}", self.stage.servers.servers, self.mark);
                }
            }
        }
        Table::try_from(config).unwrap_or_default()
    }

    fn sign_in(&self, account: &str, auth: Auth) -> Result<Seen, Failure> {
        let text = self.accounts.file(account, auth).unwrap_or_default();
        let written = self.home().map_or(Ok(()), |home| home.sign_in(&text));
        written.map(|()| Seen::Done).map_err(|error| session::own_fault(&error))
    }

    /// The running host, which is started if it is not there.
    fn session(&mut self) -> Result<&mut Session, Failure> {
        if self.session.is_none() {
            let local = home::with_settings(&self.local_config(), &[]);
            let home = self.home.take().map_or_else(|| Home::new(None), Ok);
            let mut home = home.map_err(|error| session::own_fault(&error))?;
            home.secrets = self.accounts.secrets.clone();
            let names = ConfigNames::of(&local);
            let settings = Settings { file: &local, plugins: &[], names };
            let start = Start { auth: None, environment: BTreeMap::new(), arguments: Vec::new() };
            let Stage { command, environment, patience, .. } = self.stage;
            let started =
                Session::start_at(home, command, start, &settings, environment, patience.start);
            self.session = Some(started.map_err(|not_started| match not_started {
                NotStarted::Failed(failure) => failure,
                NotStarted::Refused(message) => {
                    let message = format!("did not start: {message}");
                    Failure { kind: FailureKind::Crashed, message, certain: true }
                }
            })?);
        }
        let gone = || Failure {
            kind: FailureKind::Crashed,
            message: "is not running".into(),
            certain: true,
        };
        self.session.as_mut().ok_or_else(gone)
    }

    /// A request of which only the success shows.
    fn ask(&mut self, method: &str, params: &Value) -> Result<Seen, Failure> {
        let patience = self.stage.patience.case;
        let answered = self.session()?.request(method, params, patience)?;
        Ok(if answered.is_ok() { Seen::Done } else { Seen::Refused })
    }

    fn start_thread(&mut self, name: &str) -> Result<Seen, Failure> {
        let patience = self.stage.patience.case;
        let answered = self.session()?.request("thread/start", &json!({}), patience)?;
        let id = answered.ok().and_then(|result| {
            result.pointer("/thread/id").and_then(Value::as_str).map(str::to_string)
        });
        let Some(id) = id else { return Ok(Seen::Refused) };
        self.threads.insert(name.into(), id);
        Ok(Seen::Done)
    }

    fn view(&mut self) -> Result<Seen, Failure> {
        let patience = self.stage.patience.case;
        let names = ConfigNames::of(&self.local_config());
        Ok(match self.session()?.status(&names, patience)? {
            Status::Refused(_) => Seen::Refused,
            Status::Listed(listed) => {
                let mut names = BTreeSet::new();
                if let Some(twice) = listed.iter().find(|listed| !names.insert(&listed.name)) {
                    let name = printable(&twice.name);
                    return Err(protocol(format!("listed the server {name} twice")));
                }
                let entry = |listed: session::Listed| {
                    let has_tools = listed.has_tools || listed.name == CODEX_APPS;
                    (listed.name, if has_tools { Listed::WithTools } else { Listed::WithoutTools })
                };
                Seen::Servers(listed.into_iter().map(entry).collect())
            }
        })
    }

    fn call(&mut self, thread: &str, server: &str) -> Result<Seen, Failure> {
        let Some(id) = self.threads.get(thread).cloned() else { return Ok(Seen::Refused) };
        let patience = self.stage.patience.case;
        let first = self.stage.servers.since(&self.mark, 0).len();
        let params = json!({"threadId": id, "server": server, "tool": TOOL, "arguments": {}});
        let call = self.session()?.send("mcpServer/tool/call", &params);
        let deadline = Instant::now() + patience;
        loop {
            let answered = match self.session()?.answer(call, deadline, patience) {
                Err(failure) if failure.kind == FailureKind::Hung => return Ok(Seen::Unanswered),
                answered => answered?,
            };
            let got = self.stage.servers.since(&self.mark, first);
            let number = got.iter().position(|received| received.is_call);
            let got = number.and_then(|number| got.get(number));
            let at = got.map(|received| self.url_of(&received.target));
            let account = got.and_then(|received| self.account_of(received));
            return Ok(match (answered, at, got) {
                (None, Some(at), Some(got)) if self.is_held(&got.target) => {
                    let target = got.target.clone();
                    let request = first + number.unwrap_or_default();
                    let account = account.clone();
                    self.held.push(Held { id: call, request, target, account: account.clone() });
                    Seen::Held { at, account }
                }
                (None, ..) => continue,
                (Some(Ok(result)), ..) if !is_error(&result) => self.answered(&result, None),
                (Some(_), Some(at), _) => Seen::Failed { at, account },
                (Some(_), None, _) => Seen::Refused,
            });
        }
    }

    fn release(&mut self, server: &str) -> Result<Seen, Failure> {
        self.behave(server, Behaviour::Well);
        let targets = self.targets_of(server);
        let (released, held): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| targets.iter().any(|target| is_same(target, &held.target)));
        self.held = held;
        let patience = self.stage.patience.case;
        let mut outcomes = Vec::new();
        for Held { id, request, target, account } in released {
            let by = self.url_of(&target);
            let deadline = Instant::now() + patience;
            let answered = loop {
                match self.session()?.answer(id, deadline, patience) {
                    Err(failure) if failure.kind == FailureKind::Hung => break None,
                    answered => {
                        if let Some(answered) = answered? {
                            break Some(answered);
                        }
                    }
                }
            };
            let Some(answered) = answered else {
                outcomes.push(Seen::Unanswered);
                continue;
            };
            outcomes.push(match answered {
                Ok(result) if !is_error(&result) => self.answered(&result, Some(request)),
                _ => Seen::Failed { at: by, account },
            });
        }
        Ok(Seen::Released(outcomes))
    }
}

impl Player<'_> {
    fn behave(&mut self, server: &str, behaviour: Behaviour) {
        if server != CODEX_APPS && !self.urls.iter().any(|url| url == server) {
            // A config may name it later.
            self.urls.push(server.into());
        }
        for target in self.targets_of(server) {
            match behaviour {
                Behaviour::Hold => self.holding.insert(target.clone()),
                Behaviour::Well | Behaviour::Refuse => self.holding.remove(&target),
            };
            self.stage.servers.behave(&self.mark, target, behaviour);
        }
    }

    /// The server that gave this result, which says so. `expected` is the number of the only request
    /// that it may answer.
    fn answered(&self, result: &Value, expected: Option<usize>) -> Seen {
        let all = self.stage.servers.since(&self.mark, 0);
        let number = number_in(result);
        let Some(received) = number.and_then(|number| all.get(number)) else {
            return Seen::Answered { by: "no server".into(), account: None };
        };
        let (url, account) = (self.url_of(&received.target), self.account_of(received));
        let is_another = expected.is_some_and(|expected| Some(expected) != number);
        let by = if is_another { format!("a second request to {url}") } else { url };
        Seen::Answered { by, account }
    }

    fn is_held(&self, target: &Target) -> bool {
        self.holding.iter().any(|held| is_same(held, target))
    }

    /// The addresses of a server: `codex_apps`, or a URL of the sequence. The path of the Apps server
    /// is the host's, so every path of that origin is its address.
    fn targets_of(&self, server: &str) -> Vec<Target> {
        if server == CODEX_APPS {
            return vec![(Origin::Apps, String::new())];
        }
        let position = self.urls.iter().position(|url| url == server);
        position.map(|number| (Origin::Servers, format!("/{number}"))).into_iter().collect()
    }

    fn url_of(&self, (origin, path): &Target) -> String {
        match origin {
            // Not the query, which could hold a secret.
            Origin::Apps => format!("{LOOPBACK}{}", path.split('?').next().unwrap_or_default()),
            Origin::Servers => {
                let number = path.trim_start_matches('/').split('/').next();
                let number = number.and_then(|number| number.parse::<usize>().ok());
                let url = number.and_then(|number| self.urls.get(number));
                url.cloned().unwrap_or_else(|| "an unknown address".into())
            }
        }
    }

    /// The account whose credentials a request carried.
    fn account_of(&self, received: &Received) -> Option<String> {
        let bearer = received.authorization.as_deref();
        let bearer = bearer.map(|bearer| bearer.strip_prefix("Bearer ").unwrap_or(bearer).trim());
        let by_bearer = bearer.and_then(|bearer| self.accounts.of_bearer(bearer));
        let by_id = || self.accounts.of_id(received.account.as_deref()?);
        by_bearer.or_else(by_id).map(str::to_string)
    }
}

/// Whether two addresses are of one server: all paths of the Apps origin are.
fn is_same((origin, path): &Target, (other, at): &Target) -> bool {
    origin == other && (*origin == Origin::Apps || path == at)
}

/// The number of the request that a tool result answers.
fn number_in(result: &Value) -> Option<usize> {
    let text = result.pointer("/content/0/text").and_then(Value::as_str)?;
    text.strip_prefix(ANSWERS)?.parse().ok()
}

/// Whether a tool result is an error.
fn is_error(result: &Value) -> bool {
    result.get("isError").and_then(Value::as_bool) == Some(true)
}
