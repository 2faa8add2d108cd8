//! The time of a resolution, compared with the seed's method in the same run.
//!
//! The seed deep-copies the configured map for each view on every call. The ratios are printed at
//! the end; `docs/performance.md` states the targets.

#![allow(clippy::unwrap_used, reason = "the input is fixed and valid")]

mod fixture;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_executor::block_on;
use mcp_overlay_host::{
    Auth, Environment, HostConfig, McpManager, McpServerContribution, Plugin, Profile,
    ServerConfig, ServerMap, View, hosted_apps,
};
use serde_json::Value;

use self::fixture::Fixture;

/// Sizes of the configured map; there are a fifth as many contributions.
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// A resolution that visits every server of every view.
fn resolve_and_walk(fixture: &Fixture, manager: &McpManager) -> usize {
    let config = fixture.resolved(manager);
    black_box(config.plugin_owners());
    let effective = config.effective(Some(Auth::ChatGpt));
    let views = [config.configured(), config.runtime(), &effective];
    views.into_iter().map(walk).sum()
}

/// How many servers of a view are enabled.
fn walk(view: &View) -> usize {
    view.iter().filter(|(_, server)| server.enabled).count()
}

/// A resolution that looks up one server of a plugin, one that was set and the Apps server.
fn resolve(fixture: &Fixture, manager: &McpManager) -> usize {
    looked_up(fixture, &fixture.resolve(manager))
}

fn looked_up(fixture: &Fixture, view: &View) -> usize {
    let names = [&*fixture.last, "server-5", hosted_apps::CODEX_APPS];
    names.iter().filter(|name| view.contains(name)).count()
}

/// The seed's map of servers.
#[expect(clippy::disallowed_types, reason = "the seed's own type; nothing iterates over it")]
type SeedMap = std::collections::HashMap<String, ServerConfig>;

/// The seed's method, on the same host.
struct DeepCopies<'a> {
    fixture: &'a Fixture,
    /// The host's own servers, as in the seed's config.
    owned: SeedMap,
}

impl<'a> DeepCopies<'a> {
    fn new(fixture: &'a Fixture) -> Self {
        let owned = fixture.host.mcp_servers().iter();
        let owned = owned.map(|(name, server)| (name.to_string(), (**server).clone())).collect();
        DeepCopies { fixture, owned }
    }

    /// All three views.
    fn resolve(&self) -> usize {
        let configured = self.configured();
        let runtime = self.runtime();
        let mut effective = self.runtime();
        if !Auth::ChatGpt.uses_codex_backend() {
            effective.remove(hosted_apps::CODEX_APPS);
        }
        black_box((configured, runtime, effective)).2.len()
    }

    /// Each view starts from a copy of every server.
    fn configured(&self) -> SeedMap {
        let mut servers = self.owned.clone();
        for plugin in self.fixture.plugins.iter() {
            for (name, server) in plugin.servers.iter() {
                servers.entry(name.to_string()).or_insert_with(|| ServerConfig::clone(server));
            }
        }
        servers
    }

    fn runtime(&self) -> SeedMap {
        let mut servers = self.configured();
        let name = hosted_apps::CODEX_APPS.to_string();
        servers.insert(name, hosted_apps::apps_server(&self.fixture.host));
        for contribution in &self.fixture.contributions {
            match contribution {
                McpServerContribution::Set { name, server } => {
                    servers.insert(name.to_string(), ServerConfig::clone(server));
                }
                McpServerContribution::Remove { name } => {
                    servers.remove(&**name);
                }
                // The seed has none.
                McpServerContribution::SelectedPlugin { .. } => {}
            }
        }
        servers
    }
}

fn criterion(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolve");
    for size in SIZES {
        let fixture = Fixture::new(size);
        let manager = fixture.manager();
        let copies = DeepCopies::new(&fixture);
        group.bench_function(BenchmarkId::new("shared", size), |b| {
            b.iter(|| resolve(&fixture, &manager));
        });
        group.bench_function(BenchmarkId::new("deep copies", size), |b| {
            b.iter(|| copies.resolve());
        });
        group.bench_function(BenchmarkId::new("read again", size), |b| {
            b.iter(|| fixture.read_again(&manager));
        });
    }
    group.finish();
    println!("\nthree quarters of the servers are the host's own, a quarter is a plugin's");
    ratios(Fixture::new);
    println!("\nall servers are from 20 plugins");
    ratios(Fixture::of_plugins);
    one_changed();
    reading();
}

/// Rounds of a measurement, fewer for a large host.
fn rounds(size: usize) -> usize {
    (200_000 / size).clamp(40, 1_000)
}

