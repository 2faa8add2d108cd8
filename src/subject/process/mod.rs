//! A subprocess: its group, its pipes and what it logs.

pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod piped;

pub use piped::MAX_LINE;
