//! The app-server, driven by a client that holds every message against the schemas.
#![cfg(feature = "network")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod auth;
mod end;
mod lines;
mod oauth;
mod orchestrator;
mod reload;
mod schemas;
mod support;
mod threads;
mod views;
