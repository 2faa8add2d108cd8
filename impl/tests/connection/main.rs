//! Connections to MCP servers: HTTP endpoints that wiremock hosts, and processes.
#![cfg(feature = "network")]

// `cfg(test)` tells clippy that helpers are test code too.
#[cfg(test)]
mod authorization;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod endpoint;
#[cfg(unix)]
#[cfg(test)]
mod executor;
#[cfg(test)]
mod faults;
#[cfg(target_os = "linux")]
#[cfg(test)]
mod floods;
// Runs the program.
#[cfg(all(feature = "cli", target_os = "linux"))]
#[cfg(test)]
mod host;
// Looks into /proc.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod processes;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod stuck;
#[cfg(test)]
mod support;
