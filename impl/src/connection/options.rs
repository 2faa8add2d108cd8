//! The bounds of a connection, and how the host introduces itself.

/// What becomes of a server's questions to the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Elicitation {
    /// Servers are told that nobody can be asked, and a question is declined.
    #[default]
    Decline,
    /// A form is answered with the defaults that its schema has. One that requires something
    /// without a default is declined, and so is whatever is not a form.
    AcceptDefaults,
}

/// The bounds of a connection, and how the host introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The client's name in `initialize`.
    pub client_name: String,
    /// The client's version in `initialize`.
    pub client_version: String,
    /// The largest answer, event of a stream or line of a process, in bytes. A process that writes
    /// a longer line is ended.
    pub max_response_bytes: usize,
    /// The most tools, resources or templates a server may have.
    pub max_items: usize,
    /// The most pages a list of them may have.
    pub max_pages: usize,
    /// What becomes of a server's questions to the user.
    pub elicitation: Elicitation,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            client_name: env!("CARGO_PKG_NAME").to_owned(),
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            max_response_bytes: 16 * 1024 * 1024,
            max_items: 10_000,
            max_pages: 100,
            elicitation: Elicitation::default(),
        }
    }
}
