//! This project's own host as an app-server that goes wrong over time. The tests in this folder start
//! it: `over-time-host FAULT app-server [--profile P]`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a process for tests; that it misbehaves is its purpose"
)]

mod leaks;
mod refresh_faults;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use mcp_overlay_host::app_server::{AppServerOptions, DEFAULT_PLACES, Mode, serve};
use mcp_overlay_host::{Environment, McpExtensionRegistryBuilder, Override, hosted_apps};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use refresh_faults::{NOT_STORED, Proxy};

const BUFFER: usize = 1 << 16;

/// A host that writes the logins as it knows them, without a look at those that another host wrote.
const OVERWRITES: &str = "overwrites-the-logins-of-another-host";

/// A host that stores a login that it has refreshed, and no others.
const DROPS: &str = "drops-the-other-logins-at-a-refresh";

/// Hosts that lose logins if they are killed while they write them, or if there are two.
const CARELESS: [&str; 4] =
    ["writes-logins-in-place", "removes-logins-before-it-writes-them", OVERWRITES, DROPS];

/// The ids of the requests that this program makes up.
const OWN: u64 = 1 << 40;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let fault = arguments[0].clone();
    let profile = arguments.iter().position(|word| word == "--profile");
    let profile = profile.map(|at| arguments[at + 1].clone());
    let home = PathBuf::from(std::env::var_os("CODEX_HOME").unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // A home in which nobody else ever signs in or out.
    let apart = match fault == OVERWRITES {
        true => home.join(format!("apart-{}", std::process::id())),
        false => home.join("apart"),
    };
    if fault == "keeps-the-first-sign-in" {
        // A host that starts again finds them there.
        let _ = std::fs::create_dir(&apart);
        let _ = std::os::unix::fs::symlink(home.join("config.toml"), apart.join("config.toml"));
        let _ = std::fs::copy(home.join("auth.json"), apart.join("auth.json"));
    }
    if fault == NOT_STORED || CARELESS.contains(&fault.as_str()) {
        let _ = std::fs::create_dir(&apart);
        for file in ["config.toml", "auth.json"] {
            let _ = std::os::unix::fs::symlink(home.join(file), apart.join(file));
        }
        let _ = std::fs::copy(home.join(".credentials.json"), apart.join(".credentials.json"));
    }
    let state = Arc::new(Mutex::new(State::default()));
    let is_apart = ["keeps-the-first-sign-in", NOT_STORED].contains(&fault.as_str())
        || CARELESS.contains(&fault.as_str());
    let home = if is_apart { &apart } else { &home };
    let counting = Arc::clone(&state);
    let proxy = Proxy::of(&fault, move || counting.lock().unwrap().calls());
    let overrides = match fault.as_str() {
        "ignores-the-command-line" => Vec::new(),
        _ => overrides(&arguments),
    };
    if fault == "leaves-a-process" {
        let sleep = std::process::Command::new("sleep").arg("30").stdin(Stdio::null()).spawn();
        drop(sleep.unwrap());
    }
    let mut host = Host::start(&runtime, home, (profile.as_deref(), overrides), &fault, &state);
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let request: Value = serde_json::from_str(&line).unwrap();
        proxy.iter().for_each(|proxy| proxy.enter(home));
        leaks::leak(&fault, home, request["method"].as_str().unwrap_or_default());
        let forwarded = state.lock().unwrap().request(&fault, &request);
        forwarded.iter().for_each(|message| host.send(&runtime, message));
    }
    if fault == "panics-at-the-end" {
        panic!("no more input");
    }
}

/// The settings after `-c`.
fn overrides(arguments: &[String]) -> Vec<Override> {
    let settings = arguments.iter().zip(arguments.iter().skip(1)).filter(|(flag, _)| *flag == "-c");
    settings.map(|(_, setting)| setting.parse().unwrap()).collect()
}

/// One app-server, in this process.
struct Host {
    input: DuplexStream,
}

