//! The sign-in: the forms of `auth.json`, the headers, and the refresh of tokens.
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
