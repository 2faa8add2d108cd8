//! Laws that hold for every case, on the model and on the production implementation: those of the
//! section "Consequences" of `docs/semantics.md`, and what any resolution owes its user.
//!
//! A law is a function ([`law`], [`consequences`]); proptest ([`by_proptest`]) and quickcheck ([`by_quickcheck`])
//! are thin layers over the checker's own generator and minimiser.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

#[path = "../common/mod.rs"]
mod common;

mod by_proptest;
mod by_quickcheck;
mod consequences;
mod law;
mod law_of_reasons;
mod over_changes;
