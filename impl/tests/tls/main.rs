//! HTTPS to servers whose certificate authority `CODEX_CA_CERTIFICATE` names, and to others.
#![cfg(feature = "network")]

#[cfg(all(test, feature = "cli"))]
mod chatgpt;
#[cfg(test)]
mod front;
#[cfg(test)]
mod server;
#[cfg(test)]
mod trust;
