//! The checker: tells whether an MCP host resolves its servers the way the specification says.
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
//!         // Here: the case becomes your host's config, your host resolves, and its views become
//!         // an answer. `examples/subjects/rust/main.rs` is a whole one.
//! #       mcp_overlay::subject::ProductionSubject.resolve(case)
//!     }
//! }
//!
//! # fn main() {
//! # // A test of a library says `#[test]`; an example that is run cannot.
//! let options = Options { cases: Some(2_000), ..Options::default() };
//! # let options = Options { phases: [mcp_overlay::campaign::Phase::Random].into(), ..options };
//! let report = check(&MyHost, &options).unwrap();
//! report.assert_clean();
//! # }
//! ```
//!
//! Data goes one way: bytes → case ([`cases`]) → what the specification and a [`subject`] say →
//! verdict ([`judge`]) → event ([`campaign`]) → report ([`report`]). A case that fails is made small
//! ([`cases::shrink`]), blamed on a rule ([`finding::blame`]) and kept ([`finding`]).

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
pub mod judge;
mod parallel;
pub mod profile_diff;
pub mod protocol;
#[cfg(feature = "endpoint")]
pub mod releases;
pub mod report;
pub mod rules;
pub mod selftest;
pub mod subject;

pub use campaign::{Error, Options};
pub use mcp_overlay_model as model;
pub use report::Report;
pub use subject::Subject;

/// Holds a subject against the specification and tells what came of it. Nothing is printed;
/// [`campaign::run`] also tells what happens meanwhile.
///
/// # Errors
/// What keeps the checker itself from working; a failing subject is no error.
pub fn check(subject: &dyn Subject, options: &Options) -> Result<Report, Error> {
    campaign::run(&subject::InProcess(subject), options, &mut campaign::Quiet)
}
