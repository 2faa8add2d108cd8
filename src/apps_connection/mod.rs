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
pub use connect::Problem;
pub use scenario::Scenario;
pub use table::SCENARIOS;

use crate::subject::Driver;

/// Runs a scenario with a subject, on a runtime of its own.
///
/// # Errors
/// When there is no runtime to be had; that is no word about the subject.
pub fn run(scenario: &Scenario, driver: &dyn Driver) -> io::Result<Result<(), Problem>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(scenario.run(driver)))
}
