//! Plays a sequence on a host in process, and observes each step.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_overlay_host::auth::AuthStore;
use mcp_overlay_host::host::ConfigText;
use mcp_overlay_host::{Environment, Profile};
use mcp_overlay_model::CODEX_APPS;
use mcp_overlay_model::lifecycle::{BASE, Behaviour, Listed, Means, Seen, Sequence, Step};
use serde_json::{Value, json};
use toml::Table;

use super::connector::TOOL;
use super::host::{Given, Hosts, Pending, PlayedHost, Response};
use super::world::{Received, World, number_in};
use crate::black_box::over_time::accounts::Accounts;
use crate::display::printable;
use crate::subject::{Credentials, Failure, FailureKind, Observed, Repeated, Trace, Watch};

/// How long to wait for an answer, in virtual time.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a step takes in a trace. A request arrives in the middle of its step.
const STEP: Duration = Duration::from_secs(1);

/// What happens between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Nothing: what a step started may still be going on.
    #[default]
    AtOnce,
    /// All that can happen without time.
    Settled,
}

/// A call that a server holds.
struct Held {
    pending: Box<dyn Pending>,
    /// The number of the server's request.
    request: usize,
    at: String,
    account: Option<String>,
}

/// Plays a sequence on a new host.
pub(super) struct Player<'a> {
    hosts: &'a dyn Hosts,
    given: Given,
    accounts: Accounts,
    host: Option<Box<dyn PlayedHost>>,
    /// The host's ids of the threads.
    threads: BTreeMap<String, String>,
    held: Vec<Held>,
    /// The step of each call. A call has its position as its number.
    calls: Vec<usize>,
    /// The number of steps so far.
    step: usize,
    pace: Pace,
}

fn crashed(message: String) -> Failure {
    Failure { kind: FailureKind::Crashed, message: format!("panicked: {message}"), certain: true }
}

impl<'a> Player<'a> {
    pub(super) fn new(hosts: &'a dyn Hosts, sequence: &Sequence, pace: Pace) -> Self {
        let profile: Profile = sequence.profile.name().parse().unwrap_or_default();
        let config = ConfigText::default();
        config.replace(toml_text(&json!({"chatgpt_base_url": BASE})));
        let auth = AuthStore::fixed(None, &Environment::default());
        Player {
            hosts,
            given: Given { profile, config, auth, sign_in: None, world: World::default() },
            accounts: Accounts::of(sequence),
            host: None,
            threads: BTreeMap::new(),
            held: Vec::new(),
            calls: Vec::new(),
            step: 0,
            pace,
        }
    }

