//! The stdio servers. The app-servers start a stand-in for each, and this program starts the server
//! itself, so that one can outlive its app-server's connection.

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as Blocking;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::shared::{LISTS, Shared};

/// How long a process that is left stays, in seconds. Longer than the checker waits.
const LEFT: &str = "6";

/// The stand-in: `stdio SOCKET APP_SERVER NAME COMMAND ARGUMENT…`.
pub(crate) fn stand_in(arguments: &[String]) {
    let Ok(mut stream) = Blocking::connect(&arguments[0]) else { return };
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let hello = json!({
        "host": arguments[1].parse::<usize>().unwrap(), "name": arguments[2],
        "command": arguments[3], "args": arguments[4..],
        "env": environment, "cwd": std::env::current_dir().unwrap(),
    });
    writeln!(stream, "{hello}").unwrap();
    let mut from_server = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = writeln!(stream, "{line}");
        }
        let _ = stream.shutdown(Shutdown::Write);
    });
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from_server.read(&mut bytes) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(&bytes[..count]).and_then(|()| stdout.flush());
    }
}

/// Listens for stand-ins.
pub(crate) fn listen(shared: &Shared) -> (PathBuf, Reloads) {
    let socket = shared.home.join("s");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    let (reloads, _) = broadcast::channel(64);
    let (deaths, _) = broadcast::channel(64);
    let (shared, sender) = (shared.clone(), reloads.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (shared, reloads, deaths) = (shared.clone(), sender.subscribe(), deaths.clone());
            tokio::spawn(async move {
                let (from, to) = stream.into_split();
                Server::run(shared, BufReader::new(from), to, reloads, deaths).await;
            });
        }
    });
    (socket, Reloads(reloads))
}

/// Tells the servers of an app-server that a reload comes.
pub(crate) struct Reloads(broadcast::Sender<usize>);

impl Reloads {
    pub(crate) fn tell(&self, host: usize) {
        let _ = self.0.send(host);
    }
}

struct Server {
    shared: Shared,
    host: usize,
    name: String,
    command: Value,
    process: Child,
    input: Option<ChildStdin>,
    /// Calls without an answer.
    pending: usize,
    /// Whether there was one when a reload came.
    held_at_a_reload: bool,
}

/// Who ended.
enum Ended {
    Stand,
    Process,
    /// Another server of the app-server died.
    Neighbour,
}

impl Server {
    async fn run(
        shared: Shared,
        mut from: BufReader<OwnedReadHalf>,
        to: OwnedWriteHalf,
        reloads: broadcast::Receiver<usize>,
        deaths: broadcast::Sender<(usize, String)>,
    ) {
        let mut hello = String::new();
        if from.read_line(&mut hello).await.is_err() {
            return;
        }
        let Ok(hello) = serde_json::from_str::<Value>(&hello) else { return };
        let host = usize::try_from(hello["host"].as_u64().unwrap()).unwrap();
        let name = hello["name"].as_str().unwrap().to_string();
        if shared.state().dead.contains(&(host, name.clone())) {
            return;
        }
        let Some(mut process) = start(&shared, &hello) else { return };
        let input = process.stdin.take();
        let mut server = Server {
            shared,
            host,
            name,
            command: hello.clone(),
            process,
            input,
            pending: 0,
            held_at_a_reload: false,
        };
        let others = deaths.subscribe();
        match server.relay(from, to, reloads, others).await {
            Ended::Stand => server.left().await,
            Ended::Neighbour => server.stop().await,
            Ended::Process => {
                let _ = deaths.send((server.host, server.name.clone()));
                server.died();
            }
        }
    }

    async fn relay(
        &mut self,
        from: BufReader<OwnedReadHalf>,
        mut to: OwnedWriteHalf,
        mut reloads: broadcast::Receiver<usize>,
        mut deaths: broadcast::Receiver<(usize, String)>,
    ) -> Ended {
        let takes_along = self.shared.is("a-dead-process-takes-others-along");
        let mut from_host = from.lines();
        let mut from_server = BufReader::new(self.process.stdout.take().unwrap()).lines();
        loop {
            tokio::select! {
                biased;
                Ok((host, name)) = deaths.recv() => {
                    let is_other = host == self.host && name != self.name;
                    if is_other && takes_along {
                        return Ended::Neighbour;
                    }
                }
                line = from_host.next_line() => {
                    let Ok(Some(line)) = line else { return Ended::Stand };
                    self.pass_on(&line).await;
                }
                line = from_server.next_line() => {
                    let Ok(Some(line)) = line else { return Ended::Process };
                    if takes_along {
                        // Else the death of a neighbour may come after the last answer.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    if self.is_passed_on(&line) {
                        let _ = to.write_all(format!("{line}\n").as_bytes()).await;
                    }
                }
                Ok(host) = reloads.recv() => {
                    self.held_at_a_reload |= host == self.host && self.pending > 0;
                }
            }
        }
    }

