//! A sequence of steps on a running app-server, as its client and its servers see it
//! (`docs/sequences.md`).
//!
//! Nothing sleeps: a server holds a call until the sequence releases it, and the player waits for that
//! event, with a limit.

pub(crate) mod accounts;
mod addresses;
mod answer;
mod asked;
mod calls;
mod carried;
pub(super) mod crash_run;
mod crashed;
mod grants;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]
mod grants_tests;
mod held;
mod http;
mod lag;
mod left_behind;
mod logins;
mod model_provider;
mod oauth;
pub(super) mod player;
mod processes;
mod running;
pub(super) mod servers;
mod shared;
mod spoken;
mod stored;
mod target;
mod turns;
