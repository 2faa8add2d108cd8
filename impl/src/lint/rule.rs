//! The rules of the linter: id, severity, sentence and repair.

use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Codex refuses the file, or does not do what the file says.
    Error,
    /// Codex accepts the file, and the result may surprise.
    Warning,
}

impl Severity {
    /// The word for it, as JSON and SARIF write it too.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A rule of the linter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Not TOML.
    Syntax,
    /// A value that a host refuses.
    InvalidValue,
    /// A key that looks like a known one.
    MisspelledKey,
    /// A key that is not known.
    UnknownKey,
    /// A key that newer releases refuse.
    RemovedKey,
    /// A key without effect.
    NoEffect,
    /// `codex_apps` without a transport.
    AppsTimeoutOnly,
    /// A base URL that Codex takes and this project's host does not.
    BaseUrl,
    /// `codex_apps` as a server of the user.
    ReservedName,
    /// A name that Codex starts no server by.
    NameCannotStart,
    /// A disabled server that an older release starts.
    DisabledRestarts,
    /// A header with a secret in the file.
    HeaderSecret,
    /// A variable of a server with a secret in the file.
    EnvSecret,
    /// An argument with a secret.
    ArgsSecret,
    /// A URL with a secret.
    UrlSecret,
    /// A token, or another text, in the place of a variable's name.
    NotAVariable,
    /// A variable in a text, which Codex does not replace.
    NotExpanded,
    /// What a document has in the place of a secret.
    Placeholder,
    /// A URL that no server can be reached at.
    UrlNotHttp,
    /// A URL that looks like that of another transport.
    SseUrl,
    /// A command with its arguments.
    CommandLine,
    /// A path whose backslashes made other characters.
    EscapedPath,
    /// A header with a name that no header can have.
    HeaderName,
    /// A timeout that no server can keep, or that is too long for Codex.
    UnusableTimeout,
    /// A bearer token's variable that is not set.
    BearerUnset,
    /// `auth = "chatgpt"` where it has no effect.
    AuthOrigin,
    /// A server that hides a plugin's.
    HidesPlugin,
    /// A server that requirements disable.
    RequirementDisables,
}

/// What [`Rule::info`] says.
struct Info {
    id: &'static str,
    severity: Severity,
    sentence: &'static str,
    repair: &'static str,
    fixable: bool,
}

impl Rule {
    /// All rules: those about the file, then those about keys, then those about servers.
    pub const ALL: [Self; 28] = [
        Self::Syntax,
        Self::InvalidValue,
        Self::MisspelledKey,
        Self::UnknownKey,
        Self::RemovedKey,
        Self::NoEffect,
        Self::AppsTimeoutOnly,
        Self::BaseUrl,
        Self::ReservedName,
        Self::NameCannotStart,
        Self::DisabledRestarts,
        Self::HeaderSecret,
        Self::EnvSecret,
        Self::ArgsSecret,
        Self::UrlSecret,
        Self::NotAVariable,
        Self::NotExpanded,
        Self::Placeholder,
        Self::UrlNotHttp,
        Self::SseUrl,
        Self::CommandLine,
        Self::EscapedPath,
        Self::HeaderName,
        Self::UnusableTimeout,
        Self::BearerUnset,
        Self::AuthOrigin,
        Self::HidesPlugin,
        Self::RequirementDisables,
    ];

