//! Behaviour over time: what a host may show while its configuration, its account, its threads and
//! its servers change (`docs/semantics.md`, "Over time").
//!
//! Order of reading: [`sequence`] (what is done), [`seen`] (what is observed of a step), [`state`]
//! (what each step changes). `uses.rs` says what a use of a server must come to.

mod memo;
pub mod seen;
pub mod sequence;
pub mod state;
pub mod thread;
mod uses;

pub use seen::{Expected, Listed, Seen};
pub use sequence::{Behaviour, Means, Sequence, Step};
pub use state::{BASE, State};
