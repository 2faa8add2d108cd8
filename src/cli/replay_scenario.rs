//! `mcp-overlay replay` of scenarios of the phase `endpoint`.

use std::path::PathBuf;
use std::process::ExitCode;

use mcp_overlay::apps_connection::saved::{FORMAT, SavedScenario};
use mcp_overlay::apps_connection::{self, Scenario};
use mcp_overlay::display::printable_lines;
use mcp_overlay_model::Profile;
use serde_json::Value;

use super::console::{FINDINGS, Misuse, Outcome, read_text, say};
use super::selected;

/// The scenarios in these files; `None` if the first file has cases.
pub(crate) fn read(files: &[PathBuf]) -> Result<Option<Vec<&'static Scenario>>, Misuse> {
    let mut scenarios = Vec::new();
    for path in files {
        let (text, place) = (read_text(path)?, path.display());
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        if document.get("scenario").is_none() {
            return match scenarios.as_slice() {
                [] => Ok(None),
                _ => Err(format!(
                    "{place}: not a scenario, and the file before it is one\n  help: replay cases and \
                     scenarios one kind after the other"
                )
                .into()),
            };
        }
        let saved: SavedScenario = serde_json::from_str(&text)
            .map_err(|error| format!("{place}: not a scenario: {error}"))?;
        if saved.format != FORMAT {
            let found = saved.format;
            return Err(format!("{place}: a scenario of format {found}, expected {FORMAT}").into());
        }
        let Some(scenario) = saved.find() else {
            let name = printable_lines(&saved.scenario);
            return Err(format!("{place}: this version has no scenario \"{name}\"").into());
        };
        scenarios.push(scenario);
    }
    Ok(Some(scenarios))
}

/// Runs each scenario once.
pub(crate) fn run(subject: &selected::SubjectArguments, scenarios: &[&Scenario]) -> Outcome {
    if subject.is_outside() {
        return Err(
            "a scenario of the phase endpoint needs a subject that returns its views\n  help: \
                    leave out --app-server, or name the subject with --stdio"
                .into(),
        );
    }
    let mut failed = false;
    for selected in selected::start(subject, &[Profile::default()])? {
        let driver = selected.driver();
        for scenario in scenarios {
            let name = driver.name();
            let words = match apps_connection::run(scenario, driver)? {
                Ok(()) => format!("endpoint: {}: {name} does what is expected\n", scenario.name),
                Err(problem) => {
                    failed = true;
                    format!("endpoint: {}: {name}\n  {problem}\n", scenario.name)
                }
            };
            say(&printable_lines(&words))?;
        }
        selected.stop();
    }
    Ok(if failed { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS })
}
