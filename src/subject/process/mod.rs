//! A subprocess: its group, its pipes, what it logs and the secrets in its output.

pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod piped;
pub(crate) mod secrets;

pub use piped::MAX_LINE;
