//! What resolution decides about one name, and why.

use std::collections::BTreeMap;

use crate::rule::Rule;
use crate::server::Server;

/// Names and what was decided about them. Names that are absent because something removed them or
/// kept them out are in it too.
pub type View = BTreeMap<String, Decided>;

/// What holds for one name in one view.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The server, or `None`: something removed the name or kept it out.
    pub server: Option<Server>,
    /// Why.
    pub reason: Reason,
}

impl Decided {
    pub(crate) fn new(server: Option<Server>, rule: Rule, by: By) -> Decided {
        Decided { server, reason: Reason { rule, by } }
    }

    /// The same server from the same input, in the next view.
    pub(crate) fn passed_on(&self, rule: Rule) -> Decided {
        Decided::new(self.server.clone(), rule, self.reason.by)
    }
}

/// The rule that decided, and the input that it decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The deciding rule.
    pub rule: Rule,
    /// The input that decided.
    pub by: By,
}

/// The input that decided. Numbers are positions in the case, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The host config's entry.
    Config,
    /// An entry of `plugins[i]`.
    Plugin(usize),
    /// `contributors[contributor].contributions[index]`; a hosted-apps contributor has one.
    Contribution {
        /// Position of the contributor.
        contributor: usize,
        /// Position in its list.
        index: usize,
    },
    /// A selected plugin that `contributors[contributor].contributions[index]` speaks of.
    SelectedContribution {
        /// Position of the contributor.
        contributor: usize,
        /// Position in its list.
        index: usize,
    },
    /// An entry of `thread.selected_plugins[i]`.
    SelectedRoot(usize),
    /// The legacy Apps loader.
    Legacy,
    /// The gate, closed.
    Gate,
}

/// A contribution that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// The name that it decides.
    pub name: String,
    /// The server of a `Set`, or `None` for a `Remove`.
    pub server: Option<Server>,
    /// The rule behind its result.
    pub rule: Rule,
    /// Which contribution it is.
    pub by: By,
}

/// A place that makes a case invalid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejection {
    /// Such as `host.mcp_servers.docs`.
    pub path: String,
    /// The rule that was broken there.
    pub rule: Rule,
    /// For people; never a value that could be secret.
    pub reason: String,
}

impl Rejection {
    pub(crate) fn new(path: impl Into<String>, rule: Rule, reason: impl Into<String>) -> Rejection {
        Rejection { path: path.into(), rule, reason: reason.into() }
    }
}
