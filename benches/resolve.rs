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
use mcp_overlay_host::{Auth, McpManager, McpServerContribution, ServerConfig, hosted_apps};

use self::fixture::Fixture;

/// Sizes of the configured map; there are a fifth as many contributions.
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// A resolution that visits every server of every view.
fn resolve_and_walk(fixture: &Fixture, manager: &McpManager) -> usize {
    let host = Arc::new((*fixture.host).clone());
    let config = block_on(manager.runtime_config(&host, &fixture.plugins));
    black_box(config.plugin_owners());
    let effective = config.effective(Some(Auth::ChatGpt));
    let views = [config.configured(), config.runtime(), &effective];
    views.into_iter().flatten().filter(|(_, server)| server.enabled).count()
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

fn resolve(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolve");
    for size in SIZES {
        let fixture = Fixture::new(size);
        let manager = fixture.manager();
        let copies = DeepCopies::new(&fixture);
        group.bench_function(BenchmarkId::new("shared", size), |b| {
            b.iter(|| fixture.resolve(&manager));
        });
        group.bench_function(BenchmarkId::new("deep copies", size), |b| {
            b.iter(|| copies.resolve());
        });
        group.bench_function(BenchmarkId::new("read again", size), |b| {
            b.iter(|| fixture.read_again(&manager));
        });
    }
    group.finish();
    ratios();
}

/// Measures both methods in turn, so that a noisy machine slows both; the fastest round counts.
fn ratios() {
    println!("\nservers  contributions     shared  deep copies  ratio   walked  ratio  read again");
    for size in SIZES {
        let fixture = Fixture::new(size);
        let manager = fixture.manager();
        let copies = DeepCopies::new(&fixture);
        let rounds = 20_000 / size.max(100);
        let [mut shared, mut walked, mut deep, mut again] = [Duration::MAX; 4];
        for _ in 0..rounds {
            shared = shared.min(time(|| fixture.resolve(&manager)));
            walked = walked.min(time(|| resolve_and_walk(&fixture, &manager)));
            deep = deep.min(time(|| copies.resolve()));
        }
        fixture.read_again(&manager);
        for _ in 0..rounds {
            again = again.min(time(|| usize::from(fixture.read_again(&manager))));
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
