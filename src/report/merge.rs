//! Merges the reports of the parts of one run.

use super::data::{PhaseReport, Report, ReportedFinding, RunOptions, RunVerdict, Turns};
use super::phase::Phase;
use super::shard::Shard;
use crate::finding::expected::Entry;

/// The most missing parts to name; the others are counted.
const NAMED: usize = 10;

/// Why reports cannot be merged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There are no reports.
    #[error("no report to merge\n  help: give the files of all parts of a run")]
    None,
    /// They are of different runs.
    #[error(
        "the reports are not of one run: {option} differs\n  {first}: {first_value}\n  \
         {other}: {other_value}\n  help: run all parts with the same options and version"
    )]
    Different {
        /// The first difference.
        option: &'static str,
        /// A file.
        first: String,
        /// Its value.
        first_value: String,
        /// Another file.
        other: String,
        /// The value in that file.
        other_value: String,
    },
    /// A part is duplicated.
    #[error("part {part} is there twice: {first} and {other}\n  help: drop one of the two")]
    Twice {
        /// The part.
        part: Shard,
        /// A file.
        first: String,
        /// Another file.
        other: String,
    },
    /// Parts are missing.
    #[error("of {count} parts these are missing: {missing}\n  help: add their files")]
    Missing {
        /// The number of parts.
        count: u32,
        /// The missing parts, such as `2/3, 3/3`.
        missing: String,
    },
}

/// Merges the reports of all parts of a run; each comes with a name for error messages.
///
/// # Errors
/// The reports are not exactly the parts of one run.
pub fn merge(mut reports: Vec<(String, Report)>) -> Result<Report, MergeError> {
    reports.sort_by_key(|(_, report)| report.run.shard.index());
    let Some((first, rest)) = reports.split_first() else {
        return Err(MergeError::None);
    };
    for other in rest {
        same_run(first, other)?;
    }
    for ((place, report), (other, next)) in reports.iter().zip(rest) {
        if report.run.shard == next.run.shard {
            let (part, first, other) = (next.run.shard, place.clone(), other.clone());
            return Err(MergeError::Twice { part, first, other });
        }
    }
    let parts: Vec<Shard> = reports.iter().map(|(_, report)| report.run.shard).collect();
    all_there(first.1.run.shard.count(), &parts)?;
    let unchecked: Vec<String> = reports.iter().filter_map(unchecked).collect();
    let mut parts = reports.into_iter().map(|(_, report)| report);
    let mut whole = parts.next().ok_or(MergeError::None)?;
    let mut reasons: Vec<String> = whole.gave_up.take().into_iter().collect();
    for mut part in parts {
        reasons.extend(part.gave_up.take());
        add(&mut whole, part);
    }
    reasons.extend(unchecked);
    reasons.dedup();
    whole.gave_up = (!reasons.is_empty()).then(|| reasons.join("; "));
    whole.run.shard = Shard::default();
    // No one command made it.
    whole.run.invocation.iter_mut().for_each(|invocation| invocation.command.clear());
    // Recount, because two parts may have the same finding.
    whole.settle_expectations();
    Ok(whole)
}

/// The problem of a part that compared nothing, which other parts cannot make up for.
fn unchecked((place, report): &(String, Report)) -> Option<String> {
    (report.verdict() == RunVerdict::NothingChecked)
        .then(|| format!("part {} ({place}) compared nothing in a phase", report.run.shard))
}

/// Checks that two reports are of the same run; the error names the first difference.
fn same_run(first: &(String, Report), other: &(String, Report)) -> Result<(), MergeError> {
    let entries = |report: &Report| -> Vec<Entry> {
        report.expectations.iter().map(|expectation| expectation.entry.clone()).collect()
    };
    let (a, b) = (&first.1, &other.1);
    let options = options(&a.run).into_iter().zip(options(&b.run));
    let skips = |report: &Report| -> Vec<String> {
        let entries = report.skips.allowed().iter();
        entries.map(|entry| format!("{:?}: {:?}", entry.skipped, entry.allowed)).collect()
    };
    let difference = options
        .map(|((option, first), (_, other))| (option, first, other))
        .find(|(_, first, other)| first != other)
        .or_else(|| {
            let (first, other) = (skips(a).join(", "), skips(b).join(", "));
            (first != other).then_some(("the list of allowed skips", first, other))
        })
        .or_else(|| {
            let (first, other) = (entries(a), entries(b));
            (first != other).then(|| {
                let written = |entries: &[Entry]| {
                    let what: Vec<&str> = entries.iter().map(Entry::what).collect();
                    match what.as_slice() {
                        [] => "none".to_string(),
                        what => format!("{} with {}", what.len(), what.join(", ")),
                    }
                };
                ("the list of expected failures", written(&first), written(&other))
            })
        });
    match difference {
        None => Ok(()),
        Some((option, first_value, other_value)) => Err(MergeError::Different {
            option,
            first: first.0.clone(),
            first_value,
            other: other.0.clone(),
            other_value,
        }),
    }
}

