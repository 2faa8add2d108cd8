//! A sequence as text: the unit that is generated, run, shrunk, saved, replayed and committed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::Auth;
use crate::profile::Profile;

/// Steps for one host, in order.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// A name for people; no rule looks at it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The profile whose rules count.
    #[serde(default)]
    pub profile: Profile,
    /// The steps. Those before the first that needs a host prepare its start.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// `config.toml` becomes this host config.
    Config(Value),
    /// From its next start on, the host has these settings on its command line (`-c`). They count instead
    /// of what `config.toml` has at their paths.
    Arguments(Value),
    /// A user signs in.
    SignIn(SignIn),
    /// The user signs out.
    SignOut {
        /// How.
        by: Means,
    },
    /// A thread starts.
    Thread {
        /// Names it.
        #[serde(rename = "as")]
        name: String,
    },
    /// A thread starts on a second host, which shares the home. Calls on it go there, and all other
    /// steps to the first host.
    SecondThread {
        /// Names it.
        #[serde(rename = "as")]
        name: String,
    },
    /// The client asks for a reload of the configuration.
    Reload,
    /// A thread makes a turn with its model, which answers at once.
    Turn {
        /// Which one.
        thread: String,
    },
    /// The client asks for the servers.
    View,
    /// The client calls a tool of a server.
    Call {
        /// On which thread.
        thread: String,
        /// The server's name.
        server: String,
    },
    /// The client reads a resource of a server.
    Read {
        /// On which thread; without one the host connects for this read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<String>,
        /// The server's name.
        server: String,
    },
    /// A server behaves like this from now on.
    World {
        /// Its URL or command as the configuration has it, or `codex_apps`.
        server: String,
        /// How.
        behaviour: Behaviour,
    },
    /// A server answers all calls that it holds, its token endpoint all refreshes, and both are well.
    Release {
        /// Its URL as the configuration has it, or `codex_apps`.
        server: String,
    },
    /// The user logs in to a server: it is behind OAuth from now on, and the tokens are stored as by
    /// `codex mcp login`.
    LogIn {
        /// Its name in the configuration.
        server: String,
    },
    /// A server refuses the access tokens that it has accepted. If no host runs, the stored one has
    /// expired too.
    Expire {
        /// Its URL as the configuration has it.
        server: String,
    },
    /// The token endpoint of a server behaves like this from now on.
    Tokens {
        /// The server's URL as the configuration has it.
        server: String,
        /// How.
        behaviour: Tokens,
    },
    /// The processes of a stdio server get SIGKILL.
    KillServer {
        /// Its command as the configuration has it.
        server: String,
    },
    /// All connections that nothing uses any more must be gone.
    Settle,
    /// The host ends, and starts again at the next step that needs it.
    EndHost {
        /// How.
        by: Ending,
    },
    /// These steps without waiting for one another: calls, reads, reloads, sign-outs through the
    /// protocol, and configs.
    Together(Vec<Step>),
}

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Names the account.
    pub account: String,
    /// The kind of sign-in.
    pub auth: Auth,
    /// How. By the protocol, an API key is stored in `auth.json`, and tokens are in the memory of the
    /// host only: they count instead of the file until a sign-out or the end of the host.
    #[serde(default, skip_serializing_if = "is_file")]
    pub by: Means,
    /// Sign-ins of one account with different numbers have different credentials.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub number: u32,
}

/// Between the account and the number in the name of credentials.
const SIGN_IN: &str = ", sign-in ";

impl SignIn {
    /// The first sign-in of an account, by file.
    #[must_use]
    pub fn by_file(account: &str, auth: Auth) -> Self {
        SignIn { account: account.into(), auth, by: Means::File, number: first() }
    }

    /// The name of its credentials: that of the account, with the number from the second on.
    #[must_use]
    pub fn credentials(&self) -> String {
        match self.number {
            1 => self.account.clone(),
            number => format!("{}{SIGN_IN}{number}", self.account),
        }
    }
}

