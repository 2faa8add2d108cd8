//! A disagreement worth keeping: small, readable, replayable alone.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use mcp_overlay_model::{Answer, Auth, By, Case, Outcome, RuleId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use similar::{ChangeTag, TextDiff};

use crate::compare::{Difference, Place, Verdict};
use crate::rules;

/// The version of the file format.
pub const FORMAT: u32 = 1;

/// A saved disagreement. Everything but the case is there for people: replaying asks anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Version of this format.
    pub finding: u32,
    /// The subject that disagreed.
    pub subject: String,
    /// `disagree`, `crashed` or `errored`.
    pub verdict: String,
    /// The rule that the answer breaks; empty for a crash.
    pub rule: String,
    /// That rule's text.
    pub sentence: String,
    /// Each difference in words.
    pub differences: Vec<FoundDifference>,
    /// The case, minimised.
    pub case: Case,
    /// What the specification says.
    pub expected: Answer,
    /// What the subject said; nothing if it crashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Answer>,
}

/// One difference, in words and as values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundDifference {
    /// Such as `runtime["docs"]`.
    pub place: String,
    /// The rule that decides there.
    pub rule: String,
    /// Whose word should have decided, in words.
    pub because: String,
    /// The specification's value; null is absent.
    pub expected: Value,
    /// The subject's value; null is absent.
    pub actual: Value,
}

impl Finding {
    /// Describes a verdict, with the rule to blame; `None` for one that is no finding.
    pub fn new(
        subject: &str,
        case: Case,
        expected: &Outcome,
        actual: Option<Answer>,
        verdict: &Verdict,
        rule: Option<RuleId>,
    ) -> Option<Finding> {
        let differences = match verdict {
            Verdict::Agree | Verdict::NotComparable(_) => return None,
            Verdict::Disagree(differences) => {
                differences.iter().map(|difference| describe(&case, difference)).collect()
            }
            Verdict::Crashed(message) | Verdict::Errored(message) => {
                let described = FoundDifference {
                    place: "the answer".into(),
                    rule: String::new(),
                    because: message.clone(),
                    expected: Value::from("an answer"),
                    actual: Value::from(verdict.word()),
                };
                vec![described]
            }
        };
        let rule = rule.unwrap_or_default();
        Some(Finding {
            finding: FORMAT,
            subject: subject.into(),
            verdict: verdict.word().into(),
            rule: rule.into(),
            sentence: rules::text(rule).into(),
            differences,
            case,
            expected: expected.answer(),
            actual,
        })
    }

    /// Such as `gate.closed-removes-3f2a91c04b7d.json`: the rule, and the content's hash.
    pub fn file_name(&self) -> String {
        let content = serde_json::to_vec(self).unwrap_or_default();
        let hash = Sha256::digest(content);
        let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let rule = if self.rule.is_empty() { &self.verdict } else { &self.rule };
        format!("{rule}-{hash}.json")
    }

    /// Saves the finding in `folder`, which is made if need be. Whole or not at all.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, folder: &Path) -> std::io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut beside, self)?;
        beside.write_all(b"\n")?;
        let path = folder.join(self.file_name());
        beside.persist(&path)?;
        Ok(path)
    }
}

fn describe(case: &Case, difference: &Difference) -> FoundDifference {
    let because = match (&difference.place, difference.by) {
        (Place::Rejection, _) => "the specification rejects at the smallest invalid path".into(),
        (_, Some(by)) => in_words(case, by),
        (_, None) => "nothing in the case names it".into(),
    };
    FoundDifference {
        place: difference.place.to_string(),
        rule: difference.rule.into(),
        because,
        expected: difference.expected.clone().unwrap_or_default(),
        actual: difference.actual.clone().unwrap_or_default(),
    }
}

/// Whose word decided, for people.
pub fn in_words(case: &Case, by: By) -> String {
    match by {
        By::Config => "the host config's entry".into(),
        By::Plugin(position) => match case.plugins.get(position) {
            Some(plugin) => format!("plugin {}", printable(&plugin.id)),
            None => format!("plugins[{position}]"),
        },
        By::Contribution { contributor, index } => match case.contributors.get(contributor) {
            Some(written) => {
                format!("contribution {index} of contributor {}", printable(&written.id))
            }
            None => format!("contributors[{contributor}].contributions[{index}]"),
        },
        By::Legacy => "the legacy Apps loader".into(),
        By::Gate => why_gate_is_closed(case),
    }
}

/// A name as it can be told apart on a terminal, and cannot forge lines of it: quoted when it is
/// not a plain word.
pub fn printable(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-.@".contains(c);
    if !name.is_empty() && name.chars().all(plain) { name.into() } else { format!("{name:?}") }
}

fn why_gate_is_closed(case: &Case) -> String {
    let features = case.host.get("features");
    let off = features.and_then(|features| features.get("apps")) == Some(&Value::Bool(false));
    match (off, case.auth) {
        (true, None | Some(Auth::ApiKey)) => {
            format!("the Apps feature is off and auth is {}", auth_word(case.auth))
        }
        (true, Some(_)) => "the Apps feature is off".into(),
        (false, auth) => format!("auth is {}", auth_word(auth)),
    }
}

fn auth_word(auth: Option<Auth>) -> &'static str {
    auth.map_or("none", Auth::word)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule.as_str() {
            "" => writeln!(f, "{} {}", self.subject, self.verdict)?,
            rule => {
                writeln!(f, "{} breaks {rule}", self.subject)?;
                writeln!(f, "  rule: {}", self.sentence)?;
            }
        }
        writeln!(f, "  case: {}", serde_json::to_string(&self.case).unwrap_or_default())?;
        for difference in &self.differences {
            writeln!(f, "  {} ({}: {})", difference.place, difference.rule, difference.because)?;
            write_diff(f, &difference.expected, &difference.actual)?;
        }
        Ok(())
    }
}

/// `-` is what the specification says, `+` what the subject says.
fn write_diff(f: &mut fmt::Formatter<'_>, expected: &Value, actual: &Value) -> fmt::Result {
    let (expected, actual) = (shown(expected), shown(actual));
    for change in TextDiff::from_lines(&expected, &actual).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => "-",
            ChangeTag::Insert => "+",
            ChangeTag::Equal => " ",
        };
        writeln!(f, "    {sign} {}", change.value().trim_end())?;
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(absent)\n".into(),
        value => format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default()),
    }
}