/// Measures both methods in turn, so that a noisy machine slows both; the fastest round counts.
fn ratios(host: fn(usize) -> Fixture) {
    println!(
        "servers  contributions     shared  deep copies  ratio   walked  ratio  read again  looked up"
    );
    for size in SIZES {
        let fixture = host(size);
        let manager = fixture.manager();
        let copies = DeepCopies::new(&fixture);
        let [mut shared, mut walked, mut deep, mut again, mut found] = [Duration::MAX; 5];
        for _ in 0..rounds(size) {
            shared = shared.min(warm(|| resolve(&fixture, &manager)));
            walked = walked.min(warm(|| resolve_and_walk(&fixture, &manager)));
            deep = deep.min(warm(|| copies.resolve()));
        }
        let view = fixture.read_again(&manager);
        for _ in 0..rounds(size) {
            again = again.min(mean(|| fixture.read_again(&manager)));
            found = found.min(mean(|| view.contains(black_box("server-5"))));
        }
        let ratio = |ours: Duration| deep.as_secs_f64() / ours.as_secs_f64();
        let contributions = fixture.contributions.len();
        println!(
            "{size:>7}  {contributions:>13}  {shared:>9.1?}  {deep:>11.1?}  {:>4.0}x  {walked:>7.1?}  \
             {:>4.0}x  {again:>10.1?}  {found:>9.1?}",
            ratio(shared),
            ratio(walked),
        );
    }
}

/// One of 20 contributors changes, and the host is read again, in turns with a resolution of all.
fn one_changed() {
    println!("\none of 20 contributors changed");
    println!("servers  of each  all again  one changed  ratio  and walked");
    for size in SIZES {
        let fixture = Fixture::new(size);
        let changing = fixture.changing();
        let manager = &changing.manager;
        let read = || looked_up(&fixture, &fixture.read_again(manager));
        let [mut full, mut one, mut walked] = [Duration::MAX; 3];
        for round in 0..rounds(size) {
            full = full.min(warm(|| resolve(&fixture, manager)));
            read();
            for index in 0..5 {
                changing.change(round + index);
                one = one.min(time(read));
            }
            changing.change(round);
            walked = walked.min(time(|| walk(&fixture.read_again(manager))));
        }
        let each = fixture.contributions.len().div_ceil(20);
        let ratio = full.as_secs_f64() / one.as_secs_f64();
        println!(
            "{size:>7}  {each:>7}  {full:>9.1?}  {one:>11.1?}  {ratio:>4.0}x  {walked:>10.1?}"
        );
    }
}

/// A `config.toml` and a quarter as many servers of a plugin are read and resolved, in turns with the
/// least that any reader does: one pass over the parser's events, and the servers allocated.
fn reading() {
    println!("\nfrom bytes to views\nservers     events  allocated     parsed       read  ratio");
    for size in [1_000, 10_000] {
        let manager = Fixture::new(size).manager();
        let text = fixture::config_toml(size);
        let plugin = fixture::config(size / 4).to_string();
        let host = read(&text);
        let [mut events, mut allocated, mut parsed, mut all] = [Duration::MAX; 4];
        for _ in 0..rounds(size) / 4 {
            events = events.min(warm(|| event_pass(&text)));
            let copied = || {
                host.mcp_servers()
                    .iter()
                    .map(|(name, s)| (Arc::<str>::from(&**name), Arc::new((**s).clone())))
            };
            allocated = allocated.min(warm(|| copied().collect::<ServerMap>().len()));
            parsed = parsed.min(warm(|| toml::de::DeTable::parse(&text).unwrap().get_ref().len()));
            all = all.min(warm(|| {
                let config = serde_json::from_str::<Value>(&plugin).unwrap();
                let servers = config.get("mcp_servers").and_then(Value::as_object).unwrap();
                let plugin =
                    Plugin::from_json_servers("p@market", true, servers, Profile::default());
                let (host, plugins) = (Arc::new(read(&text)), Arc::from([plugin.value]));
                let auth = Some(Auth::ChatGpt);
                block_on(manager.effective_servers(&host, &plugins, auth)).len()
            }));
        }
        let ratio = all.as_secs_f64() / (events + allocated).as_secs_f64();
        println!(
            "{size:>7}  {events:>9.1?}  {allocated:>9.1?}  {parsed:>9.1?}  {all:>9.1?}  {ratio:>4.1}x"
        );
    }
}

fn read(text: &str) -> HostConfig {
    let read = HostConfig::from_toml_str(text, "config.toml", &[], Environment::default());
    read.unwrap().value
}

fn event_pass(text: &str) -> usize {
    let tokens = toml_parser::Source::new(text).lex().into_vec();
    let mut end = 0;
    let mut keep = |event: toml_parser::parser::Event| end = event.span().end();
    toml_parser::parser::parse_document(&tokens, &mut keep, &mut ());
    end
}

/// The time of one piece of work among many.
fn mean<T>(work: impl Fn() -> T) -> Duration {
    const MANY: u32 = 1_000;
    time(|| (0..MANY).map(|_| drop(black_box(work()))).count()) / MANY
}

/// The time of some work.
fn time(work: impl FnOnce() -> usize) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

/// The time of some work that is not the first of its kind, after which the caches hold what was there
/// before.
fn warm(work: impl Fn() -> usize) -> Duration {
    work();
    time(work)
}

criterion_group!(benches, criterion);
criterion_main!(benches);
