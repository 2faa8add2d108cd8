//! A sequence on disk.

use std::io;
use std::path::{Path, PathBuf};

use mcp_overlay_model::Rule;
use mcp_overlay_model::lifecycle::Sequence;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files::save_json;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// A saved sequence, by itself or as a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSequence {
    /// [`FORMAT`].
    pub format: u32,
    /// The rule that a subject broke, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The steps.
    pub sequence: Sequence,
}

impl SavedSequence {
    /// A sequence on which this subject broke this rule.
    #[must_use]
    pub fn new(rule: Option<Rule>, subject: &str, sequence: &Sequence) -> Self {
        let (subject, sequence) = (Some(subject.into()), sequence.clone());
        SavedSequence { format: FORMAT, rule, subject, sequence }
    }

    /// The file name without `.json`: the rule, and a hash of the steps.
    #[must_use]
    pub fn id(&self) -> String {
        let steps = serde_json::to_vec(&self.sequence).unwrap_or_default();
        let hash: String =
            Sha256::digest(&steps).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        match self.rule {
            Some(rule) => format!("{rule}-{hash}"),
            None => format!("sequence-{hash}"),
        }
    }

    /// Writes the file into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<PathBuf> {
        save_json(folder, &format!("{}.json", self.id()), self)
    }
}
