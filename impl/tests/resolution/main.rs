//! Resolution: configuration, plugins, contributors and views. Nothing here needs the network.

// `cfg(test)` tells clippy that helpers are test code too.
#[cfg(test)]
mod apps_server;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod contributors;
#[cfg(test)]
mod durations;
#[cfg(test)]
mod host_config;
#[cfg(test)]
mod overrides;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod plugins_installed;
#[cfg(test)]
mod plugins_on_disk;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod server_auth;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod views;
