//! The Apps endpoint as a real server on loopback, and the production implementation connecting to
//! it: what is sent, to whom, with which credentials.

mod apps_server;
mod scenarios;

use std::io;

pub use apps_server::{AppsEndpoint, Behaviour};
pub use scenarios::{SCENARIOS, Scenario};

/// A scenario that did not go as the specification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioFailure {
    /// The scenario.
    pub name: &'static str,
    /// The rule that it stands for; none for what MCP or the host's own safety asks.
    pub rule: Option<&'static str>,
    /// What was expected and what happened.
    pub message: String,
}

/// Runs a scenario, on a runtime of its own.
///
/// # Errors
/// When there is no runtime to be had; that is no word about the subject.
pub fn run(scenario: &Scenario) -> io::Result<Result<(), ScenarioFailure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(scenario.run());
    let Scenario { name, rule, .. } = *scenario;
    Ok(outcome.map_err(|message| ScenarioFailure { name, rule, message }))
}
