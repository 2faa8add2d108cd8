//! The verdict on the run, and its options.

use maud::{Markup, html};

use super::parts::{Text, wide};
use crate::display::grouped;
use crate::report::data::{PhaseReport, Report, RuleStatus, RunVerdict};
use crate::report::invocation::Invocation;
use crate::report::phase::Phase;

pub(super) fn header(report: &Report, has_matrix: bool) -> Markup {
    let verdict = report.verdict();
    let class = match verdict {
        RunVerdict::Clean => "verdict clean",
        RunVerdict::NoDisagreement => "verdict narrowed",
        RunVerdict::Incomplete | RunVerdict::Findings | RunVerdict::NothingChecked => "verdict bad",
    };
    let headline = report.headline();
    let details = headline.split_once(": ").map_or(headline.as_str(), |(_, rest)| rest);
    let rules = report.rule_rows();
    let (reached, all) = rules.fold((0_u64, 0_u64), |(reached, all), (.., status)| {
        let shown = status != RuleStatus::NotShown;
        let is_reached = shown && status != RuleStatus::NotReached;
        (reached + u64::from(is_reached), all + u64::from(shown))
    });
    let causes = report.causes();
    let unexpected = causes.findings.iter().filter(|cause| report.counts(cause.first)).count()
        + causes.scenarios.iter().filter(|cause| report.counts_scenario(cause.first)).count();
    html! {
        header {
            p.tool { "mcp-overlay conformance report" }
            h1 { (Text(&report.run.subject)) }
            div class=(class) {
                p.word { (verdict.word()) }
                p { (Text(details)) }
            }
            ul.figures {
                (figure(&grouped(report.compared()), "cases compared"))
                (figure(&grouped(unexpected as u64), "unexpected causes"))
                (figure(&format!("{} of {}", grouped(reached), grouped(all)), "rules reached"))
            }
            (contents(report, has_matrix))
        }
    }
}

/// Links to the sections of this page.
fn contents(report: &Report, has_matrix: bool) -> Markup {
    let all = [
        ("findings", "Findings", !report.findings.is_empty()),
        ("scenarios", "Scenarios", !report.scenarios.is_empty()),
        ("expected", "Expected failures", !report.expectations.is_empty()),
        ("missing", "Not reached", !report.missing().is_empty()),
        ("run", "What was run", true),
        ("rules", "Rules", true),
        ("situations", "Situations", report.labels.cases > 0),
        ("strength", "Strength", has_matrix),
    ];
    html! {
        nav aria-label="Contents" {
            ul {
                @for (id, words, _) in all.iter().filter(|(_, _, there)| *there) {
                    li { a href={ "#" (id) } { (words) } }
                }
            }
        }
    }
}

fn figure(number: &str, what: &str) -> Markup {
    html! { li { strong { (number) } " " span { (what) } } }
}

pub(super) fn run(report: &Report) -> Markup {
    let run = &report.run;
    let cases = random_cases(report);
    let phases: Vec<&str> = run.phases.iter().map(|phase| phase.word()).collect();
    html! {
        section aria-labelledby="run" {
            h2 id="run" { "What was run" }
            dl {
                dt { "Version" } dd { (Text(&run.version)) }
                @if let Some(command) = run.invocation.as_ref().and_then(Invocation::command) {
                    dt { "Command" } dd { code { (Text(&command)) } }
                }
                dt { "Profile" } dd { code { (Text(&run.profile)) } }
                dt { "Phases" } dd { (phases.join(", ")) }
                dt { "Random cases" } dd { (cases) }
                @if let Some(sequences) = sequences(report) {
                    dt { "Sequences" } dd { (sequences) }
                }
                @if let Some(time) = run.time {
                    dt { "Longest time" } dd { (grouped(time)) " s" }
                }
                dt { "Seed" } dd { (run.seed) }
                dt { "Asked again" } dd { (run.twice) " % of cases" }
                @if !run.shard.is_whole() {
                    dt { "Part" }
                    dd { (run.shard.to_string()) ": only this part of the run is reported here" }
                }
            }
            (phases_table(report))
            @for notice in report.notices() { p.note { (Text(&notice)) } }
        }
    }
}

/// How many sequences there were, and of how many if the phase ended before; `None` without any.
fn sequences(report: &Report) -> Option<String> {
    let is_played = |phase: &&PhaseReport| phase.phase == Phase::Sequences;
    let done = report.phases.iter().find(is_played)?.cases;
    let asked = report.run.shard.share(report.run.sequences);
    Some(match asked == done {
        true => grouped(done),
        false => format!("{} of {}", grouped(done), grouped(asked)),
    })
}

/// How many random cases there were, and of how many if the phase ended before.
fn random_cases(report: &Report) -> String {
    let is_random = |phase: &&PhaseReport| phase.phase == Phase::Random;
    let done = report.phases.iter().find(is_random).map_or(0, |phase| phase.cases);
    match report.run.cases.map(|cases| report.run.shard.share(cases)) {
        _ if !report.run.phases.contains(&Phase::Random) => "none".into(),
        None => format!("{}, until the time was up", grouped(done)),
        Some(asked) if asked == done => grouped(done),
        Some(asked) => format!("{} of {}", grouped(done), grouped(asked)),
    }
}

/// What the run did not reach.
pub(super) fn missing(report: &Report) -> Markup {
    let lines = report.missing().lines();
    html! {
        @if !lines.is_empty() {
            section aria-labelledby="missing" {
                h2 id="missing" { "Not reached" }
                ul { @for (kind, what) in &lines { li { (kind) " " (Text(what)) } } }
            }
        }
    }
}

fn phases_table(report: &Report) -> Markup {
    wide(
        "Phases",
        &html! {
            table.phases.labelled {
                thead { tr {
                    th scope="col" { "Phase" }
                    th.number scope="col" { "Cases" }
                    th.number scope="col" { "Failing" }
                    th.number scope="col" { "Asked again" }
                    th.number scope="col" { "Not comparable" }
                    th.number scope="col" { "Time" }
                } }
                tbody {
                    @for phase in &report.phases {
                        tr {
                            th scope="row" {
                                (phase.phase.word())
                                @if phase.cut_short { span.note { " ended early" } }
                                @if phase.slow > 0 { span.note { " " (grouped(phase.slow)) " slow" } }
                            }
                            td.number data-label="Cases" { (grouped(phase.cases)) }
                            td.number data-label="Failing" { (grouped(phase.failures)) }
                            td.number data-label="Asked again" { (grouped(phase.asked_again)) }
                            td.number data-label="Not comparable" { (grouped(phase.not_comparable)) }
                            td.number data-label="Time" { (format!("{:.1} s", phase.seconds)) }
                        }
                    }
                    @if let Some(shrinking) = report.shrinking {
                        tr {
                            th scope="row" { "shrinking" }
                            td.number data-label="Cases" { (grouped(shrinking.cases)) }
                            td.number data-label="Failing" { "-" }
                            td.number data-label="Asked again" { "-" }
                            td.number data-label="Not comparable" { "-" }
                            td.number data-label="Time" { (format!("{:.1} s", shrinking.seconds)) }
                        }
                    }
                }
            }
        },
    )
}
