//! Sequences on the production host in this process, without network, disk or waiting
//! (`docs/sequences.md`).
//!
//! The code that serves the app-server runs unchanged. The checker gives it a text as its config, a
//! text as its sign-in, and a connector whose servers are in memory ([`world`]). Time is virtual: a
//! timeout ends as soon as nothing else can happen.

pub mod connector;
pub mod driver;
pub mod host;
mod player;
pub mod subject;
pub mod world;