/// The options that must be equal, with their descriptions.
fn options(run: &RunOptions) -> [(&'static str, String); 18] {
    let RunOptions { version, subject, kind, warns, steps, profile, phases, seed, .. } = run;
    let RunOptions {
        knows_wide_cases,
        tells_numbers_apart,
        cases,
        sequences,
        length,
        time,
        twice,
        shard,
        strict,
        complete,
        ..
    } = run;
    let written =
        |phases: &[Phase]| phases.iter().map(|phase| phase.word()).collect::<Vec<_>>().join(", ");
    let or_none = |value: &Option<u64>| value.map_or("none".into(), |value| value.to_string());
    [
        ("the version of mcp-overlay", quoted(version)),
        ("the subject", quoted(subject)),
        ("the profile", quoted(profile)),
        ("the kind of subject", serde_json::to_string(kind).unwrap_or_default()),
        ("whether the subject says what it warned about", warns.to_string()),
        ("whether the subject knows wide cases", knows_wide_cases.to_string()),
        ("whether the subject tells 1000.0 from 1000", tells_numbers_apart.to_string()),
        ("the steps that the subject plays", steps.words().join(", ")),
        ("the list of phases", written(phases)),
        ("the seed", seed.to_string()),
        ("the number of random cases", or_none(cases)),
        ("the number of sequences", sequences.to_string()),
        ("the length of the exhaustive sequences", length.to_string()),
        ("the longest time in seconds", or_none(time)),
        ("the share of cases asked again in percent", twice.to_string()),
        ("the number of parts", shard.count().to_string()),
        ("whether advisories count", strict.to_string()),
        (
            "what a complete run covers",
            format!("{}; {} random cases", written(complete.phases()), complete.cases()),
        ),
    ]
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn all_there(count: u32, parts: &[Shard]) -> Result<(), MergeError> {
    let is_there = |index: &u32| parts.iter().any(|part| part.index() == *index);
    let missing: Vec<u32> = (1..=count).filter(|index| !is_there(index)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> =
        missing.iter().take(NAMED).map(|index| format!("{index}/{count}")).collect();
    if missing.len() > NAMED {
        names.push(format!("and {} more", missing.len() - NAMED));
    }
    Err(MergeError::Missing { count, missing: names.join(", ") })
}

fn add(whole: &mut Report, part: Report) {
    for phase in part.phases {
        match whole.phases.iter_mut().find(|known| known.phase == phase.phase) {
            Some(known) => add_phase(known, &phase),
            None => whole.phases.push(phase),
        }
    }
    for found in part.findings {
        match whole.findings.iter_mut().find(|known| known.id == found.id) {
            Some(known) => add_finding(known, found),
            None => whole.findings.push(found),
        }
    }
    whole.scenarios.extend(part.scenarios);
    whole.rules.merge(&part.rules);
    whole.labels.merge(&part.labels);
    if let Some(shrinking) = part.shrinking {
        whole.shrinking.get_or_insert_default().add(shrinking);
    }
    whole.skips.merge(&part.skips);
}

fn add_phase(whole: &mut PhaseReport, part: &PhaseReport) {
    whole.cases += part.cases;
    whole.asked_again += part.asked_again;
    whole.not_comparable += part.not_comparable;
    if let Some(narrowed) = part.brought_within_reach {
        *whole.brought_within_reach.get_or_insert_default() += narrowed;
    }
    whole.failures += part.failures;
    whole.slow += part.slow;
    // One part has the whole search.
    if let Some(Turns { asked, made }) = part.turns {
        let before = whole.turns.unwrap_or_default();
        whole.turns = Some(Turns { asked: before.asked + asked, made: before.made + made });
    }
    whole.searched = whole.searched.or(part.searched);
    whole.cut_short |= part.cut_short;
    whole.seconds += part.seconds;
}

fn add_finding(whole: &mut ReportedFinding, part: ReportedFinding) {
    whole.finding.count += part.finding.count;
    // A failure is expected only if every part expects it.
    whole.expected = whole.expected.take().and(part.expected);
}
