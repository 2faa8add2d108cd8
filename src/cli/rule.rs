//! `mcp-overlay rule` and `mcp-overlay rules`

use std::process::ExitCode;

use mcp_overlay::rules::{details, profiles, sentence};
use mcp_overlay::selftest::faults;
use mcp_overlay::sequences::known::of_rule;
use mcp_overlay_model::{Profile, Rule};

use super::console::{self, Outcome, say};

/// Show what a rule says, where it holds, an example, and how implementations have broken it.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mcp-overlay rule gate.open\n  mcp-overlay rules")]
pub(crate) struct One {
    /// The id of a rule, such as gate.open, as findings name it
    #[arg(value_name = "RULE", value_parser = rule)]
    rule: Rule,
}

/// List the rules, each with its sentence.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  mcp-overlay rules\n  mcp-overlay rules --profile codex-pr-31803"
)]
pub(crate) struct All {
    /// Only the rules of this profile
    #[arg(long, value_name = "P", value_parser = console::profile)]
    profile: Option<Profile>,
}

/// Ids that are at least this similar are suggested, from 0 to 1.
const SIMILAR: f32 = 0.5;

fn rule(id: &str) -> Result<Rule, String> {
    id.parse().map_err(|_| {
        let ids: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        let close = similar::get_close_matches(id, &ids, 3, SIMILAR);
        match close.is_empty() {
            true => "no such rule; `mcp-overlay rules` lists them".into(),
            false => format!("no such rule; did you mean {}?", close.join(" or ")),
        }
    })
}

pub(crate) fn run_all(arguments: &All) -> Outcome {
    let holds = |rule: &&Rule| arguments.profile.is_none_or(|profile| profile.has(**rule));
    let line = |rule: &Rule| format!("{}\n    {}\n", rule.id(), sentence(*rule));
    say(&Rule::ALL.iter().filter(holds).map(line).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_one(arguments: &One) -> Outcome {
    say(&described(arguments.rule))?;
    Ok(ExitCode::SUCCESS)
}

fn described(rule: Rule) -> String {
    let profiles: Vec<&str> = profiles(rule).map(Profile::name).collect();
    let profiles = match profiles.len() == Profile::ALL.len() {
        true => "all".to_string(),
        false => profiles.join(", "),
    };
    let mut text = format!("{}\n\n{}\n\nprofiles: {profiles}\n", rule.id(), sentence(rule));
    let details = details(rule);
    if !details.is_empty() {
        text.push_str(&format!("\n{details}\n"));
    }
    let faults: Vec<_> = faults::all().filter(|fault| fault.rule == Some(rule)).collect();
    if let Some(first) = faults.first() {
        text.push_str("\nFaults that the self-test seeds into an implementation:\n");
        for fault in &faults {
            text.push_str(&format!("  {}: {}\n", fault.name, fault.what));
        }
        text.push_str(&format!(
            "To see such a finding: mcp-overlay check --fault {}\n",
            first.name
        ));
    }
    let sequences: Vec<&str> = of_rule(rule).collect();
    if !sequences.is_empty() {
        text.push_str("\nSequences that showed a host breaking it (tests/sequences):\n");
        sequences.iter().for_each(|name| text.push_str(&format!("  {name}\n")));
    }
    text
}
