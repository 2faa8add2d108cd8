//! Which app-server gets a request, with which files, and what the client is answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

use crate::answers::Tools;
use crate::files::{Occasion, put};
use crate::groups::Group;
use crate::host::Host;
use crate::processes::{self, Reloads};
use crate::shared::{LISTS, Shared};
use crate::sign_ins::LOGIN;
use crate::slow_reloads::SlowReloads;
use crate::turns::Turns;

/// The ids of the requests that this program makes up.
const OWN: u64 = 1 << 40;
const CALL: &str = "mcpServer/tool/call";
const READ: &str = "mcpServer/resource/read";
pub(crate) const RELOAD: &str = "config/mcpServer/reload";

pub(crate) struct Switch {
    pub(crate) shared: Shared,
    profile: Option<String>,
    to_switch: UnboundedSender<(usize, Value)>,
    pub(crate) hosts: BTreeMap<usize, Host>,
    pub(crate) threads: BTreeMap<String, usize>,
    pub(crate) last_host: usize,
    initialize: Value,
    /// Requests of the client without an answer.
    pending: BTreeMap<u64, Pending>,
    /// Their answers are not passed on.
    dropped: BTreeSet<u64>,
    pub(crate) own: u64,
    pub(crate) groups: BTreeMap<u64, Group>,
    /// The group of each own request.
    pub(crate) members: BTreeMap<u64, u64>,
    /// The address in place of each origin, by app-server.
    pub(crate) origins: BTreeMap<(usize, String), String>,
    pub(crate) socket: PathBuf,
    pub(crate) reloads: Reloads,
    reload_count: usize,
    pub(crate) has_refused: bool,
    /// The configuration of the last list or reload.
    pub(crate) last_text: Option<String>,
    /// The configuration of an earlier run, which counts until a reload.
    pub(crate) snapshot: Option<String>,
    first_text: Option<String>,
    was_killed: bool,
    failures: BTreeMap<(usize, String), usize>,
    queued: BTreeMap<usize, VecDeque<Value>>,
    swapped: BTreeMap<String, (u64, Value)>,
    pub(crate) started_signed_out: BTreeSet<usize>,
    /// The params of the sign-in with tokens that counts.
    pub(crate) supplied: Option<Value>,
    /// App-servers that do not get the client's `auth.json`.
    pub(crate) keep_their_files: BTreeSet<usize>,
    tools: Tools,
    /// The answers to reads, by thread and server.
    reads: BTreeMap<(String, String), Value>,
    pub(crate) slow: SlowReloads,
    pub(crate) turns: Turns,
}

struct Pending {
    method: String,
    server: String,
    host: usize,
    request: Value,
}

impl Switch {
    pub(crate) fn new(
        shared: Shared,
        profile: Option<String>,
        to_switch: UnboundedSender<(usize, Value)>,
    ) -> Self {
        let (socket, reloads) = processes::listen(&shared);
        let lock = shared.home.join("lock");
        let was_killed = lock.exists();
        put(&lock, Some(""));
        if was_killed && shared.is("loses-the-sign-in-when-killed") {
            put(&shared.home.join("auth.json"), None);
        }
        let snapshot = shared.read("snapshot");
        let is_old = was_killed && shared.is("lists-the-last-clean-state-after-a-kill");
        let first_text = shared.read("config.toml");
        let mut switch = Switch {
            shared,
            profile,
            to_switch,
            hosts: BTreeMap::new(),
            threads: BTreeMap::new(),
            last_host: LISTS,
            initialize: Value::Null,
            pending: BTreeMap::new(),
            dropped: BTreeSet::new(),
            own: 0,
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
            origins: BTreeMap::new(),
            socket,
            reloads,
            reload_count: 0,
            has_refused: false,
            last_text: None,
            snapshot: snapshot.filter(|_| is_old),
            first_text,
            was_killed,
            failures: BTreeMap::new(),
            queued: BTreeMap::new(),
            swapped: BTreeMap::new(),
            started_signed_out: BTreeSet::new(),
            supplied: None,
            keep_their_files: BTreeSet::new(),
            tools: Tools::default(),
            reads: BTreeMap::new(),
            slow: SlowReloads::default(),
            turns: Turns::default(),
        };
        switch.find_supplied();
        switch.start_host(LISTS, Occasion::List);
        switch
    }

