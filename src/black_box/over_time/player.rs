//! Plays a sequence on a process of its own, and observes each step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mcp_overlay_model::CODEX_APPS;
use mcp_overlay_model::lifecycle::{
    BASE, Behaviour, Expected, Listed, Means, Seen, Sequence, SignIn, State, Step,
};
use serde_json::{Map, Value, json};
use toml::Table;

use super::accounts::Accounts;
use super::addresses::Addresses;
use super::asked::Asked;
use super::held::{Held, Waiting};
use super::lag::Lag;
use super::model_provider::MODEL;
use super::servers::Servers;
use super::shared::{OF_REQUEST, Received, TOOLS, Target};
use super::spoken::Spoken;
use super::target::Origin;
use crate::black_box::delivery::each_as_argument;
use crate::black_box::home::Home;
use crate::black_box::narrow::LOOPBACK;
use crate::black_box::refusal::ConfigNames;
use crate::black_box::session::{self, Session, Status};
use crate::display::printable;
use crate::subject::process::piped::protocol;
use crate::subject::process::secrets::nonce;
use crate::subject::stdio::Patience;
use crate::subject::{
    Credentials, Failure, FailureKind, ListedFor, Observed, Repeated, StoredTokens, Trace,
    UsedConnection, Watch,
};

/// The time in which what ends must be gone (`lifecycle.superseded-ends`, `lifecycle.ends`).
pub(super) const ENDS: Duration = Duration::from_secs(2);

/// The tool that a server has only after it changed them.
const NEW_TOOL: &str = TOOLS[1];

/// What plays need of their host.
#[derive(Debug)]
pub(in crate::black_box) struct Stage<'a> {
    pub(in crate::black_box) command: &'a [String],
    pub(in crate::black_box) environment: &'a BTreeMap<String, String>,
    pub(in crate::black_box) patience: Patience,
    pub(in crate::black_box) servers: &'a Servers,
    /// The command of the stdio server of tests.
    pub(in crate::black_box) stdio: &'a [String],
}

/// Plays a sequence on a new process with a new home.
///
/// # Errors
/// The process crashed, hung, broke its protocol or leaked a secret.
pub(in crate::black_box) fn play(
    stage: &Stage<'_>,
    sequence: &Sequence,
    watch: &mut dyn Watch,
) -> Result<Trace, Failure> {
    let mut player = Player::new(stage, sequence)?;
    let mark = player.mark.clone();
    let played = player.play(sequence, watch);
    drop(player);
    stage.servers.end(&mark);
    played
}

pub(super) struct Player<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) accounts: Accounts,
    pub(super) mark: String,
    /// While no host runs; otherwise the session has it.
    pub(super) home: Option<Home>,
    pub(super) session: Option<Session>,
    /// A second host in the same home.
    pub(super) second: Option<Session>,
    /// The threads of the second host.
    pub(super) second_threads: BTreeSet<String>,
    /// Whether a host has run in the home.
    pub(super) has_run: bool,
    /// Secrets that hosts leaked before the running one.
    pub(super) leaked_before: Vec<String>,
    /// The host config, with the URLs of the sequence.
    pub(super) config: Map<String, Value>,
    pub(super) addresses: Addresses,
    pub(super) spoken: Spoken,
    /// The host's ids of the threads.
    pub(super) threads: BTreeMap<String, String>,
    pub(super) held: Vec<Held>,
    /// The calls that wait for a refresh.
    pub(super) waiting: Vec<Waiting>,
    pub(super) asked: Asked,
    /// The servers that hold calls.
    pub(super) holding: BTreeSet<Target>,
    /// The step of each call. A call has its position as its number.
    pub(super) calls: Vec<usize>,
    /// The number of the first read of each server, by name.
    pub(super) reads: BTreeMap<String, u64>,
    /// The further reads: the number, how many requests there were before, and the step.
    pub(super) again: Vec<(u64, usize, usize)>,
    listed: Vec<ListedFor>,
    /// The connections of the answered uses.
    pub(super) connections: Vec<UsedConnection>,
    /// What became of the stored tokens, besides refreshes.
    pub(super) stored: Vec<StoredTokens>,
    /// The number of the step.
    pub(super) step: usize,
    /// What the specification knows, to know what to wait for.
    pub(super) state: State,
    pub(super) began: Instant,
    lag: Lag,
}

