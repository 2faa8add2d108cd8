//! A failed scenario on disk.

use std::io;
use std::path::{Path, PathBuf};

use mcp_overlay_model::Rule;
use serde::{Deserialize, Serialize};

use super::scenario::Scenario;
use super::table::SCENARIOS;
use crate::files::save_json;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// A scenario that failed though the subject's answer is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedScenario {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The rule that is blamed.
    pub rule: Rule,
    /// The subject.
    pub subject: String,
    /// What was expected and what happened.
    pub message: String,
}

impl SavedScenario {
    /// The scenario of this name, if this version has it.
    pub fn find(&self) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == self.scenario)
    }

    /// The file name without `.json`: the rule and the words of the name.
    pub fn id(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = self.scenario.chars().map(plain).collect();
        let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
        format!("{}-{}", self.rule, words.join("-"))
    }

    /// Writes the file into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<PathBuf> {
        save_json(folder, &format!("{}.json", self.id()), self)
    }
}
