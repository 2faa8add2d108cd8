//! The configuration: the host's `config.toml`, its servers, the environment and the profile.
//!
//! TOML, `-c key=value` and JSON are all read as [`node::Node`] by the same code, so that they agree on
//! what is valid. Order of reading: `profile` (what differs between profiles), `host` and
//! `features`, `server` (the types) and `server_read`, `apps_url`; the rest are their tools.

mod apps_url;
mod canonical;
mod document;
mod entry_shape;
mod environment;
mod error;
mod features;
mod host;
mod json_overrides;
mod name;
mod native_path;
mod nesting;
pub(crate) mod node;
pub(crate) mod origin;
mod overrides;
pub(crate) mod place;
mod profile;
mod read;
mod redacted;
mod requirements;
mod server;
mod server_read;
mod servers;
mod source;
mod thread;
mod tree;

pub use apps_url::DEFAULT_CHATGPT_BASE_URL;
pub use environment::Environment;
pub use error::{ConfigError, Loaded, Origin, ServerError, Warning};
pub use features::{DEFAULT_APPS_MCP_PATH, Features};
pub use host::{HostConfig, MAX_CONFIG_BYTES};
pub use overrides::{Override, OverrideError};
pub use profile::{Profile, UnknownProfile};
pub use redacted::Redacted;
pub use requirements::Requirements;
pub use server::{
    ApprovalMode, EnvVar, EnvVarSource, LOCAL_ENVIRONMENT, OAuthClient, ServerAuth, ServerConfig,
    ServerMap, Stdio, StreamableHttp, ToolConfig, Transport,
};
pub use servers::Servers;
pub use thread::{DEFAULT_ORIGINATOR, SelectedPlugin, ThreadInputs};

pub(crate) use document::Document;
pub(crate) use entry_shape::{shaped, with_cwd_below};
#[cfg(feature = "lint")]
pub(crate) use error::quoted;
pub(crate) use error::{Key, Note, Notes};
#[cfg(feature = "lint")]
pub(crate) use host::every_fault;
pub(crate) use name::{Name, Sought};
#[cfg(feature = "lint")]
pub(crate) use nesting::too_deep_at;
pub(crate) use profile::Behaviour;
#[cfg(feature = "network")]
pub(crate) use read::string;
pub(crate) use read::{Read, boolean, strings, table, under};
pub(crate) use server_read::{approval_mode, read_server, tools, unknown_key};
pub(crate) use servers::Named;
pub(crate) use source::Source;
#[cfg(feature = "network")]
pub(crate) use thread::native_root;
