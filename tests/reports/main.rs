//! The report files: each format of a clean run, of one with findings, and of one whose subject
//! means harm.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod github;
mod html;
mod json;
mod junit;
mod merge;
mod page;
mod sample;