impl Host {
    fn start(
        runtime: &Runtime,
        home: &Path,
        (profile, overrides): (Option<&str>, Vec<Override>),
        fault: &str,
        state: &Arc<Mutex<State>>,
    ) -> Self {
        let mut extensions = McpExtensionRegistryBuilder::new();
        hosted_apps::install(&mut extensions);
        let profile = profile.map(|profile| profile.parse().unwrap()).unwrap_or_default();
        let options = AppServerOptions {
            mode: Mode::Local { codex_home: home.into() },
            overrides,
            environment: Environment::from_process().with_profile(profile),
            extensions: extensions.build(),
            cwd: home.into(),
            places: DEFAULT_PLACES,
        };
        let (to_server, input) = duplex(BUFFER);
        let (output, from_server) = duplex(BUFFER);
        let (fault, state) = (fault.to_string(), Arc::clone(state));
        let home = home.to_path_buf();
        runtime.spawn(async move {
            let mut lines = BufReader::new(from_server).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut message = serde_json::from_str(&line).unwrap();
                leaks::leak_in_error(&fault, &home, &mut message);
                store_carelessly(&fault, &home);
                let answer = state.lock().unwrap().answer(&fault, message);
                answer.iter().for_each(say);
            }
        });
        runtime.spawn(async move {
            let _ = serve(options, BufReader::new(input), output, CancellationToken::new()).await;
        });
        Host { input: to_server }
    }

    fn send(&mut self, runtime: &Runtime, message: &Value) {
        runtime.block_on(self.input.write_all(format!("{message}\n").as_bytes())).unwrap();
    }
}

/// Brings the logins of the home apart to the real one, if the fault is about that.
fn store_carelessly(fault: &str, apart: &Path) {
    let logins = ".credentials.json";
    let (from, to) = (apart.join(logins), apart.parent().unwrap().join(logins));
    let mut new = std::fs::read(from).unwrap_or_default();
    if !CARELESS.contains(&fault) || new == std::fs::read(&to).unwrap_or_default() {
        return;
    }
    if fault == "writes-logins-in-place" {
        std::fs::write(to, new).unwrap();
        return;
    }
    if fault == DROPS {
        let entries = |text: &[u8]| serde_json::from_slice::<Map<String, Value>>(text);
        let old = entries(&std::fs::read(&to).unwrap_or_default()).unwrap_or_default();
        let refreshed = entries(&new).unwrap_or_default().into_iter();
        let refreshed = refreshed.filter(|(key, login)| old.get(key) != Some(login));
        new = Value::Object(refreshed.collect()).to_string().into_bytes();
        std::fs::write(apart.join(logins), &new).unwrap();
    }
    let beside = apart.join("new");
    std::fs::write(&beside, new).unwrap();
    if fault == "removes-logins-before-it-writes-them" {
        let _ = std::fs::remove_file(&to);
    }
    std::fs::rename(beside, to).unwrap();
}

fn say(message: &Value) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{message}");
    let _ = stdout.flush();
}

fn answer_with(request: &Value, result: Value) {
    say(&json!({"id": request["id"], "result": result}));
}

fn refuse(request: &Value) {
    say(&json!({"id": request["id"], "error": {"code": -32603, "message": "no"}}));
}

/// What the faults remember.
#[derive(Default)]
struct State {
    /// The methods of the requests without an answer, and the servers of calls.
    pending: BTreeMap<u64, (String, String)>,
    /// Requests whose answers are not passed on.
    dropped: BTreeSet<u64>,
    listed: Option<Value>,
    /// The first `authStatus` of each server.
    statuses: BTreeMap<String, Value>,
    /// The answers to reads, by thread, server and URI, and what the pending ones read.
    read: BTreeMap<String, Value>,
    reads: BTreeMap<u64, String>,
    failed: BTreeSet<String>,
    was_reloaded: bool,
    was_signed_out: bool,
    own: u64,
}

impl State {
    /// How many tool calls have no answer.
    fn calls(&self) -> usize {
        self.pending.values().filter(|(method, _)| method == "mcpServer/tool/call").count()
    }

