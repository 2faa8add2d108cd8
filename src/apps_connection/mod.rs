//! Real connections to an Apps endpoint on loopback: which requests are sent, where, and with which
//! credentials.
//!
//! The subject resolves; the production implementation connects to the server in the subject's
//! effective view.

mod apps_server;
mod connect;
pub mod saved;
mod scenario;
mod table;

use std::io;

pub use apps_server::{AppsEndpoint, Behaviour};
pub use connect::Problem;
pub use scenario::Scenario;
pub use table::SCENARIOS;

use crate::subject::Driver;

/// Runs a scenario with a subject, on a runtime of its own.
///
/// # Errors
/// The runtime cannot be created; this is not evidence about the subject.
pub fn run(scenario: &Scenario, driver: &dyn Driver) -> io::Result<Result<(), Problem>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(scenario.run(driver)))
}
