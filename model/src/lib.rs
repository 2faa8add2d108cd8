//! The executable specification of ordered MCP server overlays.
//!
//! Read it next to `docs/semantics.md`: every rule of that page is one small function or match arm
//! here, whose comment quotes the rule's text under its id. Pure functions over `BTreeMap`; no
//! I/O, no async, and nothing shared with the implementations that are held against it.
//!
//! Order of reading: [`case`] (what is asked) and [`profile`] (by which [`rule`]s); [`mod@resolve`]
//! (the three views), [`overlay`] (contributions), [`apps`] (the reserved server), [`endpoint`] (its URL),
//! [`origin`] (where `auth` counts); [`host`], [`server`], [`field`] and [`duration`] (reading what
//! users write); [`observe`] (what a running host shows). [`wide`] is what only some subjects are asked:
//! [`selected`] plugins with their [`root_path`], and [`requirements`]. [`decision`], [`outcome`],
//! [`observation`] and [`answer`] are the vocabulary of results.

pub mod answer;
pub mod apps;
pub mod case;
pub mod decision;
pub mod duration;
pub mod endpoint;
pub mod field;
pub mod host;
pub mod lifecycle;
pub mod narrow;
mod null;
pub mod observation;
pub mod observe;
pub mod origin;
pub mod outcome;
pub mod overlay;
mod plugin;
pub mod profile;
pub mod requirements;
pub mod resolve;
pub mod root_path;
pub mod rule;
pub mod selected;
pub mod server;
pub mod warning;
pub mod wide;

pub use answer::{Answer, PluginOwners, Rejected, ServerView, Views};
pub use case::{Auth, CODEX_APPS, Case, Contribution, Contributor, ContributorKind, Plugin};
pub use decision::{By, Decided, Reason, Rejection, View};
pub use outcome::{Outcome, Resolution};
pub use profile::Profile;
pub use resolve::{resolve, resolve_by};
pub use rule::{Level, Rule, RuleSet};
pub use warning::Warning;