    async fn pass_on(&mut self, line: &str) {
        let mut message: Value = serde_json::from_str(line).unwrap_or_default();
        let Some(input) = self.input.as_mut() else { return };
        let _ = input.write_all(format!("{line}\n").as_bytes()).await;
        if message["method"] != "tools/call" {
            return;
        }
        self.pending += 1;
        if self.shared.is("sends-each-stdio-call-twice") {
            message["id"] = json!(format!("again {}", message["id"]));
            let _ = input.write_all(format!("{message}\n").as_bytes()).await;
        }
    }

    fn is_passed_on(&mut self, line: &str) -> bool {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        if message["id"].as_str().is_some_and(|id| id.starts_with("again ")) {
            return false;
        }
        if message["id"].is_number() && message.get("method").is_none() {
            self.pending = self.pending.saturating_sub(1);
        }
        true
    }

    /// The server ended by itself.
    fn died(&self) {
        let faults = ["keeps-a-dead-process-over-a-reload", "leaves-a-dead-process-until-a-reload"];
        if self.host != LISTS && faults.iter().any(|fault| self.shared.is(fault)) {
            self.shared.state().dead.insert((self.host, self.name.clone()));
        }
    }

    /// The app-server has left the server.
    async fn left(mut self) {
        let (is_ending, now) = {
            let state = self.shared.state();
            (state.is_ending, state.server(self.host, &self.name).map(toml::Table::to_string))
        };
        if is_ending {
            let second = "leaves-processes-of-the-second-thread-at-the-end";
            if self.shared.is("leaves-processes-at-the-end")
                || self.shared.is(second) && self.host > 1
            {
                return self.keep_after_the_end();
            }
            return self.stop().await;
        }
        let is_thread = self.host != LISTS;
        let command = self.command["command"].to_string();
        let arguments: Vec<String> =
            self.command["args"].as_array().unwrap().iter().map(ToString::to_string).collect();
        let is_same = |now: &String| {
            now.contains(&command) && arguments.iter().all(|word| now.contains(word.as_str()))
        };
        let is_removed = is_thread && now.is_none();
        let is_replaced = is_thread && now.as_ref().is_some_and(|now| !is_same(now));
        let is_kept = match &*self.shared.fault {
            "leaves-removed-processes" => is_removed,
            "leaves-replaced-processes" => is_replaced,
            "leaves-processes-of-the-list" => !is_thread,
            "leaves-a-removed-process-with-a-held-call" => is_removed && self.held_at_a_reload,
            "starts-a-removed-process-again" if is_removed => {
                let hello = self.command.clone();
                self.stop_process().await;
                let Some(again) = start(&self.shared, &hello) else { return };
                self.process = again;
                self.input = self.process.stdin.take();
                true
            }
            _ => false,
        };
        if !is_kept {
            return self.stop().await;
        }
        while !self.shared.state().is_ending {
            if timeout(Duration::from_millis(20), self.process.wait()).await.is_ok() {
                return;
            }
        }
        self.stop().await;
    }

    async fn stop(mut self) {
        self.stop_process().await;
    }

    async fn stop_process(&mut self) {
        self.input = None;
        if timeout(Duration::from_millis(300), self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }

    /// A process that holds the server's input open outlives this program.
    fn keep_after_the_end(mut self) {
        let Some(input) = self.input.take() else { return };
        let mut holder = Command::new("sleep");
        holder.arg(LEFT).stdin(Stdio::null()).stderr(Stdio::null());
        let _ = holder.stdout(Stdio::from(input.into_owned_fd().unwrap())).spawn();
    }
}

fn start(shared: &Shared, hello: &Value) -> Option<Child> {
    let environment: BTreeMap<String, String> =
        serde_json::from_value(hello["env"].clone()).unwrap();
    let arguments: Vec<String> = serde_json::from_value(hello["args"].clone()).unwrap();
    let is_left = shared.fault.ends_with("at-the-end");
    Command::new(hello["command"].as_str()?)
        .args(arguments)
        .env_clear()
        .envs(environment)
        .current_dir(hello["cwd"].as_str()?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(!is_left)
        .spawn()
        .ok()
}