impl<'a> Player<'a> {
    /// With a new home, and no host yet. [`Servers::end`] ends what this begins.
    pub(super) fn new(stage: &'a Stage<'a>, sequence: &Sequence) -> Result<Self, Failure> {
        let home = Home::new(None).map_err(|error| session::own_fault(&error))?;
        let mark = format!("ns{}", nonce());
        stage.servers.begin(&mark);
        Ok(Player {
            stage,
            accounts: Accounts::of(sequence),
            mark,
            home: Some(home),
            session: None,
            second: None,
            second_threads: BTreeSet::new(),
            has_run: false,
            config: Map::from_iter([("chatgpt_base_url".to_string(), Value::from(BASE))]),
            addresses: Addresses::default(),
            spoken: Spoken::of(sequence),
            threads: BTreeMap::new(),
            held: Vec::new(),
            waiting: Vec::new(),
            asked: Asked::default(),
            holding: BTreeSet::new(),
            calls: Vec::new(),
            reads: BTreeMap::new(),
            again: Vec::new(),
            listed: Vec::new(),
            connections: Vec::new(),
            stored: Vec::new(),
            step: 0,
            leaked_before: Vec::new(),
            state: State::before(sequence, true),
            began: Instant::now(),
            lag: Lag::measured(),
        })
    }

    fn play(&mut self, sequence: &Sequence, watch: &mut dyn Watch) -> Result<Trace, Failure> {
        let mut steps = Vec::with_capacity(sequence.steps.len());
        for (number, step) in sequence.steps.iter().enumerate() {
            watch.before(number, step);
            self.step = number;
            let expected = self.state.step(step);
            let seen = match self.take(step, &expected) {
                Ok(seen) => seen,
                Err(failure) => return Err(self.leaked().unwrap_or(failure)),
            };
            self.state.took(step, &seen);
            let observed = Observed { seen, ended: self.began.elapsed() };
            watch.after(&observed);
            steps.push(observed);
            self.look_at_logins();
        }
        if let Some(leaked) = self.leaked() {
            return Err(leaked);
        }
        let all = self.stage.servers.received(&self.mark);
        let repeated = self.repeated(&all);
        let credentials = all.iter().filter_map(|received| {
            let account = self.account_of(received)?;
            let at = received.at.saturating_duration_since(self.began);
            let url = self.addresses.url_of(&received.target);
            Some(Credentials { at, url, account, lacks_id: self.lacks_id(received) })
        });
        let (reused, listed, stored) = (self.reused(), self.listed.clone(), self.stored());
        let (credentials, connections) = (credentials.collect(), self.connections.clone());
        let lag = self.lag.most();
        let requests = self.requests(&all);
        Ok(Trace {
            steps,
            credentials,
            requests,
            repeated,
            reused,
            stored,
            listed,
            connections,
            lag,
        })
    }

    /// The calls that servers took more than once.
    fn repeated(&self, all: &[Received]) -> Vec<Repeated> {
        let mut times: BTreeMap<u64, (usize, &Target)> = BTreeMap::new();
        for received in all.iter().filter(|received| received.is_call) {
            if let Some(call) = received.call {
                times.entry(call).or_insert((0, &received.target)).0 += 1;
            }
        }
        let repeated = times.into_iter().filter(|(_, (times, _))| *times > 1);
        let repeated = repeated.filter_map(|(call, (times, target))| {
            let step = *self.calls.get(usize::try_from(call).ok()?)?;
            Some(Repeated { step, at: self.addresses.url_of(target), times })
        });
        repeated.collect()
    }

    /// A leak takes precedence over what it may have caused.
    pub(super) fn leaked(&self) -> Option<Failure> {
        let mut leaks = self.leaked_before.clone();
        leaks.extend(self.session.iter().chain(&self.second).flat_map(Session::leaks));
        leaks.extend(self.stage.servers.take_strays(&self.mark));
        let message = leaks.join("; ");
        (!leaks.is_empty()).then_some(Failure { kind: FailureKind::Leaked, message, certain: true })
    }

