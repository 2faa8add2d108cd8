//! A finding: a disagreement with a minimal case, which can be saved and replayed.

use std::fmt;
use std::path::{Path, PathBuf};

use mcp_overlay_model::{Answer, Auth, By, Case, Outcome, Rule};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::cases::shape;
use crate::display::{clipped, printable};
use crate::files::save_json;
use crate::judge::kept::kept_answer;
use crate::judge::verdict::{Difference, FindingKind, Place, Verdict};
use crate::rules;
use crate::subject::Failure;
use crate::subject::Form;
use crate::subject::Route;

/// The version of the file format.
pub const FORMAT: u32 = 1;

/// The note of a case that there was no time to make small.
pub(crate) const NOT_SMALLEST: &str =
    "not the smallest case: it was not made smaller, or not to the end";

/// The note of a failure that did not come again.
pub(crate) const SEEN_ONCE: &str = "seen once; asked again, the subject answers as it should. What it was asked \
     before, or the machine's load, may matter";

/// A saved disagreement. All members but the cases are for readers: a replay asks the subject
/// again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Version of this format.
    pub finding: u32,
    /// The subject that disagreed.
    pub subject: String,
    /// How it failed.
    pub verdict: FindingKind,
    /// The rule that the answer breaks; empty in the file where there is no answer.
    #[serde(default, serialize_with = "write_rule", deserialize_with = "read_rule")]
    pub rule: Option<Rule>,
    /// That rule's text.
    pub sentence: String,
    /// How many failing cases shrank to this one.
    #[serde(default = "once")]
    pub count: u64,
    /// A remark, such as that the case does not fail alone, or that there was no time to shrink it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The differences.
    pub differences: Vec<FoundDifference>,
    /// The form in which the case was sent, if the subject only fails in this form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// How the host was given its config; in its file, unless the finding says otherwise.
    #[serde(default, skip_serializing_if = "Route::is_file")]
    pub delivery: Route,
    /// The case to ask just before `case`; most findings need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Case>,
    /// The case, minimised.
    pub case: Case,
    /// The specification's answer.
    pub expected: Answer,
    /// The subject's answer; `None` if it broke down, or if the answer is too long to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Answer>,
}

fn once() -> u64 {
    1
}

fn write_rule<S: Serializer>(rule: &Option<Rule>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(rule.map_or("", Rule::id))
}

/// Reads a rule leniently: a finding of another version may name a rule that this version lacks,
/// and its case still replays.
fn read_rule<'de, D: Deserializer<'de>>(written: D) -> Result<Option<Rule>, D::Error> {
    Ok(String::deserialize(written)?.parse().ok())
}

/// One difference, as a description and as values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundDifference {
    /// The place, such as `runtime["docs"]`.
    pub place: String,
    /// The rule that decides there.
    #[serde(default, serialize_with = "write_rule", deserialize_with = "read_rule")]
    pub rule: Option<Rule>,
    /// The input that should have decided.
    pub because: String,
    /// The specification's value; null means absent.
    pub expected: Value,
    /// The subject's value; null means absent.
    pub actual: Value,
}

impl FoundDifference {
    /// Both sides in words, if it is about whether the config is valid, and where it is not.
    pub fn outcomes(&self) -> Option<(String, String)> {
        let words = |path: &Value| match path.as_str() {
            Some(path) => format!("rejected at {}", printable(path)),
            None => "accepted".to_string(),
        };
        (self.place == REJECTION).then(|| (words(&self.expected), words(&self.actual)))
    }
}

/// The place of a breakdown.
pub(super) const ANSWER: &str = "the answer";

/// The place of a difference about whether the config is valid.
const REJECTION: &str = "rejected.path";

