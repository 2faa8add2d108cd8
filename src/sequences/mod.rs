//! Behaviour over time: generates, judges, shrinks and prints sequences of steps
//! (`docs/sequences.md`).

mod alphabet;
pub mod broken;
mod carried_words;
mod configs;
pub mod drawing;
pub mod generate;
mod generate_arguments;
mod generate_entries;
mod generate_logins;
mod generate_reads;
mod generate_reloads;
mod generate_scenarios;
mod generate_sign_ins;
mod generate_turns;
pub mod judge;
mod judge_requests;
pub mod known;
pub mod linearize;
pub mod narrow;
pub mod picture;
pub mod saved;
pub mod search;
pub mod shrink;
pub mod sometimes;
pub mod stored_logins;
pub mod story;
