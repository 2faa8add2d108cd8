//! HTTPS with the certificate authorities of `CODEX_CA_CERTIFICATE`.
#![cfg(feature = "network")]

#[cfg(test)]
mod front;
#[cfg(test)]
mod server;
#[cfg(test)]
mod trust;
