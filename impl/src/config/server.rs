//! One MCP server's configuration, typed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::origin;
use super::redacted::{Redacted, shown_url};

/// Servers by name. Names are compared byte for byte; servers are shared, never copied.
pub type ServerMap = BTreeMap<Arc<str>, Arc<ServerConfig>>;

/// The environment a server runs in unless it names another.
pub const LOCAL_ENVIRONMENT: &str = "local";

/// One MCP server's configuration. `Debug` shows no header values, no environment values, no
/// arguments, and of URLs only scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// A process or an HTTP endpoint.
    pub transport: Transport,
    /// The environment that it runs in or is called from. Default: [`LOCAL_ENVIRONMENT`].
    pub environment_id: Cow<'static, str>,
    /// Whether it is started. A disabled server stays in all views. Default: true.
    pub enabled: bool,
    /// Whether the host fails when the server does. Default: false.
    pub required: bool,
    /// Whether its tools may be called at the same time. Default: false.
    pub supports_parallel_tool_calls: bool,
    /// How long it may take to start. Configured in seconds or milliseconds.
    pub startup_timeout: Option<Duration>,
    /// How long one tool call may take. Configured in seconds.
    pub tool_timeout: Option<Duration>,
    /// Whether its tools need approval, unless a tool says otherwise.
    pub default_tools_approval_mode: Option<ApprovalMode>,
    /// Only these tools are offered.
    pub enabled_tools: Option<Vec<String>>,
    /// These tools are not offered.
    pub disabled_tools: Option<Vec<String>>,
    /// OAuth scopes asked for at login. An empty list counts as configured.
    pub scopes: Option<Vec<String>>,
    /// Settings of single tools, by tool name.
    pub tools: BTreeMap<String, ToolConfig>,
}

/// A process or an HTTP endpoint. Rule `server.transport`: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A process. Messages go over its standard input and output.
    Stdio(Stdio),
    /// An HTTP endpoint.
    StreamableHttp(StreamableHttp),
}

/// A server that is a process. `Debug` shows how many arguments there are, but none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Stdio {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables set for it.
    pub env: Option<BTreeMap<String, Redacted>>,
    /// Environment variables that are passed through to it.
    pub env_vars: Vec<EnvVar>,
    /// Its working folder.
    pub cwd: Option<String>,
}

/// A server that is an HTTP endpoint. `Debug` shows of URLs only scheme, host and port.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StreamableHttp {
    /// The endpoint.
    pub url: String,
    /// The environment variable that holds the bearer token.
    pub bearer_token_env_var: Option<String>,
    /// Headers sent with every request.
    pub http_headers: Option<BTreeMap<String, Redacted>>,
    /// Headers sent with every request, their values taken from these environment variables.
    pub env_http_headers: Option<BTreeMap<String, String>>,
    /// What authorises the host to it. Rule `server.auth`.
    pub auth: ServerAuth,
    /// OAuth client settings.
    pub oauth: Option<OAuthClient>,
    /// The OAuth resource indicator.
    pub oauth_resource: Option<String>,
}

/// What authorises the host to an HTTP server that has no token of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServerAuth {
    /// An OAuth login to the server, if there is one.
    #[default]
    OAuth,
    /// The host's own ChatGPT credentials. Only at ChatGPT's origin: rule
    /// `effective.auth-at-chatgpt-only`.
    ChatGpt,
}

impl StreamableHttp {
    /// Whether the endpoint is at ChatGPT's own origin. A text that is not a URL is nowhere.
    pub(crate) fn is_at_chatgpt(&self) -> bool {
        Url::parse(&self.url).is_ok_and(|url| origin::is_chatgpt(&url))
    }
}

impl ServerAuth {
    /// The value as it is written in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::ChatGpt => "chatgpt",
        }
    }
}

/// An environment variable that is passed through to a process, in the form that was written.
/// Rule `server.env-vars`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvVar {
    /// Only its name.
    Name(String),
    /// A table.
    Sourced {
        /// Its name.
        name: String,
        /// Where it is read; locally if not given.
        source: Option<EnvVarSource>,
    },
}

/// Where an environment variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvVarSource {
    /// Where the host runs.
    Local,
    /// Where the server runs.
    Remote,
}

impl EnvVarSource {
    /// The value as it is written in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

/// OAuth client settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OAuthClient {
    /// The client id, if one is registered.
    pub client_id: Option<String>,
}

/// Settings of one tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolConfig {
    /// Whether this tool needs approval.
    pub approval_mode: Option<ApprovalMode>,
}

/// Whether a tool call needs the user's approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalMode {
    /// The host decides.
    Auto,
    /// Always ask.
    Prompt,
    /// Ask before a tool that changes something. Rule `server.approval-writes`.
    Writes,
    /// Never ask.
    Approve,
}

impl ApprovalMode {
    /// The value as it is written in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Prompt => "prompt",
            Self::Writes => "writes",
            Self::Approve => "approve",
        }
    }
}

impl std::str::FromStr for ApprovalMode {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let all = [Self::Auto, Self::Prompt, Self::Writes, Self::Approve];
        all.into_iter().find(|mode| mode.as_str() == word).ok_or(())
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, args, env, env_vars, cwd } = self;
        f.debug_struct("Stdio")
            .field("command", command)
            .field("args", &args.len())
            .field("env", env)
            .field("env_vars", env_vars)
            .field("cwd", cwd)
            .finish()
    }
}

impl fmt::Debug for StreamableHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamableHttp")
            .field("url", &shown_url(&self.url))
            .field("bearer_token_env_var", &self.bearer_token_env_var)
            .field("http_headers", &self.http_headers)
            .field("env_http_headers", &self.env_http_headers)
            .field("auth", &self.auth)
            .field("oauth", &self.oauth)
            .field("oauth_resource", &self.oauth_resource.as_deref().map(shown_url))
            .finish()
    }
}

impl ServerConfig {
    /// A streamable HTTP server with everything else at its default.
    #[must_use]
    pub fn streamable_http(url: impl Into<String>) -> Self {
        let http = StreamableHttp { url: url.into(), ..StreamableHttp::default() };
        Self::new(Transport::StreamableHttp(http))
    }

    /// A stdio server with everything else at its default.
    #[must_use]
    pub fn stdio(command: impl Into<String>) -> Self {
        let stdio = Stdio { command: command.into(), ..Stdio::default() };
        Self::new(Transport::Stdio(stdio))
    }

    /// The same server, disabled.
    #[must_use]
    pub fn disabled(&self) -> Arc<Self> {
        Arc::new(Self { enabled: false, ..self.clone() })
    }

    /// A server with this transport and everything else at its default.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            environment_id: Cow::Borrowed(LOCAL_ENVIRONMENT),
            enabled: true,
            required: false,
            supports_parallel_tool_calls: false,
            startup_timeout: None,
            tool_timeout: None,
            default_tools_approval_mode: None,
            enabled_tools: None,
            disabled_tools: None,
            scopes: None,
            tools: BTreeMap::new(),
        }
    }
}
