//! The throughput of a long-lived subject over stdio: cases per second with one process per core,
//! and with one process per case, measured in turn.
//!
//! `cargo bench --bench stdio`; the subject is `mcp-overlay subject production`.

#![allow(clippy::unwrap_used, reason = "a panic fails the benchmark")]

use std::thread;
use std::time::{Duration, Instant};

use mcp_overlay::campaign::{self, Options, Phase, Quiet};
use mcp_overlay::cases::generate::random_case;
use mcp_overlay::subject::stdio::Patience;
use mcp_overlay::subject::{Driver, StdioDriver};

/// Rounds per method; the fastest round counts.
const ROUNDS: usize = 3;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--test");
    let (long_lived, one_each) = if quick { (2_000, 20) } else { (200_000, 2_000) };
    let mut best = [Duration::MAX; 2];
    for _ in 0..if quick { 1 } else { ROUNDS } {
        best[0] = best[0].min(check_over_stdio(long_lived));
        best[1] = best[1].min(process_a_case(one_each));
    }
    let rates =
        [long_lived as f64 / best[0].as_secs_f64(), one_each as f64 / best[1].as_secs_f64()];
    println!("long-lived process  {:>8.0} cases/s", rates[0]);
    println!("one process a case  {:>8.0} cases/s", rates[1]);
    println!("ratio               {:>8.0}", rates[0] / rates[1]);
}

fn subject() -> StdioDriver {
    let command = [env!("CARGO_BIN_EXE_mcp-overlay"), "subject", "production"];
    let command = command.map(str::to_string).to_vec();
    StdioDriver::start(command, &[Options::default().profile], Patience::default()).unwrap()
}

/// A whole check: generation, the protocol, the model, the comparison, and asking again.
fn check_over_stdio(cases: u64) -> Duration {
    let subject = subject();
    let phases = [Phase::Random].into();
    let options = Options { phases, cases: Some(cases), ..Options::default() };
    let begun = Instant::now();
    campaign::run(&subject, &options, &mut Quiet).unwrap().assert_no_disagreement();
    let took = begun.elapsed();
    assert!(subject.stop().is_empty());
    took
}

/// One process per case: start, introduction, one case, exit; on as many threads as the check uses.
fn process_a_case(cases: u64) -> Duration {
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let begun = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for index in (thread..cases).step_by(threads as usize) {
                    let subject = subject();
                    assert_eq!(subject.ask(&[random_case(27_191, index)]).len(), 1);
                    assert!(subject.stop().is_empty());
                }
            });
        }
    });
    begun.elapsed()
}
