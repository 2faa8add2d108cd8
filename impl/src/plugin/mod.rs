//! Plugins: installed packages with MCP servers of their own.

mod cache;
mod disk;
mod entries;
mod policy;
mod states;

pub use cache::installed_plugins;
pub use disk::{MAX_PLUGIN_FILE_BYTES, MAX_PLUGINS, PluginError, discover_plugins};
pub use entries::{Plugin, WrittenPlugin};
pub use policy::PluginPolicy;
pub use states::plugin_states;
#[cfg(feature = "lint")]
pub(crate) use states::switch_faults;
#[cfg(feature = "network")]
pub(crate) use states::{app_states, plugin_states_in, plugins_are_on};
