//! Behaviour over time: what a host may show while its configuration, its account, its threads and
//! its servers change (`docs/semantics.md`, "Over time").
//!
//! Order of reading: [`sequence`] (what is done), [`seen`] (what is observed of a step), [`state`]
//! (what each step changes; `together.rs`: several at once, `turns.rs`: a turn, `reloads.rs`: slow
//! reloads). `uses.rs`, `reads.rs` and `views.rs` say what a use, a read and a list of servers must come
//! to, `carried.rs` what a request carries, `in_use.rs` which connections there may be, `stays.rs` which
//! of them must stay.

mod accounts;
mod address;
mod arguments;
mod carried;
mod config;
mod in_use;
mod logged_in;
mod logins;
mod reads;
mod reloads;
pub mod seen;
pub mod sequence;
mod signed_in;
pub mod state;
mod stays;
pub mod thread;
mod together;
mod turns;
mod uses;
mod views;

pub use address::BASE;
pub use carried::{Carried, Entries, UseCarries};
pub use seen::{Expected, Listed, Seen, Wrong};
pub use sequence::{Behaviour, Ending, Means, Sequence, SignIn, Step, Tokens, account_of};
pub use state::State;
pub use stays::Stays;
