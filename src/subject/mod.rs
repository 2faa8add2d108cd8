//! What is under test ([`Subject`]), and how it is asked ([`Driver`]).

mod contract;
mod driver;
mod in_process;
mod model;
pub(crate) mod process;
mod production;
mod reply;
pub mod stdio;

pub use contract::Subject;
pub use driver::{Driver, Route, Sight, ask_one};
pub use in_process::{InProcess, silence_subjects};
pub use model::ModelSubject;
pub use production::{HostInputs, ProductionSubject};
pub use reply::{Failure, FailureKind, Reply};
pub use stdio::StdioDriver;
