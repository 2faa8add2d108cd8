//! A host resolves the current configuration and the current sign-in to a view.
//!
//! All code that needs the servers calls [`Host::resolve`] (for the latest configuration) or
//! [`Host::resolved`] (for the configuration of a thread). No code keeps a view for longer than one
//! request: each request checks the sign-in, so a view does not outlive its credentials.

mod chatgpt_plugins;
mod config_now;
mod connector;
mod demanded;
mod environments;
mod home;
mod recovery;
mod resolve;
mod resolved;
mod servers;
mod slot;

pub(crate) use chatgpt_plugins::warnings as chatgpt_warnings;
pub use config_now::{
    CONFIG_FILE, ConfigLayer, ConfigNow, ConfigNowError, ConfigSource, ConfigText, PLUGINS_FOLDER,
};
pub use connector::{Connector, Network, ServerConnection};
pub use demanded::REQUIREMENTS_VARIABLE;
pub use home::home_of;
pub use resolve::{Host, HostParts, Warn};
pub use resolved::{Configuration, EffectiveView, Resolved};
pub use servers::{Required, ServerSet};
pub use slot::{Lease, StartupEvent, StartupEvents, StartupStatus};