impl Finding {
    /// Describes a verdict, with the rule to blame; `None` for a verdict that is not a finding.
    pub fn new(
        subject: &str,
        case: Case,
        expected: &Outcome,
        actual: Option<Answer>,
        verdict: &Verdict,
        rule: Option<Rule>,
    ) -> Option<Finding> {
        let kind = verdict.kind()?;
        let differences = match verdict {
            Verdict::Agree | Verdict::NotComparable(_) => return None,
            Verdict::Disagree(differences)
            | Verdict::Advisory { differences, .. }
            | Verdict::Unstable(differences) => {
                differences.iter().map(|difference| describe(&case, difference, verdict)).collect()
            }
            Verdict::Failed(Failure { message, .. }) | Verdict::Errored(message) => {
                let described = FoundDifference {
                    place: ANSWER.into(),
                    rule: None,
                    because: message.clone(),
                    expected: Value::from("an answer"),
                    actual: Value::from(kind.word()),
                };
                vec![described]
            }
        };
        let mut finding = Finding {
            finding: FORMAT,
            subject: subject.into(),
            verdict: kind,
            rule,
            sentence: rule.map(rules::sentence).unwrap_or_default().into(),
            count: 1,
            note: String::new(),
            differences,
            form: None,
            delivery: Route::File,
            after: None,
            case,
            expected: expected.answer(),
            actual: actual.and_then(kept_answer),
        };
        finding.agree_with_headline();
        Some(finding)
    }

    /// The id, such as `gate.closed-removes-3f2a91c04b7d`: the rule, or the verdict without a rule,
    /// and a hash of the case's [`shape`]. Findings with one id are one finding.
    pub fn id(&self) -> String {
        let hash = shape::hash_of(self.verdict.word(), self.rule.map_or("", Rule::id), &self.case);
        let form = self.form.map(|form| format!("-{form}")).unwrap_or_default();
        format!("{}{form}-{hash}", self.rule_or_verdict().replace(' ', "-"))
    }

    /// Shows the blamed rule in the differences too: the rule of a place is a first guess, which an
    /// experiment may have corrected.
    fn agree_with_headline(&mut self) {
        let guessed = self.differences.first().and_then(|first| first.rule);
        for difference in self.differences.iter_mut().filter(|other| other.rule == guessed) {
            difference.rule = self.rule;
        }
    }

    /// Blames the form in which the case was sent: in the plain form, the subject is right.
    pub fn blame_form(&mut self, form: Form) {
        self.form = Some(form);
        self.rule = None;
        self.sentence = form.promise().into();
        for difference in &mut self.differences {
            difference.rule = None;
        }
    }

    /// The rule that is broken, or the verdict where there is none.
    pub fn rule_or_verdict(&self) -> &'static str {
        self.rule.map_or(self.verdict.word(), Rule::id)
    }

    /// Whether the subject only breaks a SHOULD rule.
    pub fn is_advisory(&self) -> bool {
        self.verdict == FindingKind::Advisory
    }

    /// Whether the case alone fails whenever it is asked.
    pub fn fails_alone(&self) -> bool {
        matches!(self.verdict, FindingKind::Disagree | FindingKind::Advisory)
            && self.after.is_none()
            && self.form.is_none()
            && (self.note.is_empty() || !self.is_smallest())
    }

    /// Whether there was time to make the case small.
    pub fn is_smallest(&self) -> bool {
        self.note != NOT_SMALLEST
    }

    /// Whether the failure came again when the case was asked again.
    pub fn is_repeatable(&self) -> bool {
        self.note != SEEN_ONCE
    }

    /// Whether the subject did not answer. A breakdown is never expected.
    pub fn is_breakdown(&self) -> bool {
        self.verdict.is_breakdown()
    }

    /// The file name for saving the finding.
    pub fn file_name(&self) -> String {
        format!("{}.json", self.id())
    }

    /// Saves the finding atomically in `folder`, which is created if necessary.
    ///
    /// # Errors
    /// File system errors.
    pub fn save(&self, folder: &Path) -> std::io::Result<PathBuf> {
        save_json(folder, &self.file_name(), self)
    }
}

fn describe(case: &Case, difference: &Difference, verdict: &Verdict) -> FoundDifference {
    let because = match (&difference.place, difference.by) {
        _ if matches!(verdict, Verdict::Unstable(_)) => "asked again, it answered otherwise".into(),
        (Place::Rejection, _) if difference.expected.is_none() => {
            "the specification accepts this case".into()
        }
        (Place::Warning { .. }, _) => "a rule demands this warning".into(),
        (Place::Rejection, _) => "the specification rejects at the smallest invalid path".into(),
        (_, Some(by)) => describe_input(case, by),
        (_, None) => "nothing in the case names it".into(),
    };
    FoundDifference {
        place: difference.place.to_string(),
        rule: Some(difference.rule),
        because,
        expected: difference.expected.clone().unwrap_or_default(),
        actual: difference.actual.clone().unwrap_or_default(),
    }
}

