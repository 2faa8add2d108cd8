//! ChatGPT's own origin on this machine: namespaces in which its names lead to loopback and from
//! which nothing leaves, and TLS in front of a plain server there.
//!
//! Hosts send credentials to ChatGPT's origin and to no other, so only there can be seen what they
//! send.

mod hosts;
mod inside;
pub mod namespace;
pub mod tls;

pub use hosts::HOSTS;
