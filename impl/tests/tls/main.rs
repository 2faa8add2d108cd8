//! HTTPS with the certificate authorities of `CODEX_CA_CERTIFICATE`.
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
