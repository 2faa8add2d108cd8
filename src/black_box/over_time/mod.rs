//! A sequence of steps on a running app-server, as its client and its servers see it
//! (`docs/sequences.md`).
//!
//! Races are made: a server holds a call until the sequence releases it, and the player waits for the
//! event, with a limit. Nothing sleeps.

mod accounts;
pub(super) mod player;
pub(super) mod servers;