    /// Plays all steps.
    ///
    /// # Errors
    /// The host panicked, or did not answer another request than a call.
    pub(super) async fn play(
        mut self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Result<Trace, Failure> {
        let played = self.steps(sequence, watch).await;
        self.held.clear();
        if let Some(host) = self.host.take() {
            host.finish().await;
        }
        let steps = played?;
        let all = self.given.world.take_all();
        let credentials = all.iter().filter_map(|received| {
            let account = self.account_of(received)?;
            Some(Credentials {
                at: STEP * received.step + STEP / 2,
                url: without_query(&received.url),
                account,
                lacks_id: received.url.starts_with(BASE)
                    && self
                        .accounts
                        .lacks_id(received.authorization.as_deref(), received.account.as_deref()),
            })
        });
        let repeated = self.repeated(&all);
        Ok(Trace { steps, credentials: credentials.collect(), repeated, ..Trace::default() })
    }

    /// The calls that servers got more than once.
    fn repeated(&self, all: &[Received]) -> Vec<Repeated> {
        let of = |call: u64| all.iter().filter(move |received| received.call == Some(call));
        let repeated = (0..).zip(&self.calls).filter_map(|(call, step)| {
            let (step, times) = (*step, of(call).count());
            let at = without_query(&of(call).next().filter(|_| times > 1)?.url);
            Some(Repeated { step, at, times })
        });
        repeated.collect()
    }

    async fn steps(
        &mut self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Result<Vec<Observed>, Failure> {
        let mut steps = Vec::with_capacity(sequence.steps.len());
        for (number, step) in (0..).zip(&sequence.steps) {
            watch.before(self.step, step);
            self.given.world.begin(number);
            self.step += 1;
            let seen = self.take(step).await?;
            if self.pace == Pace::Settled {
                // The clock only moves when nothing else can happen.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let observed = Observed { seen, ended: STEP * (number + 1) };
            watch.after(&observed);
            steps.push(observed);
        }
        Ok(steps)
    }

    async fn take(&mut self, step: &Step) -> Result<Seen, Failure> {
        match step {
            Step::Config(config) => {
                self.given.config.replace(toml_text(config));
                Ok(Seen::Done)
            }
            Step::SignIn(sign_in) => {
                let given = self.accounts.given(sign_in);
                match sign_in.by {
                    Means::Protocol => self.ask("account/login/start", given).await,
                    Means::File => {
                        self.become_signed_in(Some(given.to_string()));
                        Ok(Seen::Done)
                    }
                }
            }
            Step::SignOut { by: Means::File } => {
                self.become_signed_in(None);
                Ok(Seen::Done)
            }
            Step::SignOut { by: Means::Protocol } => self.ask("account/logout", Value::Null).await,
            Step::Thread { name } => self.start_thread(name).await,
            Step::Reload => self.ask("config/mcpServer/reload", Value::Null).await,
            // The host has no model, and refuses it.
            Step::Turn { thread } => self.ask("turn/start", json!({"threadId": thread})).await,
            Step::View => self.view().await,
            Step::Call { thread, server } => self.call(thread, server).await,
            Step::Read { thread, server } => self.read(thread.as_deref(), server).await,
            Step::World { server, behaviour } => {
                self.given.world.behave(server, *behaviour);
                Ok(Seen::Done)
            }
            Step::Release { server } => self.release(server).await,
            // No kind of step in process.
            Step::Arguments(_)
            | Step::SecondThread { .. }
            | Step::LogIn { .. }
            | Step::Expire { .. }
            | Step::Tokens { .. }
            | Step::KillServer { .. }
            | Step::Settle
            | Step::EndHost { .. }
            | Step::Together(_) => Ok(Seen::Unanswered),
        }
    }

    fn become_signed_in(&mut self, text: Option<String>) {
        self.given.sign_in.clone_from(&text);
        self.given.auth.replace_stored(text);
    }

    fn host(&mut self) -> &dyn PlayedHost {
        let (hosts, given) = (self.hosts, &self.given);
        &**self.host.get_or_insert_with(|| hosts.start(given.clone()))
    }

    /// Sends a request that is answered soon.
    async fn request(&mut self, method: &str, params: Value) -> Result<Response, Failure> {
        let mut pending = self.host().send(method, params).await;
        match tokio::time::timeout(PATIENCE, pending.response()).await {
            Ok(answered) => answered.map_err(crashed),
            Err(_) => Err(Failure {
                kind: FailureKind::Hung,
                message: format!("did not answer {method}"),
                certain: true,
            }),
        }
    }

    /// A request of which only the success shows.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Seen, Failure> {
        let answered = self.request(method, params).await?;
        Ok(if answered.is_ok() { Seen::Done } else { Seen::Refused })
    }

    async fn start_thread(&mut self, name: &str) -> Result<Seen, Failure> {
        let answered = self.request("thread/start", json!({})).await?;
        let id = answered.ok().and_then(|result| {
            result.pointer("/thread/id").and_then(Value::as_str).map(str::to_string)
        });
        let Some(id) = id else { return Ok(Seen::Refused) };
        self.threads.insert(name.into(), id);
        Ok(Seen::Done)
    }

    async fn view(&mut self) -> Result<Seen, Failure> {
        let Ok(result) = self.request("mcpServerStatus/list", json!({})).await? else {
            return Ok(Seen::Refused);
        };
        let mut servers = BTreeMap::new();
        for entry in result.get("data").and_then(Value::as_array).into_iter().flatten() {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
            let tools = entry.get("tools").and_then(Value::as_object);
            let has_tools = tools.is_some_and(|tools| !tools.is_empty()) || name == CODEX_APPS;
            let listed = if has_tools { Listed::WithTools } else { Listed::WithoutTools };
            if servers.insert(name.to_string(), listed).is_some() {
                let message = format!("listed the server {} twice", printable(name));
                return Err(Failure { kind: FailureKind::Protocol, message, certain: true });
            }
        }
        Ok(Seen::Servers(servers))
    }

    async fn call(&mut self, thread: &str, server: &str) -> Result<Seen, Failure> {
        let Some(id) = self.threads.get(thread).cloned() else { return Ok(Seen::Refused) };
        let world = self.given.world.clone();
        let (first, mut changes) = (world.count(), world.changes());
        let arguments = json!({"call": self.calls.len()});
        self.calls.push(self.step - 1);
        let params =
            json!({"threadId": id, "server": server, "tool": TOOL, "arguments": arguments});
        let mut pending = self.host().send("mcpServer/tool/call", params).await;
        let held = async {
            loop {
                let got = world.call_since(first);
                if let Some(got) = got.filter(|(_, got)| is_held(&world, got)) {
                    return got;
                }
                // The sender lives as long as the world.
                let _ = changes.changed().await;
            }
        };
        let answered = tokio::select! {
            biased;
            answered = pending.response() => Ok(answered.map_err(crashed)?),
            held = held => Err(Some(held)),
            () = tokio::time::sleep(PATIENCE) => Err(None),
        };
        Ok(match answered {
            Err(None) => Seen::Unanswered,
            Err(Some((request, got))) => {
                let (at, account) = (without_query(&got.url), self.account_of(&got));
                let seen = Seen::Held { at: at.clone(), account: account.clone() };
                self.held.push(Held { pending, request, at, account });
                seen
            }
            Ok(answered) => self.answered(&answered, None).unwrap_or_else(|| {
                let Some((_, got)) = world.call_since(first) else { return Seen::Refused };
                Seen::Failed { at: without_query(&got.url), account: self.account_of(&got) }
            }),
        })
    }

    async fn read(&mut self, thread: Option<&str>, server: &str) -> Result<Seen, Failure> {
        let id = thread.and_then(|thread| self.threads.get(thread));
        if thread.is_some() && id.is_none() {
            return Ok(Seen::Refused);
        }
        let params = json!({"threadId": id, "server": server, "uri": "test:///"});
        let response = self.request("mcpServer/resource/read", params).await?;
        Ok(self.answered(&response, None).unwrap_or(Seen::Refused))
    }

    async fn release(&mut self, server: &str) -> Result<Seen, Failure> {
        self.given.world.behave(server, Behaviour::Well);
        let is_here = |held: &Held| held.at == server || server == CODEX_APPS && is_apps(&held.at);
        let (released, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.held).into_iter().partition(is_here);
        self.held = held;
        let mut outcomes = Vec::new();
        for Held { mut pending, request, at, account } in released {
            outcomes.push(match tokio::time::timeout(PATIENCE, pending.response()).await {
                Err(_) => Seen::Unanswered,
                Ok(answered) => self
                    .answered(&answered.map_err(crashed)?, Some(request))
                    .unwrap_or(Seen::Failed { at, account }),
            });
        }
        Ok(Seen::Released(outcomes))
    }

    /// The server that gave this result, which says so; nothing for an error. `expected` is the number
    /// of the only request that it may answer.
    fn answered(&self, response: &Response, expected: Option<usize>) -> Option<Seen> {
        let result = response.as_ref().ok()?;
        if result.get("isError").and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let texts = ["/content/0/text", "/contents/0/text"].map(|place| result.pointer(place));
        let number = texts.into_iter().flatten().find_map(|text| number_in(text.as_str()?));
        let received = number.and_then(|number| self.given.world.received(number));
        let Some(received) = received else {
            return Some(Seen::Answered { by: "no server".into(), account: None });
        };
        let (url, account) = (without_query(&received.url), self.account_of(&received));
        let is_another = expected.is_some() && expected != number;
        let by = if is_another { format!("a second request to {url}") } else { url };
        Some(Seen::Answered { by, account })
    }

    /// The account whose credentials a request carried.
    fn account_of(&self, received: &Received) -> Option<String> {
        let (authorization, id) = (received.authorization.as_deref(), received.account.as_deref());
        self.accounts.of_request(authorization, id).map(str::to_string)
    }
}

fn is_held(world: &World, got: &Received) -> bool {
    world.behaviour(&got.url) == Behaviour::Hold
}

fn is_apps(url: &str) -> bool {
    url.starts_with(BASE)
}

/// A query could hold a secret.
fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_string()
}

fn toml_text(config: &Value) -> String {
    let table = Table::try_from(config).unwrap_or_default();
    table.to_string()
}