    /// What the host gets in place of a request.
    fn request(&mut self, fault: &str, request: &Value) -> Vec<Value> {
        let method = request["method"].as_str().unwrap_or_default().to_string();
        let server = request["params"]["server"].as_str().unwrap_or_default().to_string();
        let is_call = method == "mcpServer/tool/call";
        let is_reload = method == "config/mcpServer/reload";
        let pending_calls =
            || self.pending.iter().filter(|(_, (method, _))| method == "mcpServer/tool/call");
        match fault {
            "ignores-logout" if method == "account/logout" => {
                answer_with(request, json!({}));
                return Vec::new();
            }
            "ignores-reload" if is_reload => {
                answer_with(request, json!({}));
                return Vec::new();
            }
            "cuts-calls-at-reload" if is_reload => {
                let cut: Vec<u64> = pending_calls().map(|(id, _)| *id).collect();
                cut.iter().for_each(|id| refuse(&json!({"id": id})));
                self.dropped.extend(cut);
            }
            "follows-the-disk" if is_call => {
                self.own += 1;
                let id = OWN + self.own;
                self.dropped.insert(id);
                let reload = json!({"id": id, "method": "config/mcpServer/reload", "params": null});
                return vec![reload, request.clone()];
            }
            "remembers-reads" if method == "mcpServer/resource/read" => {
                let what = request["params"].to_string();
                if let Some(result) = self.read.get(&what) {
                    answer_with(request, result.clone());
                    return Vec::new();
                }
                self.reads.insert(request["id"].as_u64().unwrap(), what);
            }
            "one-call-blocks-all" if is_call && pending_calls().next().is_some() => {
                refuse(request);
                return Vec::new();
            }
            "stays-broken-after-a-failure" if is_call && self.failed.contains(&server) => {
                refuse(request);
                return Vec::new();
            }
            "loses-servers-at-reload" if is_call && self.was_reloaded && server != "codex_apps" => {
                refuse(request);
                return Vec::new();
            }
            "never-restores-the-apps-server"
                if is_call && self.was_signed_out && server == "codex_apps" =>
            {
                refuse(request);
                return Vec::new();
            }
            _ => {}
        }
        self.was_reloaded |= is_reload;
        self.was_signed_out |= method == "account/logout";
        if let Some(id) = request["id"].as_u64() {
            self.pending.insert(id, (method, server));
        }
        vec![request.clone()]
    }

    /// What the client gets in place of a message.
    fn answer(&mut self, fault: &str, mut message: Value) -> Option<Value> {
        let id = message["id"].as_u64().filter(|_| message.get("method").is_none());
        let Some(id) = id else { return Some(message) };
        if id >= OWN || self.dropped.remove(&id) {
            return None;
        }
        let (method, server) = self.pending.remove(&id).unwrap_or_default();
        let is_error = message.get("error").is_some();
        match fault {
            "reloads-anything" if method == "config/mcpServer/reload" && is_error => {
                message = json!({"id": id, "result": {}});
            }
            "starts-threads-anyway" if method == "thread/start" && is_error => {
                let thread = json!({"id": "00000000-0000-7000-8000-000000000000"});
                message = json!({"id": id, "result": {"thread": thread}});
            }
            "lists-from-memory" if method == "mcpServerStatus/list" && !is_error => {
                let listed = self.listed.get_or_insert_with(|| message["result"].clone());
                message["result"] = listed.clone();
            }
            "answers-twice" if method == "mcpServer/tool/call" => say(&message),
            "remembers-reads" if !is_error => {
                if let Some(what) = self.reads.remove(&id) {
                    self.read.insert(what, message["result"].clone());
                }
            }
            "remembers-the-status-of-logins" if method == "mcpServerStatus/list" && !is_error => {
                for server in message["result"]["data"].as_array_mut().into_iter().flatten() {
                    let name = server["name"].as_str().unwrap_or_default().to_string();
                    let status = server["authStatus"].take();
                    server["authStatus"] = self.statuses.entry(name).or_insert(status).clone();
                }
            }
            "says-that-an-ended-login-is-one" if method == "mcpServerStatus/list" && !is_error => {
                for server in message["result"]["data"].as_array_mut().into_iter().flatten() {
                    if server["authStatus"] == "notLoggedIn" {
                        server["authStatus"] = "oAuth".into();
                    }
                }
            }
            "stays-broken-after-a-failure" if method == "mcpServer/tool/call" && is_error => {
                self.failed.insert(server);
            }
            _ => {}
        }
        Some(message)
    }
}
