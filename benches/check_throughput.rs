//! Random cases per second on one core, including generation, both resolutions and the comparison.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_overlay::cases::generate::random_case;
use mcp_overlay::judge::judge;
use mcp_overlay::subject::{InProcess, ProductionSubject};
use mcp_overlay_model::resolve;

const CASES: u64 = 1_000;

fn check_throughput(c: &mut Criterion) {
    let mut group = c.benchmark_group("check_throughput");
    group.throughput(Throughput::Elements(CASES));
    group.bench_function("generate", |b| {
        b.iter(|| (0..CASES).for_each(|index| drop(black_box(random_case(1, index)))));
    });
    group.bench_function("generate, model", |b| {
        b.iter(|| (0..CASES).for_each(|index| drop(black_box(resolve(&random_case(1, index))))));
    });
    group.bench_function("generate, model, production, compare", |b| {
        b.iter(|| {
            (0..CASES)
                .filter(|index| {
                    judge(&InProcess(ProductionSubject), &random_case(1, *index)).1.is_finding()
                })
                .count()
        });
    });
    group.finish();
}

criterion_group!(benches, check_throughput);
criterion_main!(benches);