    /// Its id, for example `misspelled-key`.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.info().id
    }

    /// The severity of its findings.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.info().severity
    }

    /// What it reports, in one sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.info().sentence
    }

    /// How to repair a finding.
    #[must_use]
    pub fn repair(self) -> &'static str {
        self.info().repair
    }

    /// Whether `--fix` can repair a finding of it.
    #[must_use]
    pub fn is_fixable(self) -> bool {
        self.info().fixable
    }

    /// Whether Codex refuses the whole file because of a finding of it, so that no server starts.
    #[must_use]
    pub fn refuses_the_file(self) -> bool {
        matches!(self, Self::Syntax | Self::InvalidValue | Self::RemovedKey | Self::AppsTimeoutOnly)
    }

    /// Whether reading the file alone shows it. A host reports these rules whenever it reads the file.
    #[must_use]
    pub fn is_about_reading(self) -> bool {
        matches!(
            self,
            Self::Syntax
                | Self::InvalidValue
                | Self::MisspelledKey
                | Self::UnknownKey
                | Self::RemovedKey
                | Self::NoEffect
                | Self::AppsTimeoutOnly
                | Self::BaseUrl
        )
    }

    fn info(self) -> Info {
        let (severity, id, sentence, repair, fixable) = self.row();
        Info { id, severity, sentence, repair, fixable }
    }

    fn row(self) -> (Severity, &'static str, &'static str, &'static str, bool) {
        use Severity::{Error, Warning};
        match self {
            Self::Syntax => (
                Error,
                "syntax",
                "The file is not valid TOML, so Codex does not start with it.",
                "Correct the line. The other rules are checked once the file is valid TOML.",
                false,
            ),
            Self::InvalidValue => (
                Error,
                "invalid-value",
                "Codex does not accept this value here, and refuses the whole file.",
                "Write what the message expects.",
                false,
            ),
            Self::MisspelledKey => (
                Error,
                "misspelled-key",
                "No release of Codex knows the key, but its name is close to one that Codex knows. \
                 Codex ignores it, before 0.169.0 without a message.",
                "Rename the key.",
                true,
            ),
            Self::UnknownKey => (
                Warning,
                "unknown-key",
                "No release of Codex that the linter knows has this key. Codex ignores it, before 0.169.0 without \
                 a message.",
                "Remove the key, or move it to the table it belongs to.",
                false,
            ),
            Self::RemovedKey => (
                Error,
                "removed-key",
                "An older release had this key; newer releases refuse the file because of it.",
                "Replace it as the message says.",
                false,
            ),
            Self::NoEffect => (
                Warning,
                "no-effect",
                "Codex reads the key, and it changes nothing.",
                "Remove the key.",
                true,
            ),
            _ => self.row_of_servers(),
        }
    }

    fn row_of_servers(self) -> (Severity, &'static str, &'static str, &'static str, bool) {
        use Severity::{Error, Warning};
        match self {
            Self::AppsTimeoutOnly => (
                Error,
                "apps-timeout-only",
                "`codex_apps` has settings but neither `url` nor `command`. Codex suggests this itself \
                 when the Apps server is slow, and then refuses the file (Codex issue 29396).",
                "Remove the table. The Apps server's timeout cannot be configured, and `features.apps = false` turns Apps \
                 off.",
                true,
            ),
            Self::BaseUrl => (
                Warning,
                "base-url",
                "`chatgpt_base_url` is not an `http` or `https` URL that Codex can send ChatGPT credentials to. Codex \
                 takes it as it is, and `mcp-overlay-host` refuses the file.",
                "Write the whole URL, or remove the key.",
                false,
            ),
            Self::ReservedName => (
                Warning,
                "reserved-name",
                "The name `codex_apps` belongs to the Apps server, to which the host sends your ChatGPT credentials; \
                 the host replaces or removes a server of the user with that name.",
                "Give the server another name.",
                false,
            ),
            Self::NameCannotStart => (
                Error,
                "name-cannot-start",
                "Codex starts a server only if its name consists of letters, digits, `_` and `-`, and from 0.155.0 on \
                 also of `:`, `@`, `/` and `.`.",
                "Give the server such a name.",
                false,
            ),
            Self::DisabledRestarts => (
                Warning,
                "disabled-restarts",
                "The server is disabled, but releases before 0.140.0 start a server of this name \
                 nevertheless, because an extension sets it again.",
                "Turn the extension off, here with `features.apps = false`, or use a newer release.",
                false,
            ),
            Self::BearerUnset => (
                Warning,
                "bearer-unset",
                "The variable of the bearer token is not set in this environment, so the server cannot \
                 start from here.",
                "Set the variable before you start Codex.",
                false,
            ),
            Self::AuthOrigin => (
                Warning,
                "auth-origin",
                "`auth = \"chatgpt\"` has an effect at https://chatgpt.com only. To another origin Codex sends \
                 no credentials of ChatGPT.",
                "Remove `auth`, or correct the URL.",
                true,
            ),
            Self::HidesPlugin => (
                Warning,
                "hides-plugin",
                "A plugin has a server of the same name, and the one in the file takes its place.",
                "Rename the server if you want both.",
                false,
            ),
            Self::RequirementDisables => (
                Warning,
                "requirement-disables",
                "The administrator's requirements do not allow the server, so Codex disables it.",
                "Ask the administrator to allow the server, or remove it.",
                false,
            ),
            _ => self.row_of_texts(),
        }
    }

    fn row_of_texts(self) -> (Severity, &'static str, &'static str, &'static str, bool) {
        use Severity::{Error, Warning};
        match self {
            Self::HeaderSecret => (
                Warning,
                "header-secret",
                "A header in the file looks like a secret, which everyone who can read the file gets.",
                "Put the value into an environment variable, and name it in `bearer_token_env_var` or \
                 `env_http_headers`.",
                false,
            ),
            Self::EnvSecret => (
                Warning,
                "env-secret",
                "A value in `env` looks like a secret, which everyone who can read the file gets.",
                "Set the variable where you start Codex, and name it in `env_vars`: a server gets no other \
                 variable of Codex than a few such as `PATH` and `HOME`.",
                false,
            ),
            Self::ArgsSecret => (
                Warning,
                "args-secret",
                "An argument looks like a secret, which everyone gets who can read the file or see the processes of \
                 the machine.",
                "If the program also reads it from an environment variable, set that where you start Codex, and \
                 name it in `env_vars`.",
                false,
            ),
            Self::UrlSecret => (
                Warning,
                "url-secret",
                "A URL contains a user, a password or a key. URLs end up in logs and error messages.",
                "Send the secret in a header from an environment variable instead.",
                false,
            ),
            Self::NotAVariable => (
                Error,
                "not-a-variable",
                "The text stands where Codex expects the name of an environment variable, and is none: it may be \
                 the secret itself.",
                "Write the name of a variable, without `$`, and set that variable where you start Codex.",
                false,
            ),
            Self::NotExpanded => (
                Warning,
                "not-expanded",
                "A text has `$NAME`, `${NAME}`, `%NAME%` or `~` in it, which Codex does not replace.",
                "Name the variable in `env_vars`, `env_http_headers` or `bearer_token_env_var`, or write the value.",
                false,
            ),
            Self::Placeholder => (
                Warning,
                "placeholder",
                "A text stands where a secret belongs, and looks like what a document leaves to fill in.",
                "Put the secret into an environment variable, and name that as the message says.",
                false,
            ),
            _ => self.row_of_starting(),
        }
    }

    fn row_of_starting(self) -> (Severity, &'static str, &'static str, &'static str, bool) {
        use Severity::{Error, Warning};
        match self {
            Self::UrlNotHttp => (
                Error,
                "url-not-http",
                "The URL of a server is not one of `http` or `https`, so Codex cannot connect to it.",
                "Write the whole URL, with `https://`.",
                false,
            ),
            Self::SseUrl => (
                Warning,
                "sse-url",
                "The URL ends with `/sse`, as those of the older transport SSE do. Codex has streamable HTTP alone.",
                "Write the URL that the server has for streamable HTTP.",
                false,
            ),
            Self::CommandLine => (
                Error,
                "command-line",
                "Codex starts the program whose name is the whole text of `command`. It runs no shell, and splits \
                 nothing.",
                "Write the program in `command`, and each argument as a text of `args`.",
                false,
            ),
            Self::HeaderName => (
                Warning,
                "header-name",
                "The name of a header has a character that no header can have, such as a space. Codex does not send \
                 the header.",
                "Correct the name; the value is not a part of it.",
                false,
            ),
            Self::UnusableTimeout => (
                Warning,
                "unusable-timeout",
                "The startup timeout is 0, so that the server times out at once, or so long that Codex stops with a \
                 panic.",
                "Write the seconds that the server may take.",
                false,
            ),
            _ => (
                Error,
                "escaped-path",
                "A backslash in double quotes begins an escape: `\"C:\\tools\"` has a tab in it, not a backslash.",
                "Write the path in single quotes, or with two backslashes for each.",
                false,
            ),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