    pub(super) fn take(&mut self, step: &Step, expected: &Expected) -> Result<Seen, Failure> {
        match step {
            Step::Config(config) => self.write_config(config),
            // The next host gets them.
            Step::Arguments(_) => Ok(Seen::Done),
            Step::SignIn(sign_in) if sign_in.by == Means::File => self.sign_in(sign_in),
            Step::SignOut { by: Means::File } => {
                let deleted = self.home().map_or(Ok(()), Home::sign_out);
                deleted.map(|()| Seen::Done).map_err(|error| session::own_fault(&error))
            }
            Step::SignIn(_)
            | Step::SignOut { by: Means::Protocol }
            | Step::Reload
            | Step::Call { .. }
            | Step::Read { .. } => {
                let sent = self.send(step)?;
                self.seen_of(sent)
            }
            Step::Thread { name } => self.start_thread(name),
            Step::SecondThread { name } => {
                self.start_second()?;
                self.second_threads.insert(name.clone());
                self.start_thread(name)
            }
            Step::Turn { thread } => self.turn(thread),
            Step::View => self.view(expected),
            Step::World { server, behaviour } => {
                self.behave(server, *behaviour);
                Ok(Seen::Done)
            }
            Step::LogIn { server } => self.log_in(server),
            Step::Expire { server } => self.expire(server),
            Step::Tokens { server, behaviour } => {
                self.tokens_behave(server, *behaviour);
                Ok(Seen::Done)
            }
            Step::Release { server } => self.release(server),
            Step::KillServer { server } => {
                for target in self.addresses.targets_of(server) {
                    self.stage.servers.kill(&self.mark, &target, ENDS);
                }
                Ok(Seen::Done)
            }
            Step::Settle => Ok(self.left_over(&self.used())),
            Step::EndHost { by } => self.end_host(*by),
            Step::Together(steps) => self.together(steps),
        }
    }

    /// The addresses of the servers that are in use, and the most connections to each.
    fn used(&self) -> BTreeMap<Target, usize> {
        let all = self.state.in_use().into_iter();
        let used = all.flat_map(|(server, most)| {
            self.addresses.targets_of(&server).into_iter().map(move |target| (target, most))
        });
        used.collect()
    }

    /// The servers that have more connections than these after the time for that.
    pub(super) fn left_over(&self, used: &BTreeMap<Target, usize>) -> Seen {
        let left = self.stage.servers.left_over(&self.mark, used, ENDS);
        Seen::LeftOver(left.iter().map(|target| self.addresses.url_of(target)).collect())
    }

    pub(super) fn home(&self) -> Option<&Home> {
        self.session.as_ref().map(|session| &session.home).or(self.home.as_ref())
    }

    pub(super) fn write_config(&mut self, config: &Value) -> Result<Seen, Failure> {
        self.config = config.as_object().cloned().unwrap_or_default();
        let local = self.local_config();
        let written = self.home().map_or(Ok(()), |home| home.write_config(&local, &[]));
        written.map(|()| Seen::Done).map_err(|error| session::own_fault(&error))
    }

    /// The config with this run's addresses.
    pub(super) fn local_config(&mut self) -> Table {
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
        self.localize_servers(&mut config);
        Table::try_from(config).unwrap_or_default()
    }

    /// The settings on the command line of the next host, with this run's addresses.
    pub(super) fn local_arguments(&mut self) -> Vec<String> {
        let Some(settings) = self.state.arguments().and_then(Value::as_object) else {
            return Vec::new();
        };
        let mut settings = settings.clone();
        self.localize_servers(&mut settings);
        each_as_argument(&Table::try_from(settings).unwrap_or_default())
    }

    fn localize_servers(&mut self, config: &mut Map<String, Value>) {
        if let Some(Value::Object(servers)) = config.get_mut("mcp_servers") {
            for entry in servers.values_mut().filter_map(Value::as_object_mut) {
                self.localize(entry);
            }
        }
    }

    fn localize(&mut self, entry: &mut Map<String, Value>) {
        if let Some(Value::String(url)) = entry.get("url") {
            let path = self.addresses.path_of(url);
            let url = format!("http://{}/{}{path}", self.stage.servers.servers, self.mark);
            entry.insert("url".into(), url.into());
        } else if let Some(Value::String(command)) = entry.get("command")
            && let [program, own @ ..] = self.stage.stdio
        {
            let number = self.addresses.path_of(command).replacen('/', "", 1);
            let to = self.stage.servers.processes.to_string();
            let more = ["--pass-on", &to, "--mark", &self.mark, "--number", &number];
            let own = own.iter().map(String::as_str).chain(more).chain(["--"]);
            let own: Vec<Value> = own.map(Value::from).collect();
            let args = entry.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
            entry.insert("args".into(), own.into_iter().chain(args).collect());
            entry.insert("command".into(), program.as_str().into());
        }
    }

    fn sign_in(&self, sign_in: &SignIn) -> Result<Seen, Failure> {
        let text = self.accounts.given(sign_in).to_string();
        let written = self.home().map_or(Ok(()), |home| home.sign_in(&text));
        written.map(|()| Seen::Done).map_err(|error| session::own_fault(&error))
    }

