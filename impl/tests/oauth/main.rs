//! Logins, tokens and their refresh, with an MCP server and an authorization server in wiremock.
#![cfg(feature = "network")]

// `cfg(test)` tells clippy that helpers are test code too.
#[cfg(test)]
mod connect_url;
#[cfg(test)]
mod login;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod status;
#[cfg(test)]
mod store;
#[cfg(test)]
mod tokens;
