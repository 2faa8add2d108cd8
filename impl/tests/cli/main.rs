//! The binary `mcp-overlay-host`, as a user runs it.
#![cfg(feature = "cli")]

// `cfg(test)` tells clippy that helpers are test code too.
#[cfg(test)]
mod demanded;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod files;
#[cfg(test)]
mod help;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod login;
#[cfg(test)]
#[path = "../oauth/provider.rs"]
#[expect(dead_code, reason = "the tests of OAuth use the rest")]
mod provider;
#[cfg(test)]
mod show;
#[cfg(test)]
mod support;