/// Describes the input that decided.
pub fn describe_input(case: &Case, by: By) -> String {
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
        By::SelectedContribution { contributor, index } => {
            format!(
                "a selected plugin, {}",
                describe_input(case, By::Contribution { contributor, index })
            )
        }
        By::SelectedRoot(position) => {
            let selected = case.thread.as_ref().and_then(|t| t.selected_plugins.get(position));
            match selected {
                Some(plugin) => format!("selected plugin {}", printable(&plugin.id)),
                None => format!("thread.selected_plugins[{position}]"),
            }
        }
        By::Legacy => "the legacy Apps loader".into(),
        By::Gate => why_gate_is_closed(case),
    }
}

fn why_gate_is_closed(case: &Case) -> String {
    let features = case.host.get("features");
    let off = features.and_then(|features| features.get("apps")) == Some(&Value::Bool(false));
    let demanded = case.requirements.as_ref().and_then(|demanded| demanded.features.get("apps"));
    let off = demanded.map_or(off, |on| !on);
    match (off, case.auth) {
        (true, auth) if !auth.is_some_and(Auth::is_backend) => {
            format!("the Apps feature is off and auth is {}", auth_word(case.auth))
        }
        (true, _) => "the Apps feature is off".into(),
        (false, auth) => format!("auth is {}", auth_word(auth)),
    }
}

fn auth_word(auth: Option<Auth>) -> &'static str {
    auth.map_or("none", Auth::word)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            None => writeln!(f, "{} {}", self.subject, self.verdict)?,
            Some(rule) => {
                let does = if self.is_advisory() { "does not follow" } else { "breaks" };
                writeln!(f, "{} {does} {rule}", self.subject)?;
                writeln!(f, "  rule: {}", self.sentence)?;
            }
        }
        if let Some(form) = self.form {
            writeln!(f, "  sent as {form}: {}", form.promise())?;
        }
        if !self.note.is_empty() {
            writeln!(f, "  note: {}", self.note)?;
        }
        if let Some(before) = &self.after {
            writeln!(f, "  asked before: {}", one_line(before))?;
        }
        writeln!(f, "  case: {}", one_line(&self.case))?;
        for difference in &self.differences {
            let rule = difference.rule.map(|rule| format!("{rule}: ")).unwrap_or_default();
            writeln!(f, "  {} ({rule}{})", difference.place, difference.because)?;
            match difference.outcomes() {
                Some((expected, actual)) => {
                    writeln!(f, "    - expected: {expected}")?;
                    writeln!(f, "    + found: {actual}")?;
                }
                None => write_diff(f, &difference.expected, &difference.actual)?,
            }
        }
        Ok(())
    }
}

/// The most characters of a case to print, and of a line of a difference.
const PRINTED: usize = 2_000;

/// The most lines of a difference to print.
const LINES: usize = 100;

/// The case in a line, cut off if it is very large.
fn one_line(case: &Case) -> String {
    let text = serde_json::to_string(case).unwrap_or_default();
    let cut = if text.len() > PRINTED { ", in the saved file" } else { "" };
    clipped(&text, PRINTED) + cut
}

/// Writes a diff: `-` marks the specification's lines, `+` the subject's.
fn write_diff(f: &mut fmt::Formatter<'_>, expected: &Value, actual: &Value) -> fmt::Result {
    let (expected, actual) = (shown(expected), shown(actual));
    let diff = TextDiff::from_lines(&expected, &actual);
    let more = diff.iter_all_changes().count().saturating_sub(LINES);
    for change in diff.iter_all_changes().take(LINES) {
        let sign = match change.tag() {
            ChangeTag::Delete => "-",
            ChangeTag::Insert => "+",
            ChangeTag::Equal => " ",
        };
        writeln!(f, "    {sign} {}", clipped(change.value().trim_end(), PRINTED))?;
    }
    if more > 0 {
        writeln!(f, "    … ({more} lines more)")?;
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(absent)\n".into(),
        value => format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default()),
    }
}
