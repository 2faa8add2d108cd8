//! The executable specification of ordered MCP server overlays.
//!
//! Read it next to `docs/semantics.md`: every rule of that page is one small function or match arm
//! here, whose comment quotes the rule's text under its id. Pure functions over `BTreeMap`; no
//! I/O, no async, and nothing shared with the implementations that are held against it.
//!
//! Order of reading: [`case`] (what is asked), [`resolution`] (the three views), [`overlay`],
//! [`apps`] (the reserved server), [`endpoint`] (its URL), [`host`] and [`server`] (reading what
//! users write), [`answer`] (what is answered).

pub mod answer;
pub mod apps;
pub mod case;
pub mod endpoint;
pub mod host;
pub mod observation;
pub mod overlay;
pub mod resolution;
pub mod server;

pub use answer::{Answer, PluginOwners, Rejected, ServerView, Views};
pub use case::{Auth, Case, Contribution, Contributor, ContributorKind, Plugin, Profile};
pub use resolution::{By, Decided, Outcome, Reason, Rejection, Resolution, View, resolve};

/// The id of a rule of `docs/semantics.md`, such as `gate.closed-removes`.
pub type RuleId = &'static str;

/// The reserved name of the host-owned Apps server.
pub const CODEX_APPS: &str = "codex_apps";