/// The account of the credentials of this name ([`SignIn::credentials`]).
#[must_use]
pub fn account_of(credentials: &str) -> &str {
    credentials.split(SIGN_IN).next().unwrap_or(credentials)
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_first(number: &u32) -> bool {
    *number == first()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_file(by: &Means) -> bool {
    *by == Means::File
}

/// How a host ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its standard input ends.
    EndOfInput,
    /// SIGKILL.
    Kill,
}

/// How an account changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// Another program writes or deletes `auth.json`.
    #[default]
    File,
    /// The client asks for it.
    Protocol,
}

/// How a server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Hash, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// It answers.
    #[default]
    Well,
    /// It answers everything but tool calls, which wait for a [`Step::Release`].
    Hold,
    /// It answers everything but tool calls, which it refuses with HTTP 500, or with an error over
    /// stdio.
    Refuse,
    /// It refuses tool calls with HTTP 401.
    Unauthorized,
    /// It refuses tool calls with HTTP 403.
    Forbidden,
    /// It refuses tool calls with HTTP 429.
    TooMany,
    /// It ends the connection in the middle of the answer to a tool call.
    Cut,
    /// It answers tool calls with half a message.
    BadJson,
    /// It sends callers elsewhere: tool calls get HTTP 307 to another origin, which fails them.
    Redirect,
    /// It answers, in several pieces.
    Slow,
    /// It answers everything but handshakes, which wait for a [`Step::Release`].
    HoldStart,
    /// It answers every request with HTTP 503; over stdio its process ends at the start.
    Down,
    /// It has lost its sessions, and is well.
    Forget,
    /// It lists one more tool from now on, and is well.
    NewTools,
}

/// How a token endpoint answers a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// With new tokens; the refresh token is spent.
    #[default]
    Well,
    /// Not before a [`Step::Release`].
    Hold,
    /// With HTTP 500; the refresh token is not spent.
    Refuse,
    /// With `invalid_grant`: the login has ended.
    InvalidGrant,
    /// With half an answer; the refresh token is spent.
    Cut,
}

impl Behaviour {
    /// Whether it takes tool calls and fails them.
    #[must_use]
    pub fn fails_calls(self) -> bool {
        matches!(
            self,
            Behaviour::Refuse
                | Behaviour::Unauthorized
                | Behaviour::Forbidden
                | Behaviour::TooMany
                | Behaviour::Cut
                | Behaviour::BadJson
                | Behaviour::Redirect
        )
    }
}

impl Step {
    /// Whether a host must run for this step.
    #[must_use]
    pub fn needs_host(&self) -> bool {
        match self {
            Step::Config(_)
            | Step::Arguments(_)
            | Step::SignIn(SignIn { by: Means::File, .. })
            | Step::SignOut { by: Means::File }
            | Step::World { .. }
            | Step::Release { .. }
            | Step::LogIn { .. }
            | Step::Expire { .. }
            | Step::Tokens { .. }
            | Step::KillServer { .. }
            | Step::Settle
            | Step::EndHost { .. } => false,
            Step::Together(steps) => steps.iter().any(Step::needs_host),
            Step::SignIn(SignIn { by: Means::Protocol, .. })
            | Step::SignOut { by: Means::Protocol }
            | Step::Thread { .. }
            | Step::SecondThread { .. }
            | Step::Reload
            | Step::Turn { .. }
            | Step::View
            | Step::Call { .. }
            | Step::Read { .. } => true,
        }
    }

    /// Whether another program changes `auth.json`.
    #[must_use]
    pub fn changes_file(&self) -> bool {
        matches!(
            self,
            Step::SignIn(SignIn { by: Means::File, .. }) | Step::SignOut { by: Means::File }
        )
    }

    /// Whether it can be one of [`Step::Together`].
    #[must_use]
    pub fn can_be_together(&self) -> bool {
        matches!(
            self,
            Step::Config(_)
                | Step::Reload
                | Step::Call { .. }
                | Step::Read { .. }
                | Step::SignOut { by: Means::Protocol }
        )
    }

    /// The thread and the server of a use: a tool call, or a read on a thread.
    pub(super) fn used(&self) -> Option<(&str, &str)> {
        match self {
            Step::Call { thread, server } | Step::Read { thread: Some(thread), server } => {
                Some((thread, server))
            }
            _ => None,
        }
    }
}
