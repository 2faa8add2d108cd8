//! The result of every rule, failures first.

use maud::{Markup, html};
use mcp_overlay_model::Rule;

use super::findings::{MOST, ordered, ordered_scenarios};
use super::parts::{sentence, wide};
use crate::display::grouped;
use crate::report::data::{Report, RuleStatus};

pub(super) fn table(report: &Report) -> Markup {
    let mut rows: Vec<_> = report.rule_rows().collect();
    rows.sort_by_key(|(id, _, _, status)| (order(*status), *id));
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { "Rules" }
            p { (tally(&rows.iter().map(|row| row.3).collect::<Vec<_>>())) }
            (wide("Rules", &html! {
                table.rules {
                    thead { tr {
                        th scope="col" { "Outcome" }
                        th scope="col" { "Rule" }
                        th.number scope="col" { "Reached" }
                    } }
                    tbody {
                        @for (id, text, reached, status) in &rows {
                            tr.kept[*status == RuleStatus::Pass] {
                                td { (badge(*status)) }
                                th scope="row" {
                                    @match finding_of(report, *id) {
                                        Some(at) => a href={ "#" (at) } { code { (id) } },
                                        None => code { (id) },
                                    }
                                    @if *status != RuleStatus::Pass { p { (sentence(text)) } }
                                }
                                td.number { (grouped(*reached)) }
                            }
                        }
                    }
                }
            }))
            p.note { code { "mcp-overlay rule ID" } " explains a rule. Reached counts the cases that a rule is about, among those looked at: one \
                      in eight, and every vector." }
        }
    }
}

/// The anchor of the first finding about a rule, or of the first scenario or sequence.
fn finding_of(report: &Report, rule: Rule) -> Option<String> {
    let shown = |at: &usize| *at < MOST;
    let finding = ordered(report).iter().position(|cause| cause.rule() == Some(rule));
    let scenarios = ordered_scenarios(report);
    let scenario = scenarios.iter().position(|cause| cause.first.rule == Some(rule));
    let finding = finding.filter(shown).map(|at| format!("finding-{}", at + 1));
    finding.or_else(|| scenario.filter(shown).map(|at| format!("scenario-{}", at + 1)))
}

fn order(status: RuleStatus) -> u8 {
    match status {
        RuleStatus::Fail => 0,
        RuleStatus::Expected => 1,
        RuleStatus::Advisory => 2,
        RuleStatus::NotReached => 3,
        RuleStatus::Pass => 4,
        RuleStatus::NotShown => 5,
    }
}

fn words(status: RuleStatus) -> (&'static str, &'static str) {
    match status {
        RuleStatus::Fail => ("fail", "fail"),
        RuleStatus::Expected => ("expected", "expected failure"),
        RuleStatus::Advisory => ("expected", "advisory"),
        RuleStatus::NotReached => ("not-reached", "not reached"),
        RuleStatus::NotShown => ("not-reached", "not shown"),
        RuleStatus::Pass => ("pass", "pass"),
    }
}

fn badge(status: RuleStatus) -> Markup {
    let (class, words) = words(status);
    html! { span class={ "badge " (class) } { (words) } }
}

fn tally(statuses: &[RuleStatus]) -> String {
    let all = [
        RuleStatus::Fail,
        RuleStatus::Expected,
        RuleStatus::Advisory,
        RuleStatus::NotReached,
        RuleStatus::Pass,
        RuleStatus::NotShown,
    ];
    let counted = all.iter().filter_map(|status| {
        let count = statuses.iter().filter(|other| *other == status).count();
        (count > 0).then(|| format!("{count} {}", words(*status).1))
    });
    counted.collect::<Vec<_>>().join(", ")
}
