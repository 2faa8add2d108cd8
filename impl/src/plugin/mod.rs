//! Plugins: installed packages with MCP servers of their own.

mod apps;
mod cache;
mod disk;
mod entries;
mod file;
mod policies;
mod policy;
mod states;

pub use cache::installed_plugins;
#[cfg(feature = "network")]
pub(crate) use disk::{DEFAULT_SERVERS, MANIFEST};
pub use disk::{MAX_PLUGINS, PluginError, discover_plugins};
pub use entries::{Plugin, WrittenPlugin};
pub use file::MAX_PLUGIN_FILE_BYTES;
#[cfg(feature = "network")]
pub(crate) use file::read_inside;
#[cfg(feature = "network")]
pub(crate) use policies::plugin_policies_in;
pub use policies::{PluginPolicies, plugin_policies};
pub use policy::PluginPolicy;
pub use states::plugin_states;
#[cfg(feature = "lint")]
pub(crate) use states::switch_faults;
#[cfg(feature = "network")]
pub(crate) use states::{app_states, plugin_states_in, plugins_are_on};
