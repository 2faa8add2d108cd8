//! ChatGPT's own origin on this machine: namespaces in which its names lead to loopback and from
//! which nothing leaves, and TLS in front of a plain server there.
//!
//! Hosts send credentials to ChatGPT's origin and to no other, so only there can be seen what they
//! send.

mod inside;
pub mod namespace;
pub mod tls;

/// The names of ChatGPT's origin.
pub const HOSTS: [&str; 2] = ["chatgpt.com", "chat.openai.com"];
