//! The options of a connection.

/// How elicitations of a server are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Elicitation {
    /// The host does not announce the capability and declines each elicitation.
    #[default]
    Decline,
    /// A form is answered with the defaults of its schema. A form with a required field without a
    /// default is declined, and so is an elicitation that is not a form.
    AcceptDefaults,
}

/// The bounds of a connection, and the name and version of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The client's name in `initialize`.
    pub client_name: String,
    /// The client's version in `initialize`.
    pub client_version: String,
    /// The largest response, event of a stream or line of a process, in bytes. A process that writes
    /// a longer line is killed.
    pub max_response_bytes: usize,
    /// The maximum number of tools, resources or templates of a server.
    pub max_items: usize,
    /// The maximum number of pages of such a list.
    pub max_pages: usize,
    /// How elicitations of a server are answered.
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
