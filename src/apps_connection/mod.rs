//! The Apps endpoint as a real server on loopback, and real connections to it: what is sent, to
//! whom, with which credentials.
//!
//! The subject resolves; the production implementation's connections are made to the server that
//! the subject's effective view has.

mod apps_server;
mod connect;
mod scenario;
mod table;

use std::io;

pub use apps_server::{AppsEndpoint, Behaviour};
pub use scenario::Scenario;
pub use table::SCENARIOS;

use crate::report::ScenarioFailure;
use crate::subject::Subject;

/// Runs a scenario with a subject, on a runtime of its own.
///
/// # Errors
/// When there is no runtime to be had; that is no word about the subject.
pub fn run(scenario: &Scenario, subject: &dyn Subject) -> io::Result<Result<(), ScenarioFailure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(scenario.run(subject));
    Ok(outcome.map_err(|message| ScenarioFailure {
        name: scenario.name.into(),
        rule: scenario.rule,
        message,
        expected: None,
    }))
}
