//! ChatGPT's own origin on this machine: namespaces in which its names resolve to loopback and that
//! have no way out, and TLS in front of a plain server there.
//!
//! Hosts send credentials only to ChatGPT's origin, so only there can they be observed.

mod hosts;
mod inside;
pub mod namespace;
pub mod tls;

pub use hosts::HOSTS;
