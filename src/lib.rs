//! The checker: tells whether an MCP host resolves its servers the way the specification says.
//!
//! Data goes one way: bytes → case ([`generate`], [`exhaustive`], [`vectors`]) → what the
//! specification and a [`subject`] say → verdict ([`compare`]) → event ([`campaign`]) → report
//! ([`report`]). A case that fails is made small
//! ([`minimise`]), blamed on a rule ([`blame`]) and kept ([`finding`]).

pub mod blame;
pub mod campaign;
pub mod compare;
pub mod coverage;
#[cfg(feature = "endpoint")]
pub mod endpoint;
pub mod exhaustive;
pub mod expected;
pub mod explain;
pub mod finding;
pub mod generate;
pub mod investigate;
pub mod labels;
pub mod minimise;
pub mod oracle;
pub mod protocol;
pub mod report;
pub mod rules;
pub mod selftest;
pub mod shape;
pub mod subject;
pub mod toml_case;
pub mod vectors;
