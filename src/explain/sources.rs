//! Where things are written: files and lines.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use toml::de::{DeTable, DeValue};

use crate::display::printable_lines;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable_lines(&self.file))?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// Where the inputs of an explanation are written.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The `config.toml`.
    pub config: TomlFile,
    /// The administrator's requirements.
    pub requirements: TomlFile,
    /// The file of contributors, if they are not those of Codex.
    pub contributors: Option<String>,
    /// For each plugin of the case.
    pub plugins: Vec<PluginPlaces>,
}

/// Where the parts of a plugin are written, by their names.
#[derive(Clone, Debug, Default)]
pub struct PluginPlaces {
    /// Its servers.
    pub servers: BTreeMap<String, Place>,
    /// Its apps.
    pub apps: BTreeMap<String, Place>,
}

/// A TOML file and the lines of its keys.
#[derive(Clone, Debug, Default)]
pub struct TomlFile {
    file: String,
    lines: BTreeMap<Vec<String>, usize>,
}

/// Nothing that is looked up is deeper: `plugins.ID.mcp_servers.NAME.enabled`.
const MAX_DEPTH: usize = 5;

impl TomlFile {
    /// A file with this text. A text that is not TOML has no keys.
    #[must_use]
    pub fn new(file: &str, text: &str) -> Self {
        let mut lines = BTreeMap::new();
        if let Ok(root) = DeTable::parse(text) {
            let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
            add_keys(root.get_ref(), &mut Vec::new(), &mut lines, &|offset| {
                starts.partition_point(|end| *end < offset) + 1
            });
        }
        Self { file: file.to_owned(), lines }
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where this key is written.
    #[must_use]
    pub fn place(&self, path: &[&str]) -> Option<Place> {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let line = self.lines.get(&path).copied()?;
        Some(Place { file: self.file.clone(), line: Some(line) })
    }
}

fn add_keys(
    table: &DeTable<'_>,
    path: &mut Vec<String>,
    lines: &mut BTreeMap<Vec<String>, usize>,
    line_of: &dyn Fn(usize) -> usize,
) {
    for (key, value) in table.iter() {
        path.push(key.get_ref().to_string());
        lines.insert(path.clone(), line_of(key.span().start));
        if let DeValue::Table(inner) = value.get_ref()
            && path.len() < MAX_DEPTH
        {
            add_keys(inner, path, lines, line_of);
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_line_that_it_is_written_in() {
        let text = "a = 1\r\n\r\n[mcp_servers.docs]\r\nurl = \"u\"\r\nenabled = false\r\n";
        let file = TomlFile::new("c.toml", text);
        let place = |path: &[&str]| file.place(path).map(|place| place.to_string());
        assert_eq!(place(&["mcp_servers", "docs"]).as_deref(), Some("c.toml:3"));
        assert_eq!(place(&["mcp_servers", "docs", "enabled"]).as_deref(), Some("c.toml:5"));
        assert_eq!(place(&["mcp_servers", "other"]), None);
        assert_eq!(TomlFile::new("c.toml", "[").place(&["a"]), None);
    }
}
