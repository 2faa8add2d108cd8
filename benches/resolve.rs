//! The time of a resolution, compared with the seed's method in the same run.
//!
//! The seed deep-copies the configured map for each view on every call. The ratios are printed at
//! the end; `docs/performance.md` states the targets.

#![allow(clippy::unwrap_used, reason = "the input is fixed and valid")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_executor::block_on;
use mcp_overlay_host::{
    Auth, BoxFuture, Environment, HostConfig, McpExtensionRegistryBuilder, McpManager,
    McpServerContribution, McpServerContributor, Plugin, Profile, ServerConfig, hosted_apps,
};
use serde_json::{Map, Value, json};

/// Sizes of the configured map; there are a fifth as many contributions.
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// A typical server: a few strings, a few tables.
fn entry(number: usize) -> Value {
    if number.is_multiple_of(2) {
        json!({
            "url": format!("https://server-{number}.example/mcp"),
            "http_headers": {"X-Team": "platform", "X-Region": "eu"},
            "env_http_headers": {"X-Api-Key": "SERVER_KEY"},
            "enabled_tools": ["search", "read", "write"],
            "tool_timeout_sec": 60,
        })
    } else {
        json!({
            "command": "npx",
            "args": ["-y", format!("server-{number}"), "--stdio"],
            "env": {"LEVEL": "info", "HOME": "/home/user"},
            "disabled_tools": ["delete"],
        })
    }
}

/// A host with `size` servers, three quarters its own and a quarter from a plugin.
struct Fixture {
    host: Arc<HostConfig>,
    plugins: Arc<[Plugin]>,
    contributions: Vec<McpServerContribution>,
    /// The host's own servers, as in the seed's config.
    owned: SeedMap,
}

/// The seed's map of servers.
#[expect(clippy::disallowed_types, reason = "the seed's own type; nothing iterates over it")]
type SeedMap = std::collections::HashMap<String, ServerConfig>;

impl Fixture {
    fn new(size: usize) -> Self {
        let entries = |numbers: std::ops::Range<usize>| -> Map<String, Value> {
            numbers.map(|number| (format!("server-{number}"), entry(number))).collect()
        };
        let own = size * 3 / 4;
        let host = json!({ "mcp_servers": entries(0..own) });
        let host = HostConfig::from_json(&host, Environment::default()).unwrap().value;
        let plugin =
            Plugin::from_json_servers("p@market", true, &entries(own..size), Profile::default())
                .value;
        let contributions = (0..size / 5)
            .map(|number| {
                let name: Arc<str> = format!("server-{}", number * 5).into();
                if number.is_multiple_of(4) {
                    return McpServerContribution::Remove { name };
                }
                let server =
                    ServerConfig::from_json(&entry(number), Profile::default()).unwrap().value;
                McpServerContribution::Set { name, server: Arc::new(server) }
            })
            .collect();
        let owned = host.mcp_servers().iter();
        let owned = owned.map(|(name, server)| (name.to_string(), (**server).clone())).collect();
        Fixture { host: Arc::new(host), plugins: Arc::new([plugin]), contributions, owned }
    }

    fn manager(&self) -> McpManager {
        let mut builder = McpExtensionRegistryBuilder::new();
        hosted_apps::install(&mut builder);
        builder.contributor(Arc::new(Fixed(self.contributions.clone())));
        McpManager::new(builder.build())
    }

    /// All three views by the production implementation, without caches.
    fn resolve(&self, manager: &McpManager) -> usize {
        // A new host each time, so that the manager's cache does not help.
        let host = Arc::new((*self.host).clone());
        let config = block_on(manager.runtime_config(&host, &self.plugins));
        let effective = config.effective(Some(Auth::ChatGpt));
        black_box((config.configured(), config.runtime(), &effective));
        usize::from(effective.contains("codex_apps"))
    }

