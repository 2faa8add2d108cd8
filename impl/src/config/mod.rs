//! What a user configures: the host's `config.toml`, its servers and the environment.
//!
//! Everything is read through one reader over [`node::Node`], whether it was written as TOML, as
//! `-c key=value` or as JSON, so that the three agree on what is valid.

mod apps_url;
mod canonical;
mod environment;
mod error;
mod features;
mod host;
mod nesting;
pub(crate) mod node;
pub(crate) mod origin;
mod overrides;
pub(crate) mod place;
mod profile;
mod read;
mod redacted;
mod server;
mod server_read;
mod source;
mod tree;

pub use apps_url::DEFAULT_CHATGPT_BASE_URL;
pub use environment::Environment;
pub use error::{ConfigError, Loaded, Origin, ServerError, Warning};
pub use features::{DEFAULT_APPS_MCP_PATH, Features};
pub use host::{HostConfig, MAX_CONFIG_BYTES};
pub use overrides::{Override, OverrideError};
pub use profile::{Profile, UnknownProfile};
pub use redacted::Redacted;
pub use server::{
    ApprovalMode, EnvVar, EnvVarSource, LOCAL_ENVIRONMENT, OAuthClient, ServerAuth, ServerConfig,
    ServerMap, Stdio, StreamableHttp, ToolConfig, Transport,
};

pub(crate) use error::{Key, Note, Notes};
pub(crate) use overrides::apply_all;
#[cfg(feature = "network")]
pub(crate) use read::string;
pub(crate) use read::{Read, boolean, table, under};
pub(crate) use server_read::read_server;
pub(crate) use source::Source;
pub(crate) use tree::parse_document;
