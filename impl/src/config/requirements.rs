//! What an administrator demands of servers. Rules `requirements.*`.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;

use super::document::Document;
use super::error::{ConfigError, Fault, Key, Note, Origin};
use super::node::{Kind, Node, Table};
use super::place::Place;
use super::profile::Profile;
use super::read::{Read, boolean, list, owned_string, table, under, wrong_type};
use super::server::{ServerConfig, Transport};

/// An administrator's requirements. The default demands nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    servers: Option<Allowed>,
    plugins: Option<BTreeMap<String, Allowed>>,
    apps: Option<bool>,
}

/// The server that is allowed under each name.
type Allowed = BTreeMap<String, Identity>;

/// A server by what it runs or contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    /// This program with any arguments.
    Command(String),
    /// This program with arguments like these.
    CommandLine(String, Vec<Pattern>),
    /// A URL like this.
    Url(Pattern),
}

/// A text that is like another.
#[derive(Debug, Clone)]
enum Pattern {
    Exact(String),
    Prefix(String),
    /// The expression as it is written, and over a whole text.
    Expression(String, Regex),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) | (Self::Prefix(a), Self::Prefix(b)) => a == b,
            (Self::Expression(a, _), Self::Expression(b, _)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Pattern {}

impl Requirements {
    /// Reads requirements as JSON, by the rules of this profile. Where the profile has none, they
    /// demand nothing.
    ///
    /// # Errors
    /// Rule `requirements.invalid`, at the smallest path.
    pub fn from_json(written: &Value, profile: Profile) -> Result<Self, ConfigError> {
        Self::read(Node::Json(written), profile, |_| Origin::Memory)
    }

    /// Reads the text of a `requirements.toml`, which errors call `file`.
    ///
    /// # Errors
    /// The text is not TOML, or as [`from_json`](Self::from_json).
    pub fn from_toml_str(text: &str, file: &str, profile: Profile) -> Result<Self, ConfigError> {
        if !profile.behaviour().requirements {
            return Ok(Self::default());
        }
        let document = Document::parse(text, file, &[])?;
        Self::read(document.root(), profile, |place| document.origin(place))
    }

    fn read(
        written: Node<'_>,
        profile: Profile,
        origin: impl Fn(Place) -> Origin,
    ) -> Result<Self, ConfigError> {
        let behaviour = profile.behaviour();
        if !behaviour.requirements {
            return Ok(Self::default());
        }
        let mut reader = Reader { with_matchers: behaviour.requirement_matchers, smallest: None };
        let read = reader.requirements(written);
        match reader.smallest {
            None => Ok(read),
            Some((path, fault)) => {
                let Note { key: Key(key), place, message } = *fault;
                Err(ConfigError::new(path, key, origin(place), message))
            }
        }
    }

    /// Whether the Apps feature is on, if that is demanded. Rule `requirements.features`.
    pub(crate) fn apps(&self) -> Option<bool> {
        self.apps
    }

    /// Whether anything is demanded of the servers of the host config.
    pub(crate) fn lists_servers(&self) -> bool {
        self.servers.is_some()
    }

    /// Whether a server of the host config may be enabled. Rule `requirements.allow-list`.
    pub(crate) fn allows_own(&self, name: &str, server: &ServerConfig) -> bool {
        self.servers.as_ref().is_none_or(|allowed| allows(allowed, name, server))
    }

    /// Whether a server of a plugin may be enabled. Rules `requirements.plugins` and
    /// `requirements.empty-list`.
    pub(crate) fn allows_of_plugin(&self, id: &str, name: &str, server: &ServerConfig) -> bool {
        if self.servers.as_ref().is_some_and(BTreeMap::is_empty) {
            return false;
        }
        let Some(plugins) = &self.plugins else { return true };
        plugins.get(id).is_some_and(|allowed| allows(allowed, name, server))
    }

    /// Whether anything is demanded of the servers of plugins.
    pub(crate) fn lists_plugins(&self) -> bool {
        self.plugins.is_some() || self.servers.as_ref().is_some_and(BTreeMap::is_empty)
    }
}

fn allows(allowed: &Allowed, name: &str, server: &ServerConfig) -> bool {
    allowed.get(name).is_some_and(|identity| identity.is_of(server))
}

/// Reads requirements and keeps the fault with the smallest path.
struct Reader {
    with_matchers: bool,
    smallest: Option<(String, Fault)>,
}

impl Reader {
    /// Adds a fault at `path`, given by its steps below the requirements.
    fn refuse(&mut self, path: &[&str], mut fault: Fault) {
        path.iter().rev().for_each(|step| fault.key.under(step));
        let path = [&["requirements"], path].concat().join(".");
        if self.smallest.as_ref().is_none_or(|(smallest, _)| path < *smallest) {
            self.smallest = Some((path, fault));
        }
    }

    /// The table at `path`, if it is there.
    fn table<'a>(&mut self, path: &[&str], of: Table<'a>) -> Option<Table<'a>> {
        let node = of.get(path.last()?).filter(|node| !node.is_null())?;
        table(node).map_err(|fault| self.refuse(path, fault)).ok()
    }

    fn requirements(&mut self, written: Node<'_>) -> Requirements {
        let root = match table(written) {
            Ok(root) => root,
            Err(fault) => {
                self.refuse(&[], fault);
                return Requirements::default();
            }
        };
        let servers = self.table(&["mcp_servers"], root);
        let servers = servers.map(|entries| self.allowed(&["mcp_servers"], entries));
        let plugins = self.table(&["plugins"], root).map(|plugins| {
            let ids = plugins.iter().map(|(id, _)| id);
            ids.map(|id| (id.to_owned(), self.of_plugin(id, plugins))).collect()
        });
        let features = self.table(&["features"], root);
        let apps = features.and_then(|features| features.get("apps"));
        let apps = apps.filter(|apps| !apps.is_null()).and_then(|apps| {
            boolean(apps).map_err(|fault| self.refuse(&["features", "apps"], fault)).ok()
        });
        Requirements { servers, plugins, apps }
    }

    fn of_plugin(&mut self, id: &str, plugins: Table<'_>) -> Allowed {
        let path = ["plugins", id, "mcp_servers"];
        let Some(plugin) = self.table(&["plugins", id], plugins) else { return Allowed::new() };
        match self.table(&path, plugin) {
            Some(entries) => self.allowed(&path, entries),
            None => Allowed::new(),
        }
    }

    fn allowed(&mut self, path: &[&str], entries: Table<'_>) -> Allowed {
        let mut allowed = Allowed::new();
        for (name, entry) in entries.iter() {
            match identity(entry, self.with_matchers) {
                Ok(identity) => drop(allowed.insert(name.to_owned(), identity)),
                Err(fault) => self.refuse(&[path, &[name]].concat(), fault),
            }
        }
        allowed
    }
}

