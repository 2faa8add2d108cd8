//! What a report does not show, and why.

use mcp_overlay_model::Rule;

use super::data::Report;
use crate::display::grouped;
use crate::rules::coverage::{WIDE, WITH_WARNINGS};
use crate::rules::over_time::is_shown_by;
use crate::subject::{Steps, SubjectKind, Visibility};

impl Report {
    /// A line for each thing that the run did not show, because this subject does not.
    pub fn notices(&self) -> Vec<String> {
        let all = [
            unobserved_views(self),
            unseen_over_time(self),
            unseen_turns(self),
            unasked_wide_cases(self),
            unasked_numbers(self).map(str::to_string),
            unseen_warnings(self),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Says which views of a running host are not comparable; `None` for other subjects.
fn unobserved_views(report: &Report) -> Option<String> {
    let outside = report.phases.iter().filter(|phase| phase.brought_within_reach.is_some());
    let cases: u64 = outside.map(|phase| phase.cases).sum();
    (cases > 0).then(|| {
        let cases = grouped(cases);
        format!(
            "not comparable: configured and runtime of {cases} cases; only effective is observed"
        )
    })
}

/// Says that the warnings which some rules demand are not compared; `None` if they are.
fn unseen_warnings(report: &Report) -> Option<String> {
    let names = |rule: &Rule| WITH_WARNINGS.contains(rule);
    let rules: Vec<&str> = report.rules().iter().filter(names).map(|rule| rule.id()).collect();
    (!report.run.warns && report.phases.iter().any(|phase| phase.cases > 0)).then(|| {
        let rules = rules.join(", ");
        format!("not shown: the warnings of {rules}; the subject does not say what it warns about")
    })
}

/// Says that wide cases are not asked; `None` if they are, or if there are none.
fn unasked_wide_cases(report: &Report) -> Option<String> {
    let rules: Vec<&str> =
        report.rules().iter().filter(|rule| WIDE.contains(rule)).map(|rule| rule.id()).collect();
    let is_asked = report.run.kind.visibility() == Visibility::Views
        && report.phases.iter().any(|phase| phase.cases > 0)
        && !rules.is_empty();
    (is_asked && !report.run.knows_wide_cases).then(|| {
        let rules = rules.join(", ");
        format!("not shown: {rules}; the subject does not declare the capability \"wide-cases\"")
    })
}

/// Says that whole numbers with a decimal point are not asked; `None` if they are.
fn unasked_numbers(report: &Report) -> Option<&'static str> {
    let is_asked = report.phases.iter().any(|phase| phase.cases > 0);
    (is_asked && !report.run.tells_numbers_apart).then_some(
        "not shown: whether 1000.0 counts as an integer; its language reads it as 1000, and the subject \
         does not declare the capability \"exact-numbers\"",
    )
}

/// Says what a subject over stdio does not show of the rules over time; `None` if it shows all that it
/// can.
fn unseen_over_time(report: &Report) -> Option<String> {
    let steps = &report.run.steps;
    let rules = report.rules().iter().filter(|rule| is_shown_by(&Steps::without_turns(), *rule));
    let rules: Vec<&str> =
        rules.filter(|rule| !is_shown_by(steps, *rule)).map(|rule| rule.id()).collect();
    let is_asked = report.run.kind == SubjectKind::Stdio
        && report.phases.iter().any(|phase| phase.cases > 0)
        && !rules.is_empty();
    is_asked.then(|| match steps.is_empty() {
        true => "not shown: lifecycle.*; the subject does not declare the capability \"sequence\""
            .to_string(),
        false => {
            let (rules, steps) = (rules.join(", "), steps.missing().join(", "));
            format!("not shown: {rules}; the subject does not play the steps {steps}")
        }
    })
}

/// Says that the host made no turns; `None` if it made some, or was asked for none.
fn unseen_turns(report: &Report) -> Option<String> {
    let turns = report.phases.iter().find_map(|phase| phase.turns)?;
    (turns.made == 0).then(|| {
        "not shown: what follows a turn; the host answered every turn/start with an error".into()
    })
}
