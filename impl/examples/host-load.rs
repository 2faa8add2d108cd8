//! The app-server under load: measures startup times, checks that all of many requests get a
//! response, and looks for leaks.
//!
//! Linux only: memory, sockets and processes are read from /proc.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const USAGE: &str = "\
usage: host-load HOST TEST_SERVER

  HOST         the program mcp-overlay-host
  TEST_SERVER  the program mcp-test-server, an example of this package";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Half of them HTTP, half stdio.
const SERVERS: usize = 64;
const THREADS: usize = 20;
/// The delay of every server at `initialize`.
const DELAY: u128 = 200;
const REQUESTS: usize = 10_000;
const RELOADS: usize = 1_000;
/// The tolerance for idle sockets, whose number varies; a leak with every hundredth reload exceeds
/// it.
const SPARE_FILES: usize = 4;
/// Reloads before memory is measured: the first ones fill caches and arenas.
const WARM_UP: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [host, test_server] = &*arguments else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(host, test_server) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            findings.iter().for_each(|finding| println!("FAILED  {finding}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("host-load: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(host: &Path, test_server: &Path) -> Outcome<Vec<String>> {
    let home = tempfile::tempdir()?;
    let http = HttpServers::start(test_server)?;
    let all: Vec<String> = (0..SERVERS)
        .map(|i| match i % 2 {
            0 => http.settings(i / 2),
            _ => stdio(&format!("s{i}"), test_server, &["--delay-ms", "200"]),
        })
        .collect();
    let mut findings = Vec::new();
    let mut check = |holds: bool, text: String| {
        println!("{}  {text}", if holds { "ok    " } else { "FAILED" });
        if !holds {
            findings.push(text);
        }
    };
    let mut client = Client::start(host, home.path())?;
    startup(&mut client, &home.path().join("config.toml"), &all, &mut check)?;
    many_threads(&mut client, &mut check)?;
    many_requests(&mut client, &mut check)?;
    client.end(&mut check)?;
    reloads(host, test_server, &mut check)?;
    Ok(findings)
}

/// One server, all servers one after another, and all concurrently.
fn startup(
    client: &mut Client,
    config: &Path,
    all: &[String],
    check: &mut dyn FnMut(bool, String),
) -> Outcome<()> {
    let mut alone = Vec::new();
    for settings in all {
        fs::write(config, settings)?;
        let began = Instant::now();
        let thread = client.thread()?;
        client.ready(1)?;
        alone.push(began.elapsed().as_millis());
        client.unsubscribe(&thread)?;
    }
    fs::write(config, all.concat())?;
    let began = Instant::now();
    let thread = client.thread()?;
    client.ready(all.len())?;
    let together = began.elapsed().as_millis();
    client.unsubscribe(&thread)?;
    let serial: u128 = alone.iter().sum();
    alone.sort_unstable();
    let one = alone.get(alone.len() / 2).copied().unwrap_or_default();
    println!("one server of {DELAY} ms, median of {SERVERS}: {one} ms");
    println!("{SERVERS} servers one after another: {serial} ms");
    check(
        together <= 3 * one,
        format!(
            "{SERVERS} servers at once: {together} ms, {:.2} times one server (at most 3)",
            ratio(together, one)
        ),
    );
    Ok(())
}

/// All servers, for each of many threads that start concurrently.
fn many_threads(client: &mut Client, check: &mut dyn FnMut(bool, String)) -> Outcome<()> {
    let began = Instant::now();
    for _ in 0..THREADS {
        client.send("thread/start", &json!({}))?;
    }
    client.ready(THREADS * SERVERS)?;
    let elapsed = began.elapsed().as_millis();
    let processes = servers(client.pid()).len();
    check(
        processes == THREADS * SERVERS / 2,
        format!(
            "{THREADS} threads of {SERVERS} servers at once: all ready after {elapsed} ms, \
             {processes} processes"
        ),
    );
    Ok(())
}

/// Many requests before the first response is read.
fn many_requests(client: &mut Client, check: &mut dyn FnMut(bool, String)) -> Outcome<()> {
    let began = Instant::now();
    let mut requests = String::new();
    for id in 0..REQUESTS {
        let request =
            json!({ "id": 1_000_000 + id, "method": "mcpServerStatus/list", "params": {} });
        writeln!(requests, "{request}")?;
    }
    let mut input = client.input.take().ok_or("no input")?;
    let writer = thread::spawn(move || input.write_all(requests.as_bytes()).map(|()| input));
    let (mut answered, mut whole) = (0, 0);
    while answered < REQUESTS {
        let message = client.message()?;
        if message.get("id").is_some() {
            answered += 1;
            let data = message.pointer("/result/data").and_then(Value::as_array);
            whole += usize::from(data.is_some_and(|data| data.len() == SERVERS));
        }
    }
    client.input = Some(writer.join().map_err(|_| "the writer failed")??);
    check(
        whole == REQUESTS,
        format!(
            "{REQUESTS} status requests in flight: {whole} answered with all {SERVERS} servers \
             after {} ms",
            began.elapsed().as_millis()
        ),
    );
    Ok(())
}

/// Many reloads, each of which replaces a live connection of each kind.
fn reloads(host: &Path, test_server: &Path, check: &mut dyn FnMut(bool, String)) -> Outcome<()> {
    let home = tempfile::tempdir()?;
    let config = home.path().join("config.toml");
    let http = HttpServers::start(test_server)?;
    let settings = |round: usize| {
        // An irrelevant timeout, whose change makes this another server.
        let changed = format!("tool_timeout_sec = {}\n", 100 + round % 2);
        let kept = stdio("kept", test_server, &[]) + &http.settings_undelayed(0, "kept_http");
        let stdio = stdio("stdio", test_server, &[]) + &changed;
        kept + &stdio + &http.settings_undelayed(1, "http") + &changed
    };
    fs::write(&config, settings(0))?;
    let mut client = Client::start(host, home.path())?;
    let thread = client.thread()?;
    client.ready(4)?;
    let mut before = None;
    let began = Instant::now();
    for round in 1..=WARM_UP + RELOADS {
        fs::write(&config, settings(round))?;
        client.request("config/mcpServer/reload", &Value::Null)?;
        for server in ["stdio", "http"] {
            let call = json!({ "threadId": thread, "server": server, "tool": "echo" });
            client.request("mcpServer/tool/call", &call)?;
        }
        if round == WARM_UP {
            before = Some(client.settled(2)?);
        }
    }
    let elapsed = began.elapsed().as_millis();
    let (before, after) = (before.ok_or("no measurement")?, client.settled(2)?);
    println!("{} reloads: {elapsed} ms", WARM_UP + RELOADS);
    let growth = 100.0 * (ratio(after.memory, before.memory) - 1.0);
    check(
        growth <= 5.0,
        format!(
            "memory after {RELOADS} more reloads with live connections: {} KiB, before them {} KiB \
             ({growth:+.1} %, at most 5)",
            after.memory, before.memory
        ),
    );
    check(
        after.files <= before.files + SPARE_FILES && after.processes == before.processes,
        format!(
            "open files {} and processes {} after them, before them {} and {} (at most \
             {SPARE_FILES} files more)",
            after.files, after.processes, before.files, before.processes
        ),
    );
    client.end(check)
}

fn ratio(a: u128, b: u128) -> f64 {
    // Milliseconds and kibibytes: exact as doubles.
    (a as f64) / (b.max(1) as f64)
}

fn stdio(name: &str, test_server: &Path, arguments: &[&str]) -> String {
    let arguments: Vec<_> = std::iter::once(&"stdio").chain(arguments).collect();
    format!("[mcp_servers.{name}]\ncommand = {test_server:?}\nargs = {arguments:?}\n")
}

/// Test servers over HTTP with and without a delay, each in its own process.
struct HttpServers {
    _processes: [Child; 2],
    delayed: Vec<String>,
    undelayed: Vec<String>,
}

impl HttpServers {
    fn start(test_server: &Path) -> Outcome<Self> {
        let start = |arguments: &[&str], count: usize| -> Outcome<(Child, Vec<String>)> {
            let mut command = Command::new(test_server);
            command.arg("http").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut process = command.spawn()?;
            let output = BufReader::new(process.stdout.take().ok_or("no output")?);
            let lines = output.lines().take(count).collect::<Result<Vec<_>, _>>()?;
            let url = |line: &String| line.trim_start_matches("listening on ").to_owned();
            Ok((process, lines.iter().map(url).collect()))
        };
        let half = SERVERS / 2;
        let (first, delayed) = start(&["--count", &half.to_string(), "--delay-ms", "200"], half)?;
        let (second, undelayed) = start(&["--count", "2"], 2)?;
        Ok(Self { _processes: [first, second], delayed, undelayed })
    }

    fn settings(&self, i: usize) -> String {
        let url = self.delayed.get(i).map_or("", String::as_str);
        format!("[mcp_servers.h{i}]\nurl = {url:?}\n")
    }

    fn settings_undelayed(&self, i: usize, name: &str) -> String {
        let url = self.undelayed.get(i).map_or("", String::as_str);
        format!("[mcp_servers.{name}]\nurl = {url:?}\n")
    }
}

/// The resources of an app-server at one moment.
struct Usage {
    /// KiB.
    memory: u128,
    files: usize,
    processes: usize,
}

struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    last_id: u64,
}

impl Client {
    fn start(host: &Path, home: &Path) -> Outcome<Self> {
        let mut command = Command::new(host);
        command.arg("app-server").env("CODEX_HOME", home);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut client = Self { process, input, output, last_id: 0 };
        let params = json!({ "clientInfo": { "name": "load", "version": "1" } });
        client.request("initialize", &params)?;
        Ok(client)
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    fn send(&mut self, method: &str, params: &Value) -> Outcome<u64> {
        self.last_id += 1;
        let request = json!({ "id": self.last_id, "method": method, "params": params });
        writeln!(self.input.as_mut().ok_or("no input")?, "{request}")?;
        Ok(self.last_id)
    }

    fn message(&mut self) -> Outcome<Value> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the app-server ended".into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    fn request(&mut self, method: &str, params: &Value) -> Outcome<Value> {
        let id = self.send(method, params)?;
        loop {
            let mut message = self.message()?;
            if message.get("id") == Some(&json!(id)) {
                return match message.get_mut("result") {
                    Some(result) => Ok(result.take()),
                    None => Err(format!("{method}: {message}").into()),
                };
            }
        }
    }

    fn thread(&mut self) -> Outcome<String> {
        let result = self.request("thread/start", &json!({}))?;
        let id = result.pointer("/thread/id").and_then(Value::as_str);
        Ok(id.ok_or("no thread id")?.to_owned())
    }

    /// Waits until this many servers are ready.
    fn ready(&mut self, count: usize) -> Outcome<()> {
        let mut ready = 0;
        while ready < count {
            let message = self.message()?;
            match message.pointer("/params/status").and_then(Value::as_str) {
                Some("ready") => ready += 1,
                Some("failed" | "cancelled") => return Err(message.to_string().into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends a thread and waits until its processes are gone, so that they do not slow the next
    /// start.
    fn unsubscribe(&mut self, thread: &str) -> Outcome<()> {
        self.request("thread/unsubscribe", &json!({ "threadId": thread }))?;
        wait_until(|| servers(self.pid()).is_empty())
    }

    /// The resources of the app-server once superseded connections are closed.
    fn settled(&self, processes: usize) -> Outcome<Usage> {
        wait_until(|| servers(self.pid()).len() == processes)?;
        thread::sleep(Duration::from_millis(500));
        let proc = PathBuf::from(format!("/proc/{}", self.pid()));
        let status = fs::read_to_string(proc.join("status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let memory = line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
        let files = fs::read_dir(proc.join("fd"))?.count();
        Ok(Usage { memory, files, processes: servers(self.pid()).len() })
    }

    /// Ends the input, and waits for the exit of the app-server and its processes.
    fn end(mut self, check: &mut dyn FnMut(bool, String)) -> Outcome<()> {
        let processes = children(self.pid());
        let began = Instant::now();
        self.input = None;
        // Reads its remaining output so that it does not block.
        while self.output.read_line(&mut String::new())? > 0 {}
        let status = self.process.wait()?;
        let elapsed = began.elapsed();
        thread::sleep(Duration::from_millis(100));
        let left = processes.iter().filter(|pid| is_running(**pid)).count();
        check(
            status.success() && elapsed < Duration::from_secs(2) && left == 0,
            format!(
                "the end of input: {status} after {} ms (less than 2000), {left} of {} processes \
                 left",
                elapsed.as_millis(),
                processes.len()
            ),
        );
        Ok(())
    }
}

fn wait_until(holds: impl Fn() -> bool) -> Outcome<()> {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > Duration::from_secs(30) {
            return Err("processes that should end do not".into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The stdio servers of an app-server: its children without its guard, which runs its own program.
fn servers(of: u32) -> Vec<u32> {
    let program = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let own = program(of);
    let mut children = children(of);
    children.retain(|pid| program(*pid) != own);
    children
}

/// The children of a process, zombies included.
fn children(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, parent)| parent == of)).collect()
}

/// Whether a process runs.
fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z")
}

/// The state and the parent of a process.
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in brackets, and may hold anything.
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
