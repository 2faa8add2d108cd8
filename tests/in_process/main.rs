//! Behaviour over time of the production host in process: the sound one, and hosts that are wrong on
//! purpose.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

#[path = "../common/sequence_examples.rs"]
mod sequence_examples;

mod faults;
mod known;
mod search;
mod sound;
mod wrong;