    /// The same, and visits every server of every view.
    fn resolve_and_walk(&self, manager: &McpManager) -> usize {
        let host = Arc::new((*self.host).clone());
        let config = block_on(manager.runtime_config(&host, &self.plugins));
        black_box(config.plugin_owners());
        let effective = config.effective(Some(Auth::ChatGpt));
        let views = [config.configured(), config.runtime(), &effective];
        views.into_iter().flatten().filter(|(_, server)| server.enabled).count()
    }

    /// All three views by the seed's method.
    fn deep_copy(&self) -> usize {
        let configured = self.deep_configured();
        let runtime = self.deep_runtime();
        let mut effective = self.deep_runtime();
        if !Auth::ChatGpt.uses_codex_backend() {
            effective.remove(hosted_apps::CODEX_APPS);
        }
        black_box((configured, runtime, effective)).2.len()
    }

    /// Each view starts from a copy of every server.
    fn deep_configured(&self) -> SeedMap {
        let mut servers = self.owned.clone();
        for plugin in self.plugins.iter() {
            for (name, server) in plugin.servers.iter() {
                servers.entry(name.to_string()).or_insert_with(|| ServerConfig::clone(server));
            }
        }
        servers
    }

    fn deep_runtime(&self) -> SeedMap {
        let mut servers = self.deep_configured();
        let name = hosted_apps::CODEX_APPS.to_string();
        servers.insert(name, hosted_apps::apps_server(&self.host));
        for contribution in &self.contributions {
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

struct Fixed(Vec<McpServerContribution>);

impl McpServerContributor for Fixed {
    fn id(&self) -> &str {
        "fixed"
    }

    fn contribute<'a>(&'a self, _: &'a HostConfig) -> BoxFuture<'a, Vec<McpServerContribution>> {
        Box::pin(async { self.0.clone() })
    }
}

fn resolve(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolve");
    for size in SIZES {
        let fixture = Fixture::new(size);
        let manager = fixture.manager();
        group.bench_with_input(BenchmarkId::new("shared", size), &fixture, |b, fixture| {
            b.iter(|| fixture.resolve(&manager));
        });
        group.bench_with_input(BenchmarkId::new("deep copies", size), &fixture, |b, fixture| {
            b.iter(|| fixture.deep_copy());
        });
        group.bench_with_input(BenchmarkId::new("read again", size), &fixture, |b, fixture| {
            b.iter(|| read_again(fixture, &manager));
        });
    }
    group.finish();
    ratios();
}

/// The effective view of an unchanged host.
fn read_again(fixture: &Fixture, manager: &McpManager) -> bool {
    let auth = Some(Auth::ChatGpt);
    let view = block_on(manager.effective_servers(&fixture.host, &fixture.plugins, auth));
    black_box(view).contains("codex_apps")
}

/// Measures both methods in turn, so that a noisy machine slows both; the fastest round counts.
fn ratios() {
    println!("\nservers  contributions     shared  deep copies  ratio   walked  ratio  read again");
    for size in SIZES {
        let fixture = Fixture::new(size);
        let manager = fixture.manager();
        let rounds = 20_000 / size.max(100);
        let [mut shared, mut walked, mut deep, mut again] = [Duration::MAX; 4];
        for _ in 0..rounds {
            shared = shared.min(time(|| fixture.resolve(&manager)));
            walked = walked.min(time(|| fixture.resolve_and_walk(&manager)));
            deep = deep.min(time(|| fixture.deep_copy()));
        }
        read_again(&fixture, &manager);
        for _ in 0..rounds {
            again = again.min(time(|| usize::from(read_again(&fixture, &manager))));
        }
        let ratio = |ours: Duration| deep.as_secs_f64() / ours.as_secs_f64();
        let contributions = fixture.contributions.len();
        println!(
            "{size:>7}  {contributions:>13}  {shared:>9.1?}  {deep:>11.1?}  {:>4.0}x  {walked:>7.1?}  \
             {:>4.0}x  {again:>10.1?}",
            ratio(shared),
            ratio(walked),
        );
    }
}

fn time(work: impl FnOnce() -> usize) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

criterion_group!(benches, resolve);
criterion_main!(benches);
