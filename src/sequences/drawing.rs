//! A failed sequence as a picture: who sent what to whom, from top to bottom.

use serde::{Deserialize, Serialize};

/// What happened between the client, the host and the servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Who takes part: the client, the host, and each server.
    pub lanes: Vec<String>,
    /// What happened, in order.
    pub events: Vec<PictureEvent>,
}

/// A message, or what one of them does by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureEvent {
    /// The step, from 1.
    pub step: usize,
    /// The lane that it comes from, from 0.
    pub from: usize,
    /// The lane that it goes to; `from` if it is no message.
    pub to: usize,
    /// What it is.
    pub text: String,
    /// Whether this breaks the rule.
    #[serde(default)]
    pub is_wrong: bool,
}