/// Rules `requirements.identity` and `requirements.matchers`.
fn identity(entry: Node<'_>, with_matchers: bool) -> Read<Identity> {
    const EXPECTED: &str = "an `identity` with a `command` or a `url`";
    const TEXT: &str = "a string";
    let written = table(entry)?.get("identity");
    let written = written.ok_or_else(|| Note::wrong(entry.place(), "none", EXPECTED))?;
    let read = || {
        let fields = table(written)?;
        let (command, url) = (fields.get("command"), fields.get("url"));
        if let Some(Kind::String(command)) = command.map(Node::kind) {
            return Ok(Identity::Command(command.to_owned()));
        }
        if let Some(Kind::String(url)) = url.map(Node::kind) {
            return Ok(Identity::Url(Pattern::Exact(url.to_owned())));
        }
        match (command, url) {
            (None, None) => Err(Note::wrong(written.place(), "neither", "a `command` or a `url`")),
            (Some(other), _) if !with_matchers => Err(under(wrong_type(other, TEXT), "command")),
            (_, Some(other)) if !with_matchers => Err(under(wrong_type(other, TEXT), "url")),
            _ if fields.len() != 1 => {
                let expected = "nothing beside a `command` or a `url` with matchers";
                Err(Note::wrong(written.place(), "further keys", expected))
            }
            (Some(command), _) => under_key("command", command_line(command)),
            (_, Some(url)) => under_key("url", pattern(url).map(Identity::Url)),
        }
    };
    under_key("identity", read())
}

fn under_key<T>(key: &str, read: Read<T>) -> Read<T> {
    read.map_err(|fault| under(fault, key))
}

fn command_line(node: Node<'_>) -> Read<Identity> {
    const EXPECTED: &str = "a string, or a table with exactly `executable` and `args`";
    let Kind::Table(fields) = node.kind() else { return Err(wrong_type(node, EXPECTED)) };
    let (Some(program), Some(args), 2) =
        (fields.get("executable"), fields.get("args"), fields.len())
    else {
        return Err(Note::wrong(node.place(), "other keys", EXPECTED));
    };
    let program = under_key("executable", owned_string(program))?;
    let arguments = under_key("args", list(args, "an array of matchers", pattern))?;
    Ok(Identity::CommandLine(program, arguments))
}

fn pattern(node: Node<'_>) -> Read<Pattern> {
    const EXPECTED: &str = "a matcher: {match = \"exact\", value = …}, \
                            {match = \"prefix\", value = …} or \
                            {match = \"regex\", expression = …}";
    let Kind::Table(fields) = node.kind() else { return Err(wrong_type(node, EXPECTED)) };
    let field = |key: &str| match fields.get(key) {
        Some(value) if fields.len() == 2 => under_key(key, owned_string(value)),
        _ => Err(Note::wrong(node.place(), "other keys", EXPECTED)),
    };
    match field("match")?.as_str() {
        "exact" => field("value").map(Pattern::Exact),
        "prefix" => field("value").map(Pattern::Prefix),
        "regex" => {
            let expression = field("expression")?;
            // Alone, too: what is only valid inside of the group would end it.
            let alone = Regex::new(&expression);
            let whole = alone.and_then(|_| Regex::new(&[r"\A(?:", &expression, r")\z"].concat()));
            let place = fields.get("expression").unwrap_or(node).place();
            let wrong = |_| {
                let expected = "a regular expression of Rust's `regex-lite`";
                under(Note::wrong(place, "a string that is none", expected), "expression")
            };
            whole.map(|whole| Pattern::Expression(expression, whole)).map_err(wrong)
        }
        _ => Err(Note::wrong(node.place(), "another kind", EXPECTED)),
    }
}

impl Pattern {
    fn is_like(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Expression(_, whole) => whole.is_match(text),
        }
    }
}

impl Identity {
    fn is_of(&self, server: &ServerConfig) -> bool {
        match (self, &server.transport) {
            (Self::Command(command), Transport::Stdio(stdio)) => stdio.command == *command,
            (Self::CommandLine(program, patterns), Transport::Stdio(stdio)) => {
                stdio.command == *program
                    && stdio.args.len() == patterns.len()
                    && patterns.iter().zip(&stdio.args).all(|(pattern, arg)| pattern.is_like(arg))
            }
            (Self::Url(pattern), Transport::StreamableHttp(http)) => pattern.is_like(&http.url),
            _ => false,
        }
    }
}
