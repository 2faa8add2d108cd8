//! Connections to a wiremock-hosted Apps endpoint.
#![cfg(feature = "network")]

// `cfg(test)` tells clippy that helpers are test code too.
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod requests;
