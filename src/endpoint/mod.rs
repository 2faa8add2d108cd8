//! tmp
use std::io;
/// x
pub struct Scenario {
    /// n
    pub name: &'static str,
}
/// x
#[derive(Debug)]
pub struct ScenarioFailure {
    /// n
    pub name: &'static str,
    /// m
    pub message: String,
}
/// x
pub const SCENARIOS: &[Scenario] = &[];
/// x
pub fn run(_: &Scenario) -> io::Result<Result<(), ScenarioFailure>> {
    Ok(Ok(()))
}
