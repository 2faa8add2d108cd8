//! HTTPS to servers whose certificate authority `CODEX_CA_CERTIFICATE` names, and to others.
#![cfg(feature = "network")]

// It runs the program.
#[cfg(feature = "cli")]
#[cfg(test)]
mod chatgpt;
#[cfg(test)]
mod front;
#[cfg(test)]
mod server;
#[cfg(test)]
mod trust;
