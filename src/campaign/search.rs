//! The phase `sequences-exhaustive`: every transition between the states that a small alphabet
//! reaches, each on a host of its own.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use mcp_overlay_model::lifecycle::Sequence;

use super::error::Error;
use super::over_time::{Failing, failures, problem_of};
use super::run::Run;
use crate::parallel::{Numbers, on_all_cores};
use crate::report::{Event, Phase, PhaseReport, Searched};
use crate::rules::coverage::RuleCounts;
use crate::sequences::judge::reached;
use crate::sequences::search::Graph;
use crate::sequences::sometimes::Sometimes;
use crate::subject::Driver;

/// What one worker has played.
#[derive(Default)]
struct Played {
    failing: Vec<Failing>,
    transitions: u64,
    longest: usize,
    sometimes: Sometimes,
    rules: RuleCounts,
}

impl Run<'_> {
    pub(super) fn search(&mut self) -> Result<(), Error> {
        if !self.driver.kind().plays() {
            return Err(Error::OneWay(Phase::SequencesExhaustive.word()));
        }
        let (started, shrunk_before) = (Instant::now(), self.shrunk_seconds());
        // The search is one part of a run that is shared out.
        let is_mine = self.options.shard.has(0);
        let length = if is_mine { self.options.length } else { 0 };
        let graph = Graph::of(self.options.profile, length);
        let total = graph.transitions();
        let phase = Phase::SequencesExhaustive;
        self.reporter.event(&Event::PhaseStarted { phase, total: Some(total) });
        let nodes = Numbers::up_to(graph.states());
        let (plays, found) = (AtomicU64::new(0), AtomicUsize::new(0));
        let (whole, enough) = (self.options.runs_whole(), self.options.enough_sequences());
        let is_enough = || !whole && found.load(Ordering::Relaxed) >= enough;
        let driver = self.driver;
        let workers = on_all_cores(|| {
            let mut played = Played::default();
            while let Some(taken) = nodes.take(16) {
                for node in taken {
                    while !is_enough()
                        && let Some((sequence, new)) = graph.play_from(node)
                    {
                        let number = plays.fetch_add(1, Ordering::Relaxed);
                        let before = played.failing.len();
                        played.play(driver, number, sequence);
                        played.transitions += new;
                        found.fetch_add(played.failing.len() - before, Ordering::Relaxed);
                    }
                }
            }
            played
        });
        let mut all = Played::default();
        for worker in workers {
            all.merge(worker);
        }
        self.report.rules.merge(&all.rules);
        all.failing.sort_by_key(|failing| (failing.sequence.steps.len(), failing.number));
        let (done, failed) = (all.transitions, failures(&all.failing));
        let never = all.sometimes.never();
        if is_mine && done == total && !never.is_empty() {
            let reason = format!("{}: never came: {}", phase.word(), never.join("; "));
            self.report.gave_up.get_or_insert(reason);
        }
        self.tell_all(phase, all.failing);
        self.phase_ended(PhaseReport {
            phase,
            cases: done,
            asked_again: 0,
            not_comparable: 0,
            brought_within_reach: None,
            failures: failed,
            cut_short: done < total,
            slow: 0,
            turns: None,
            searched: is_mine.then(|| Searched {
                states: graph.states(),
                plays: plays.into_inner(),
                longest: all.longest as u64,
            }),
            seconds: self.seconds_since(started, shrunk_before),
        });
        Ok(())
    }
}

impl Played {
    fn play(&mut self, driver: &dyn Driver, number: u64, sequence: Sequence) {
        self.longest = self.longest.max(sequence.steps.len());
        let Some(played) = driver.play(&sequence) else { return };
        if let Ok(trace) = &played {
            self.sometimes.record(&sequence, trace);
            self.rules.record(reached(&sequence));
        }
        if let Some(problem) = problem_of(&sequence, played) {
            self.failing.push(Failing { number, sequence, problem });
        }
    }

    fn merge(&mut self, other: Played) {
        self.failing.extend(other.failing);
        self.transitions += other.transitions;
        self.longest = self.longest.max(other.longest);
        self.sometimes.merge(&other.sometimes);
        self.rules.merge(&other.rules);
    }
}
