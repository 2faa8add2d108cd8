//! The faults of `server.*`; the entries in `server.rs` list them.

pub(super) mod durations;
pub(super) mod fields;
pub(super) mod transport;
pub(super) mod types;
