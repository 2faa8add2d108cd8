//! The sign-in: the forms of `auth.json`, what is sent, and how tokens are refreshed.
#![cfg(feature = "network")]

// `cfg(test)` tells clippy that helpers are test code too.
#[cfg(test)]
mod forms;
#[cfg(test)]
mod on_disk;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod support;
