//! What a run did not reach: it decides between clean, incomplete, and a run that was narrowed.

use mcp_overlay_model::Rule;

use super::data::{Report, RunOptions};
use super::phase::Phase;
use super::skips::Skipped;
use crate::cases::labels::LabelRow;
use crate::display::{grouped, one_line};

impl RunOptions {
    /// How the options narrow the run, such as `2,000 of 500,000 random cases`; empty for a
    /// complete run.
    pub fn narrowed_by(&self) -> Vec<String> {
        let has = |phase: &Phase| self.phases.contains(phase);
        let left_out = self.complete.phases().iter().filter(|phase| !has(phase));
        let left_out: Vec<&str> = left_out.map(|phase| phase.word()).collect();
        let mut words = Vec::new();
        if !left_out.is_empty() {
            words.push(format!("without the phases {}", left_out.join(", ")));
        }
        let least = self.complete.cases();
        if let Some(cases) = self.cases.filter(|cases| *cases < least && has(&Phase::Random)) {
            words.push(format!("{} of {} random cases", grouped(cases), grouped(least)));
        }
        let least = self.complete.sequences();
        if self.sequences < least && has(&Phase::Sequences) {
            words.push(format!("{} of {} sequences", grouped(self.sequences), grouped(least)));
        }
        let least = self.complete.length();
        if self.length < least && has(&Phase::SequencesExhaustive) {
            words.push(format!("exhaustive sequences of {} of {least} steps", self.length));
        }
        if let Some(time) = self.time {
            words.push(format!("random cases for {} s", grouped(time)));
        }
        if self.twice < self.complete.twice() {
            words.push(format!("{} % asked again, not {} %", self.twice, self.complete.twice()));
        }
        if !self.shard.is_whole() {
            words.push(format!("part {}", self.shard));
        }
        words
    }

    /// Whether the run covers less than a complete one.
    pub fn is_narrowed(&self) -> bool {
        !self.narrowed_by().is_empty()
    }
}

/// What a run did not reach.
#[derive(Clone, Debug)]
pub struct Missing<'a> {
    /// How the options narrowed the run.
    pub narrowed_by: Vec<String>,
    /// Rules of the profile that this kind of subject can show, and that no case reached.
    pub rules: Vec<Rule>,
    /// Situations that fewer random cases were in than the least share.
    pub situations: Vec<LabelRow>,
    /// Why the run ended before it could reach more.
    ended_early: Option<String>,
    /// The number of random cases.
    random_cases: u64,
    /// Skipped cases that no entry allows.
    pub skipped: &'a [Skipped],
}

impl Report {
    /// What the run did not reach.
    pub fn missing(&self) -> Missing<'_> {
        let cases = self.labels.cases;
        let rules = self.rules();
        let shown = rules.iter().filter(|rule| self.can_show(*rule));
        let is_few = |row: &LabelRow| row.count * 1_000 < u64::from(row.least) * cases;
        let held = cases > 0 && self.has_least_shares();
        let rows = self.situations().filter(|row| held && is_few(row));
        Missing {
            narrowed_by: self.run.narrowed_by(),
            rules: shown.filter(|rule| self.rules.count(*rule) == 0).collect(),
            situations: rows.collect(),
            ended_early: self.ended_early(),
            random_cases: cases,
            skipped: self.skips.others(),
        }
    }
}

impl Report {
    /// Why the run asked less than its options say; `None` if it did not.
    fn ended_early(&self) -> Option<String> {
        let early = self.phases.iter().filter(|phase| phase.cut_short);
        let early: Vec<&str> = early.map(|phase| phase.phase.word()).collect();
        match (self.gave_up.is_some(), early.as_slice()) {
            (true, _) => Some("the run ended early".into()),
            (false, []) => None,
            (false, [phase]) => Some(format!("the phase {phase} ended early")),
            (false, phases) => Some(format!("the phases {} ended early", phases.join(", "))),
        }
    }
}

/// The most rules to name if the run ended early.
const NAMED: usize = 3;

impl Missing<'_> {
    /// Whether the run reached all that a complete run must.
    pub fn is_empty(&self) -> bool {
        self.narrowed_by.is_empty()
            && self.rules.is_empty()
            && self.situations.is_empty()
            && self.skipped.is_empty()
    }

    /// Each thing that is missing, with its kind.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let narrowed = self.narrowed_by.iter().map(|words| ("options", words.clone()));
        let mut rules: Vec<(&str, String)> =
            self.rules.iter().map(|rule| ("rule", rule.to_string())).collect();
        // They say nothing of the subject then.
        if let Some(why) = self.ended_early.as_ref().filter(|_| rules.len() > NAMED) {
            rules = vec![("rules", format!("{} of the profile, because {why}", rules.len()))];
        }
        let cases = grouped(self.random_cases);
        let situation = |row: &LabelRow| {
            let (count, least) = (grouped(row.count), f64::from(row.least) / 10.0);
            ("situation", format!("{}: {count} of {cases} cases, least {least} %", row.words))
        };
        let skipped = |skipped: &Skipped| {
            let reason = one_line(&skipped.skipped);
            ("skipped", format!("{} cases: {reason}", grouped(skipped.cases)))
        };
        let situations = self.situations.iter().map(situation);
        narrowed.chain(rules).chain(situations).chain(self.skipped.iter().map(skipped)).collect()
    }

    /// What is missing, in a few words; empty if nothing is.
    pub(super) fn summary(&self) -> String {
        let counted = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{} {many}", grouped(count as u64))),
        };
        let skipped = self.skipped.iter().map(|skipped| skipped.cases).sum::<u64>() as usize;
        let parts = [
            counted(self.rules.len(), "rule not reached", "rules not reached"),
            counted(self.situations.len(), "situation too rare", "situations too rare"),
            counted(skipped, "case skipped without an entry", "cases skipped without an entry"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
