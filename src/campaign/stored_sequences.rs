//! Sequences that are known to fail: those of the list of expected failures, and those that earlier runs
//! saved. What breaks the same rule again is told by them, so that it is not made small again and does
//! not come to another sequence in each run.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use mcp_overlay_model::lifecycle::Sequence;

use super::earlier::{TIME, read_all, without_version};
use super::over_time::Small;
use super::run::Run;
use crate::report::Phase;
use crate::sequences::saved::{FORMAT, SavedSequence};

/// The most sequences of a rule to try.
const MOST: usize = 3;

impl Run<'_> {
    /// The sequences that broke this rule, those of the list first, then the shortest.
    pub(super) fn stored_sequences(&self, rule: &str) -> Vec<Sequence> {
        let profile = self.options.profile;
        let of_list = self.options.expected.sequences();
        let of_list = of_list.filter(|(name, _)| *name == rule).map(|(_, sequence)| sequence);
        let is_of_rule = |saved: &SavedSequence| saved.rule.is_some_and(|of| of.id() == rule);
        let saved = self.saved_sequences().into_iter().map(|(_, saved)| saved);
        let mut saved: Vec<Sequence> =
            saved.filter(is_of_rule).map(|saved| saved.sequence).collect();
        saved.sort_by_key(|sequence| sequence.steps.len());
        of_list.chain(saved).filter(|sequence| sequence.profile == profile).take(MOST).collect()
    }

    /// Plays the known sequences of rules that this run did not find broken. Returns how many saved ones
    /// no longer fail, and are removed.
    pub(super) fn play_earlier_sequences(&mut self) -> u64 {
        if !self.options.phases.contains(&Phase::Sequences) || !self.driver.plays() {
            return 0;
        }
        let (until, profile) = (Instant::now() + TIME, self.options.profile);
        let of_list: Vec<(String, Sequence)> = self
            .options
            .expected
            .sequences()
            .filter(|(_, sequence)| sequence.profile == profile)
            .map(|(name, sequence)| (name.to_string(), sequence))
            .collect();
        for (name, sequence) in of_list {
            if Instant::now() < until {
                self.play_earlier(&name, sequence);
            }
        }
        let mut removed = 0;
        for (path, saved) in self.saved_sequences() {
            let Some(rule) = saved.rule else { continue };
            if Instant::now() >= until || self.restarts.gave_up() {
                break;
            }
            if self.play_earlier(rule.id(), saved.sequence) == Some(false) {
                removed += u64::from(fs::remove_file(&path).is_ok());
            }
        }
        removed
    }

    /// Whether the sequence still breaks the rule, which is told then; `None` if the run has told it.
    fn play_earlier(&mut self, rule: &str, sequence: Sequence) -> Option<bool> {
        if self.report.scenarios.iter().any(|failed| failed.name == rule) {
            return None;
        }
        let small = Small::stored(self.driver, sequence, rule);
        if let Some(small) = &small {
            self.tell_small(Phase::Sequences, small, 1);
        }
        Some(small.is_some())
    }

    /// Those of this subject and this profile.
    fn saved_sequences(&self) -> Vec<(PathBuf, SavedSequence)> {
        let Some(folder) = &self.options.findings else { return Vec::new() };
        let name = without_version(self.driver.name());
        let is_about_this = |saved: &SavedSequence| {
            saved.format == FORMAT
                && saved.rule.is_some()
                && saved.sequence.profile == self.options.profile
                && saved.subject.as_deref().is_some_and(|subject| without_version(subject) == name)
        };
        let all = read_all::<SavedSequence>(folder);
        all.into_iter().filter(|(_, saved)| is_about_this(saved)).collect()
    }
}