    pub(crate) fn is(&self, fault: &str) -> bool {
        self.shared.is(fault)
    }

    fn start_host(&mut self, host: usize, occasion: Occasion) {
        let home = self.shared.home.join("inner").join(host.to_string());
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home).unwrap();
        put(&home.join("auth.json"), self.shared.read("auth.json").as_deref());
        let to_switch = self.to_switch.clone();
        let started = Host::start(host, home, self.profile.as_deref(), to_switch);
        self.hosts.insert(host, started);
        self.copy_config(host, occasion);
    }

    pub(crate) async fn client_says(&mut self, message: &Value) {
        let method = message["method"].as_str().unwrap_or_default();
        self.copy_sign_in(method == RELOAD);
        let Some(id) = message["id"].as_u64() else {
            let hosts: Vec<usize> = self.hosts.keys().copied().collect();
            for host in hosts {
                self.send(host, message).await;
            }
            self.supply(LISTS).await;
            return;
        };
        match method {
            "initialize" => {
                self.initialize = message["params"].clone();
                self.forward(LISTS, id, message).await;
            }
            "thread/start" => self.start_thread(id, message).await,
            RELOAD => self.reload(id).await,
            "account/logout" => self.sign_out(id).await,
            LOGIN => self.sign_in(id, message).await,
            CALL => self.call(id, message).await,
            READ => self.read(id, message).await,
            "turn/start" if self.has_turns() => self.turn(id, message).await,
            _ => {
                let thread = message["params"]["threadId"].as_str();
                let host = thread.and_then(|thread| self.threads.get(thread)).copied();
                let host = host.filter(|_| method != "mcpServerStatus/list").unwrap_or(LISTS);
                if host == LISTS {
                    self.copy_config(LISTS, Occasion::List);
                }
                if method == "mcpServerStatus/list" {
                    if self.is("listing-updates-threads") {
                        self.reload_quietly(None).await;
                    }
                    if self.was_killed && self.is("chokes-on-its-own-half-file") {
                        return refuse(id);
                    }
                }
                self.forward(host, id, message).await;
            }
        }
    }

    async fn start_thread(&mut self, id: u64, message: &Value) {
        if self.is("a-new-thread-updates-the-others") {
            self.reload_quietly(None).await;
        }
        self.last_host += 1;
        let host = self.last_host;
        self.start_host(host, Occasion::Start);
        if self.shared.read("auth.json").is_none() && self.supplied.is_none() {
            self.started_signed_out.insert(host);
        }
        let own = self.next_own();
        let params = self.initialize.clone();
        self.send(host, &json!({"id": own, "method": "initialize", "params": params})).await;
        self.send(host, &json!({"method": "initialized"})).await;
        self.supply(host).await;
        self.forward(host, id, message).await;
    }

    async fn call(&mut self, id: u64, message: &Value) {
        let params = &message["params"];
        let server = params["server"].as_str().unwrap_or_default().to_string();
        let thread = params["threadId"].as_str().unwrap_or_default();
        let host = self.threads.get(thread).copied().unwrap_or(LISTS);
        let failures = self.failures.get(&(host, server)).copied().unwrap_or_default();
        if failures >= 3 && self.is("opens-a-breaker-at-the-third-failure") {
            return refuse(id);
        }
        let is_busy = self.pending.values().any(|it| it.method == CALL && it.host == host);
        if is_busy && self.is("one-held-call-blocks-its-thread") {
            self.queued.entry(host).or_default().push_back(message.clone());
            return;
        }
        self.forward(host, id, message).await;
    }

    async fn read(&mut self, id: u64, message: &Value) {
        let thread = message["params"]["threadId"].as_str();
        let host = thread.and_then(|thread| self.threads.get(thread)).copied();
        if let Some(mut known) = self.reads.get(&read_of(message)).cloned() {
            known["id"] = json!(id);
            return say(&known);
        }
        let host = match host {
            None if self.is("reads-on-no-thread-are-of-the-first-thread") => {
                self.hosts.keys().copied().find(|host| *host != LISTS)
            }
            Some(_) if self.is("reads-on-a-thread-are-of-the-disk") => None,
            host => host,
        };
        let mut message = message.clone();
        match host.and_then(|host| self.threads.iter().find(|(_, it)| **it == host)) {
            Some((thread, _)) => message["params"]["threadId"] = json!(thread),
            None => {
                self.copy_config(LISTS, Occasion::List);
                message["params"].as_object_mut().unwrap().remove("threadId");
            }
        }
        self.forward(host.unwrap_or(LISTS), id, &message).await;
    }

    async fn reload(&mut self, id: u64) {
        self.reload_count += 1;
        let is_ignored = self.reload_count >= 3 && self.is("ignores-the-third-reload")
            || self.has_refused && self.is("stops-reloading-after-a-broken-config")
            || self.has_turns();
        if is_ignored || self.is_dropped() {
            // A configuration that is refused must not show it.
            self.copy_config(LISTS, Occasion::List);
            self.ask(&[LISTS], Some(id), RELOAD, Vec::new()).await;
            return;
        }
        self.snapshot = None;
        if self.is("leaves-a-dead-process-until-a-reload") {
            self.shared.state().dead.clear();
        }
        self.shared.state().unreachable.clear();
        if self.is("reload-cuts-stdio-calls") {
            self.cut(|state, call| state.is_stdio(call.host, &call.server));
        }
        self.reload_quietly(Some(id)).await;
        if self.is("drops-a-reload-while-a-server-starts") {
            // Else a busy machine tells of the starts after the next reload.
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }

    /// Reloads all threads; without an id nobody is answered.
    async fn reload_quietly(&mut self, id: Option<u64>) {
        let mut hosts: Vec<usize> = self.hosts.keys().copied().filter(|it| *it != LISTS).collect();
        if self.is("reload-reaches-only-the-first-thread") {
            hosts.truncate(1);
        }
        if hosts.is_empty() {
            hosts.push(LISTS);
        }
        let before = hosts.iter().map(|host| {
            let text = std::fs::read_to_string(self.hosts[host].home.join("config.toml")).ok();
            let config = self.shared.state().configs.get(host).cloned().unwrap_or_default();
            (*host, text, config)
        });
        let before = before.collect();
        for host in &hosts {
            self.reloads.tell(*host);
            self.copy_config(*host, Occasion::Reload(self.reload_count));
        }
        self.ask(&hosts, id, RELOAD, before).await;
    }

    async fn sign_out(&mut self, id: u64) {
        if self.is("logout-cuts-other-calls") {
            self.cut(|_, call| call.server != "codex_apps");
        }
        let is_kept = |host: usize| match &*self.shared.fault {
            "second-thread-keeps-the-token" => host > 1,
            "signs-out-one-call-late" => host != LISTS,
            "supplied-tokens-outlive-the-logout" => host != LISTS && self.supplied.is_some(),
            _ => false,
        };
        let hosts: Vec<usize> = self.hosts.keys().copied().filter(|it| !is_kept(*it)).collect();
        self.ask(&hosts, Some(id), "account/logout", Vec::new()).await;
    }

    /// Answers calls with an error, and drops their answers.
    fn cut(&mut self, which: impl Fn(&crate::shared::State, &Pending) -> bool) {
        let state = self.shared.state();
        let calls = self.pending.iter().filter(|(_, call)| call.method == CALL);
        let cut: Vec<u64> =
            calls.filter(|(_, call)| which(&state, call)).map(|(id, _)| *id).collect();
        drop(state);
        for id in cut {
            refuse(id);
            self.dropped.insert(id);
        }
    }

    pub(crate) fn next_own(&mut self) -> u64 {
        self.own += 1;
        OWN + self.own
    }

    async fn forward(&mut self, host: usize, id: u64, message: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let pending = Pending {
            method: text(&message["method"]),
            server: text(&message["params"]["server"]),
            host,
            request: message.clone(),
        };
        self.pending.insert(id, pending);
        self.send(host, message).await;
    }

    pub(crate) async fn send(&mut self, host: usize, message: &Value) {
        if let Some(host) = self.hosts.get_mut(&host) {
            host.send(message).await;
        }
    }

    pub(crate) async fn host_says(&mut self, host: usize, mut message: Value) {
        let id = message["id"].as_u64().filter(|_| message.get("method").is_none());
        let Some(id) = id else {
            let method = message["method"].as_str().unwrap_or_default();
            if method == "mcpServer/startupStatus/updated" {
                self.start_told(host, &message["params"]).await;
            }
            if host == LISTS || !method.starts_with("account/") {
                say(&message);
            }
            return;
        };
        if id >= OWN {
            return self.own_answer(id, message).await;
        }
        let Some(pending) = self.pending.remove(&id) else { return };
        let is_error = message.get("error").is_some();
        match &*pending.method {
            "thread/start" => {
                if let Some(thread) = message["result"]["thread"]["id"].as_str() {
                    self.threads.insert(thread.to_string(), host);
                } else {
                    self.hosts.remove(&host);
                }
            }
            "thread/unsubscribe" => {
                self.threads.retain(|_, it| *it != host);
                self.hosts.remove(&host);
            }
            "mcpServerStatus/list" => self.tools.spoil(&self.shared, &mut message["result"]),
            CALL => return self.call_answered(id, &pending, message, is_error).await,
            READ if !is_error && self.is("answers-reads-from-memory") => {
                self.reads.insert(read_of(&pending.request), message.clone());
            }
            _ => {}
        }
        say(&message);
    }

    async fn call_answered(&mut self, id: u64, call: &Pending, message: Value, is_error: bool) {
        if is_error {
            *self.failures.entry((call.host, call.server.clone())).or_default() += 1;
        }
        if self.is("signs-out-one-call-late") && self.shared.read("auth.json").is_none() {
            put(&self.hosts[&call.host].home.join("auth.json"), None);
        }
        if let Some(next) = self.queued.get_mut(&call.host).and_then(VecDeque::pop_front) {
            self.forward(call.host, next["id"].as_u64().unwrap(), &next).await;
        }
        if self.dropped.remove(&id) {
            return;
        }
        if !self.is("swaps-results") {
            return say(&message);
        }
        if let Some((other, mut first)) = self.swapped.remove(&call.server) {
            let mut second = message;
            first["id"] = json!(id);
            second["id"] = json!(other);
            say(&first);
            return say(&second);
        }
        let is_like = |it: &Pending| it.method == CALL && it.server == call.server;
        if self.pending.values().any(is_like) {
            self.swapped.insert(call.server.clone(), (id, message));
        } else {
            say(&message);
        }
    }

    /// Sends the calls without an answer again.
    pub(crate) async fn move_calls(&mut self) {
        let calls = self.pending.iter().filter(|(_, call)| call.method == CALL);
        let calls: Vec<(u64, usize, Value)> =
            calls.map(|(id, call)| (*id, call.host, call.request.clone())).collect();
        for (_, host, request) in calls {
            self.send(host, &request).await;
        }
    }

    /// Whether the end of input has no effect yet.
    pub(crate) fn stays(&self) -> bool {
        self.is("stays-while-a-call-is-held") && self.pending.values().any(|it| it.method == CALL)
    }

    pub(crate) async fn end(mut self, from_hosts: &mut UnboundedReceiver<(usize, Value)>) {
        self.shared.state().is_ending = true;
        let ended: Vec<_> = std::mem::take(&mut self.hosts).into_values().map(Host::end).collect();
        let all = async {
            for host in ended {
                let _ = host.await;
            }
        };
        let _ = timeout(Duration::from_secs(3), all).await;
        while let Ok((host, message)) = from_hosts.try_recv() {
            self.host_says(host, message).await;
        }
        put(&self.shared.home.join("lock"), None);
        if self.is("writes-the-config-back-at-the-end") {
            put(&self.shared.home.join("config.toml"), self.first_text.as_deref());
        }
    }
}

/// The thread, if any, and the server of a read.
fn read_of(message: &Value) -> (String, String) {
    let text = |name: &str| message["params"][name].as_str().unwrap_or_default().to_string();
    (text("threadId"), text("server"))
}

pub(crate) fn say(message: &Value) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{message}");
    let _ = stdout.flush();
}

pub(crate) fn answer(id: u64, result: Value) {
    say(&json!({"id": id, "result": result}));
}

fn refuse(id: u64) {
    say(&json!({"id": id, "error": {"code": -32603, "message": "no"}}));
}
