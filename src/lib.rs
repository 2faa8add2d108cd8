//! The checker: checks whether an MCP host resolves its servers as the specification says.
//!
//! A host in Rust checks itself in a test, with this crate as a dev-dependency:
//!
//! ```
//! use mcp_overlay::model::{Answer, Case};
//! use mcp_overlay::{Options, Subject, check};
//!
//! struct MyHost;
//!
//! impl Subject for MyHost {
//!     fn name(&self) -> &str {
//!         "my-host"
//!     }
//!
//!     fn resolve(&self, case: &Case) -> Answer {
//!         // Convert the case to your host's config, resolve, and convert the views to an answer.
//!         // `examples/subjects/rust/main.rs` is a complete subject.
//! #       mcp_overlay::subject::ProductionSubject.resolve(case)
//!     }
//! }
//!
//! # fn main() {
//! # // In your tests this is a `#[test]`; a doc test that runs cannot contain one.
//! let options = Options { cases: Some(2_000), ..Options::default() };
//! # let options = Options { phases: [mcp_overlay::campaign::Phase::Random].into(), ..options };
//! let report = check(&MyHost, &options).unwrap();
//! // A run of fewer cases is narrowed: it is never clean, but has no disagreement.
//! report.assert_no_disagreement();
//! # }
//! ```
//!
//! Data flows one way: bytes → case ([`cases`]) → answers of the specification and of a [`subject`]
//! → verdict ([`judge`]) → event ([`campaign`]) → report ([`report`]). A failing case is shrunk
//! ([`cases::shrink`]), blamed on a rule ([`finding::blame`]) and saved ([`finding`]).

#[cfg(feature = "endpoint")]
pub mod apps_connection;
#[cfg(feature = "endpoint")]
pub mod black_box;
pub mod campaign;
pub mod cases;
pub mod display;
pub mod explain;
pub mod files;
pub mod finding;
pub mod fuzz;
#[cfg(feature = "endpoint")]
pub mod in_process;
pub mod judge;
mod parallel;
pub mod profile_diff;
pub mod protocol;
#[cfg(feature = "endpoint")]
pub mod releases;
pub mod report;
pub mod rules;
pub mod selftest;
pub mod sequences;
pub mod subject;
#[cfg(feature = "endpoint")]
pub mod temporary;

pub use campaign::{Error, Options};
pub use mcp_overlay_model as model;
pub use report::Report;
pub use subject::Subject;

/// Checks a subject against the specification and returns the report. Prints nothing;
/// [`campaign::run`] also reports progress.
///
/// # Errors
/// A failure of the checker itself. A failing subject is not an error.
pub fn check(subject: &dyn Subject, options: &Options) -> Result<Report, Error> {
    campaign::run(&subject::InProcess(subject), options, &mut campaign::Quiet)
}
