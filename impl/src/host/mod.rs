//! A host: the one place that turns configuration now and auth now into a resolved view.
//!
//! Whatever wants to know which servers there are asks [`Host::resolve`] (the latest configuration)
//! or [`Host::resolved`] (the configuration of a thread), and nothing else. Nobody keeps a view for
//! longer than one request: who is signed in is asked anew each time, so a view cannot outlive the
//! credentials it was made for.

mod config_now;
mod home;
mod resolve;
mod resolved;
mod servers;
mod slot;

pub use config_now::{CONFIG_FILE, ConfigNow, ConfigNowError, ConfigSource, PLUGINS_FOLDER};
pub use home::home_of;
pub use resolve::{Host, HostParts, Warn};
pub use resolved::{Configuration, EffectiveView, Resolved};
pub use servers::{Required, ServerSet};
pub use slot::{Lease, StartupEvent, StartupEvents, StartupStatus};
