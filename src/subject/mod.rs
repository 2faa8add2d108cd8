//! The implementation under test ([`Subject`]), and how the checker asks it ([`Driver`]).

mod contract;
mod driver;
mod form;
mod form_writer;
mod in_process;
mod model;
pub(crate) mod process;
mod production;
mod reply;
pub mod stdio;
mod steps;
mod trace;
mod watch;

pub use contract::Subject;
pub(crate) use driver::threads_for;
pub use driver::{Driver, MORE_PATIENCE, Patient, Route, SubjectKind, Visibility, ask_one};
pub use form::Form;
#[cfg(feature = "endpoint")]
pub(crate) use in_process::as_subject;
pub use in_process::{InProcess, silence_subjects};
pub use model::ModelSubject;
pub use production::{HostInputs, ProductionSubject};
pub use reply::{Failure, FailureKind, Reply};
pub use stdio::StdioDriver;
pub use steps::{StepKind, Steps};
pub use trace::{
    ANOTHER_VALUE, Credentials, ListedFor, MODEL_PROVIDER, Observed, Repeated, Request, Reused,
    StoredTokens, TokenChange, Trace, UsedConnection,
};
pub use watch::{Unwatched, Watch};
