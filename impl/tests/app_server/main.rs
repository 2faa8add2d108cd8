//! The app-server, driven by a client that validates every message against the schemas.
#![cfg(feature = "network")]

// `cfg(test)` tells clippy that helpers are test code too.
#[cfg(test)]
mod account_change;
#[cfg(test)]
mod auth;
#[cfg(feature = "cli")]
#[cfg(test)]
mod binary;
#[cfg(test)]
mod end;
#[cfg(all(feature = "cli", target_os = "linux"))]
#[cfg(test)]
mod executors;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod orchestrator;
#[cfg(test)]
#[path = "../oauth/provider.rs"]
#[allow(dead_code, reason = "the tests of OAuth use the rest")]
mod provider;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod selected;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod support;
#[cfg(test)]
mod thread_config;
#[cfg(test)]
mod threads;
#[cfg(test)]
mod views;
