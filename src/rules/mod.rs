//! What the checker knows about each rule: an [`Entry`] for each rule, in a file for each
//! group of related rules.
//!
//! An entry says when a case reaches the rule, what shows of it, which answers break it, and how it
//! is broken on purpose. Coverage, blame and the self-test ask the entries; none of them names a
//! rule that an entry can speak for.

pub mod coverage;
mod entry;
pub mod fault;
mod situation;

mod apps;
mod apps_faults;
mod apps_server;
mod configured;
mod configured_faults;
mod endpoint;
mod endpoint_faults;
mod features;
mod features_faults;
mod gate;
mod gate_faults;
mod host;
mod host_faults;
pub mod over_time;
mod overlay;
mod overlay_faults;
mod page;
mod requirements;
mod resolution;
mod rewriting;
mod routing;
mod running;
mod selected;
mod server;
mod server_faults;
mod table;
mod warning_faults;
mod wide;

use mcp_overlay_model::{Profile, Rule};

pub use self::entry::{Entry, Fields, Reached, Rewrite, Shows, Step};
pub use self::page::{SEMANTICS, details, sentence};
pub use self::situation::{Situation, url_depends_on};
pub use self::table::{entries, holding, of_apps_field, of_field, rewrites};

/// The profiles in which a rule holds, oldest first.
pub fn profiles(rule: Rule) -> impl Iterator<Item = Profile> {
    Profile::ALL.into_iter().filter(move |profile| profile.has(rule))
}
