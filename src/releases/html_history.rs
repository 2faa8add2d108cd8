//! What changed from release to release, as a part of the HTML page.

use maud::{Markup, html};

use super::history::{ResultChange, RuleChange, Shown, Step, steps};
use super::matrix::Matrix;
use crate::report::html::parts::{Text, sentence, wide};
use crate::rules;

/// One line for each release, the newest first; what stands behind it is folded. Nothing for one release.
pub(super) fn history(matrix: &Matrix) -> Markup {
    let steps = steps(matrix);
    html! {
        @if !steps.is_empty() {
            section aria-labelledby="history" {
                h2 id="history" { "What changed" }
                @for step in steps.iter().rev() { (step_of(step)) }
            }
        }
    }
}

fn step_of(step: &Step<'_>) -> Markup {
    let headline = step.headline().replace('`', "");
    let summary = html! { b { (Text(&step.release.name)) } ": " (Text(&headline)) };
    html! {
        @if step.is_empty() { p { (summary) } }
        @else {
            details {
                summary { (summary) }
                (rules_of("The rules that ended", &step.release.name, &step.ended))
                (rules_of("The rules that began", &step.before.name, &step.began))
                @for change in &step.results { (result(step, change)) }
            }
        }
    }
}

/// The rules of one profile only. `breaks` is the release that follows the other one.
fn rules_of(title: &str, breaks: &str, rules: &[RuleChange<'_>]) -> Markup {
    html! {
        @if !rules.is_empty() {
            h3 { (title) }
            @for RuleChange { rule, shown } in rules {
                article {
                    p { code { (rule) } ": " (sentence(rules::sentence(*rule))) }
                    @if let Some(finding) = shown {
                        details {
                            summary { (Text(breaks)) " breaks it" }
                            (wide("Case", &html! { pre { (Text(&finding.to_string())) } }))
                        }
                    }
                }
            }
        }
    }
}

fn result(step: &Step<'_>, change: &ResultChange<'_>) -> Markup {
    let shown = match change.shown {
        Some(Shown::Case(finding)) => finding.to_string(),
        Some(Shown::Sequence(failed)) => failed.story.clone(),
        None => String::new(),
    };
    html! {
        article {
            h3 {
                code { (Text(&change.row)) } ": " (change.before) " in " (Text(&step.before.name)) ", "
                (change.after) " in " (Text(&step.release.name))
            }
            (wide("What breaks it", &html! { pre { (Text(&shown)) } }))
        }
    }
}
