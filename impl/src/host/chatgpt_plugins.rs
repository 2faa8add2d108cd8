//! Warnings about plugins that get the user's ChatGPT credentials.

use std::sync::Arc;

use crate::config::{Key, Origin, Profile, ServerConfig, ServerMap, Transport, Warning};
use crate::connection::recipient::gets_host_credentials;

/// A warning for each enabled server of the plugin `id` that gets the credentials, which the plugin
/// alone asked for. Before the field `auth` no plugin could ask.
pub(crate) fn warnings(id: &str, servers: &ServerMap, profile: Profile) -> Vec<Warning> {
    if !profile.behaviour().auth_field {
        return Vec::new();
    }
    let warning = |(name, server): (&Arc<str>, &Arc<ServerConfig>)| {
        let Transport::StreamableHttp(http) = &server.transport else { return None };
        if !server.enabled || !gets_host_credentials(name, http, profile) {
            return None;
        }
        let mut key = Key::default();
        [name, "mcp_servers", id, "plugins"].iter().for_each(|step| key.under(step));
        let message = "the plugin has `auth = \"chatgpt\"` at https://chatgpt.com, so this server \
                       gets your ChatGPT credentials; if you do not trust the plugin with them, \
                       disable the server";
        Some(Warning { key: key.0, origin: Origin::Memory, message: message.to_owned() })
    };
    servers.iter().filter_map(warning).collect()
}
