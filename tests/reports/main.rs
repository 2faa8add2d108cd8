//! The report files: each format for a clean run, for a run with findings, and for a hostile
//! subject.

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
mod releases;
mod sample;
mod verdict;