    fn start_thread(&mut self, name: &str) -> Result<Seen, Failure> {
        let patience = self.stage.patience.case;
        self.asked.request(self.step);
        self.asked.thread_starts(name);
        let answered = self.session_of(name)?.request("thread/start", &json!({}), patience)?;
        let id = answered.ok().and_then(|result| {
            result.pointer("/thread/id").and_then(Value::as_str).map(str::to_string)
        });
        let Some(id) = id else { return Ok(Seen::Refused) };
        self.threads.insert(name.into(), id);
        Ok(Seen::Done)
    }

    fn view(&mut self, expected: &Expected) -> Result<Seen, Failure> {
        let patience = self.stage.patience.case;
        let names = ConfigNames::of(&self.local_config());
        self.asked.request(self.step);
        Ok(match self.session()?.status(&names, patience)? {
            Status::Refused(_) => Seen::Refused,
            // The refusal of a config must say so; any other one is wrong anyway.
            Status::Failed(failure) if expected.allowed.contains(&Seen::Refused) => {
                return Err(failure);
            }
            Status::Failed(_) => Seen::Refused,
            Status::Listed(listed) => {
                self.note_account(&listed);
                let mut names = BTreeSet::new();
                if let Some(twice) = listed.iter().find(|listed| !names.insert(&listed.name)) {
                    let name = printable(&twice.name);
                    return Err(protocol(format!("listed the server {name} twice")));
                }
                let is_logged_out = |listed: &session::Listed| {
                    let url = self.url_in_config(&listed.name);
                    listed.auth_status == "notLoggedIn"
                        && url.is_some_and(|url| self.state.is_behind_oauth(&url))
                };
                let entry = |listed: session::Listed| {
                    let tools = match listed.tools.as_slice() {
                        _ if listed.name == CODEX_APPS => apps_listed(expected),
                        [] if is_logged_out(&listed) => Listed::NotLoggedIn,
                        [] => Listed::WithoutTools,
                        tools if tools.iter().any(|tool| tool == NEW_TOOL) => Listed::WithNewTools,
                        _ => Listed::WithTools,
                    };
                    (listed.name, tools)
                };
                Seen::Servers(listed.into_iter().map(entry).collect())
            }
        })
    }
}

impl Player<'_> {
    /// Notes for which account the tools of the Apps server are.
    fn note_account(&mut self, listed: &[session::Listed]) {
        let all = self.stage.servers.received(&self.mark);
        let apps = listed.iter().filter(|listed| listed.name == CODEX_APPS);
        let numbers = apps.flat_map(|listed| &listed.tools).filter_map(|tool| {
            let (_, number) = tool.split_once(OF_REQUEST)?;
            number.parse::<usize>().ok()
        });
        let of_account = |number: usize| self.account_of(all.get(number)?);
        let accounts: Vec<String> = numbers.filter_map(of_account).collect();
        let step = self.step;
        self.listed.extend(accounts.into_iter().map(|account| ListedFor { step, account }));
    }

    pub(super) fn behave(&mut self, server: &str, behaviour: Behaviour) {
        if server != CODEX_APPS {
            // A config may name it later.
            self.addresses.path_of(server);
        }
        for target in self.addresses.targets_of(server) {
            match behaviour {
                Behaviour::Hold => self.holding.insert(target.clone()),
                _ => self.holding.remove(&target),
            };
            self.stage.servers.behave(&self.mark, &target, behaviour);
        }
    }

    /// The account whose credentials a request carried.
    pub(super) fn account_of(&self, received: &Received) -> Option<String> {
        let (authorization, id) = (received.authorization.as_deref(), received.account.as_deref());
        self.accounts.of_request(authorization, id).map(str::to_string)
    }

    /// Whether a request to the Apps server has the bearer of an account, and not the id of that account.
    fn lacks_id(&self, received: &Received) -> bool {
        let (authorization, id) = (received.authorization.as_deref(), received.account.as_deref());
        received.target.0 == Origin::Apps && self.accounts.lacks_id(authorization, id)
    }
}

/// What a list says of the Apps server: a host may remember its tools, so only that it is listed counts.
fn apps_listed(expected: &Expected) -> Listed {
    let allowed = expected.allowed.iter().find_map(|seen| match seen {
        Seen::Servers(servers) => servers.get(CODEX_APPS).copied(),
        _ => None,
    });
    allowed.unwrap_or(Listed::WithTools)
}
