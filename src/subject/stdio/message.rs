//! The messages of protocol version 1, on the driver's side.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use mcp_overlay_model::answer::{Errored, Skipped};
use mcp_overlay_model::lifecycle::{Seen, Sequence, Step};
use mcp_overlay_model::{Answer, Case, PluginOwners, Rejected, Views};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::observations;
use super::unique::duplicate_member;
use super::unreadable;
use crate::display::printable;
use crate::subject::process::piped::{excerpt, log_help, protocol};
use crate::subject::reply::{Failure, FailureKind};
use crate::subject::steps::{StepKind, Steps};

const VERSION: u64 = 1;

/// A request; one per line.
#[derive(Serialize)]
#[serde(tag = "cmd", rename_all = "lowercase")]
pub(super) enum Request<'a> {
    Start { version: u64 },
    Resolve { seq: u64, case: &'a Case },
    Sequence { seq: u64, sequence: &'a Sequence },
    Stop,
}

impl Request<'_> {
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        // A request has maps with text keys and plain data, all of which JSON can represent.
        let _ = serde_json::to_writer(&mut *bytes, self);
        bytes.push(b'\n');
    }
}

/// How a subject introduces itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Hello {
    version: u64,
    #[serde(deserialize_with = "table")]
    pub(super) implementation: Implementation,
    pub(super) profiles: Vec<String>,
    #[serde(default)]
    capabilities: Vec<String>,
    /// The steps of sequences that it plays, all if absent.
    steps: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Implementation {
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
    /// Anything else than text is no language that is known here.
    #[serde(default)]
    language: Value,
}

fn table<'de, D: Deserializer<'de>, T: Deserialize<'de>>(written: D) -> Result<T, D::Error> {
    Table::deserialize(written).map(|Table(value)| value)
}

impl Hello {
    /// Whether the subject's answers say what was warned about.
    pub(super) fn warns(&self) -> bool {
        self.capabilities.iter().any(|capability| capability == "warnings")
    }

    /// Whether the subject is asked wide cases.
    pub(super) fn knows_wide_cases(&self) -> bool {
        self.capabilities.iter().any(|capability| capability == "wide-cases")
    }

    /// Whether the subject tells `1000.0` from `1000`. Where the language's own parser does not, only one
    /// that says so is asked such numbers.
    pub(super) fn tells_numbers_apart(&self) -> bool {
        let language = self.implementation.language.as_str().unwrap_or_default();
        let cannot = |cannot: &str| language.trim().eq_ignore_ascii_case(cannot);
        !["javascript", "typescript"].into_iter().any(cannot)
            || self.capabilities.iter().any(|capability| capability == "exact-numbers")
    }

    /// The steps of sequences that it plays.
    pub(super) fn steps(&self) -> Result<Steps, Failure> {
        if !self.capabilities.iter().any(|capability| capability == "sequence") {
            return Ok(Steps::none());
        }
        let Some(declared) = &self.steps else { return Ok(Steps::without_turns()) };
        let kind = |word: &String| {
            StepKind::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| {
                let (word, known) = (printable(word), Steps::all().words().join(", "));
                protocol(format!("declares the step {word} in `steps`, expected: {known}"))
            })
        };
        let steps = declared.iter().map(kind).collect::<Result<Steps, _>>()?;
        if !steps.show() {
            let found = steps.words().join(", ");
            return Err(protocol(format!(
                "declares the steps `{found}`, in which nothing shows, expected `view`, or `thread` and \
                 `call`, among them"
            )));
        }
        Ok(steps)
    }

    /// Reads the answer to `start`.
    pub(super) fn read(line: &[u8]) -> Result<Self, Failure> {
        without_duplicates(line)?;
        let Table(hello): Table<Hello> = serde_json::from_slice(line).map_err(|error| {
            protocol(format!(
                "answered `start` with {}: {error}\n  expected: {{\"version\":1,\"implementation\":\
                 {{\"name\":…}},\"profiles\":[…],\"capabilities\":[\"resolve\"]}}{}",
                excerpt(line),
                log_help(line)
            ))
        })?;
        if hello.version != VERSION {
            let version = hello.version;
            return Err(protocol(format!("speaks version {version}, expected {VERSION}")));
        }
        if !hello.capabilities.iter().any(|capability| capability == "resolve") {
            return Err(protocol("does not name the capability \"resolve\"".into()));
        }
        Ok(hello)
    }
}

/// An answer as serialized: exactly one of its members is present.
#[derive(Deserialize)]
struct Written {
    seq: Option<u64>,
    views: Option<Table<Views>>,
    #[serde(default)]
    plugin_owners: PluginOwners,
    warnings: Option<BTreeSet<String>>,
    rejected: Option<Table<Rejected>>,
    skipped: Option<Table<Skipped>>,
    errored: Option<Table<Errored>>,
}

/// Reads a struct from a JSON object only. Serde alone would also accept a list, with its elements
/// as the members in order.
struct Table<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(written: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Table<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Table)
            }
        }
        written.deserialize_map(Object(PhantomData))
    }
}

/// Refuses a line in which an object has a member twice: what such an answer says depends on the
/// reader.
fn without_duplicates(line: &[u8]) -> Result<(), Failure> {
    duplicate_member(line).map_or(Ok(()), |place| {
        let place = printable(&place);
        let line = excerpt(line);
        Err(protocol(format!("wrote an invalid answer: {line}: the member {place} is there twice")))
    })
}

/// An answer with its number.
pub(super) struct Numbered {
    pub(super) seq: u64,
    pub(super) answer: Answer,
}

impl Numbered {
    /// Reads an answer to `resolve`.
    pub(super) fn read(line: &[u8]) -> Result<Self, Failure> {
        // The JSON library reads bytes of any kind where it skips a member.
        if let Some(problem) = unreadable::of_bytes(line) {
            let line = excerpt(line);
            return Err(protocol(format!("wrote an invalid answer: {line}: {problem}")));
        }
        without_duplicates(line)?;
        let Table(written): Table<Written> = serde_json::from_slice(line).map_err(|error| {
            let problem = unreadable::problem(line, &error);
            protocol(format!("wrote an invalid answer: {}: {problem}", excerpt(line)))
        })?;
        let Some(seq) = written.seq else {
            let help = "\n  help: an answer has the `seq` of its request";
            return Err(protocol(format!("answered without `seq`: {}{help}", excerpt(line))));
        };
        let Written { views, plugin_owners, warnings, rejected, skipped, errored, .. } = written;
        let answer = match (views, rejected, skipped, errored) {
            (Some(Table(views)), None, None, None) => {
                Answer::Resolved { views, plugin_owners, warnings }
            }
            (None, Some(Table(rejected)), None, None) => Answer::Rejected { rejected },
            (None, None, Some(Table(skipped)), None) => Answer::Skipped { skipped },
            (None, None, None, Some(Table(errored))) => Answer::Errored { errored },
            _ => {
                return Err(protocol(format!(
                    "answered with none or several of `views`, `rejected`, `skipped` and \
                     `errored`: {}",
                    excerpt(line)
                )));
            }
        };
        Ok(Numbered { seq, answer })
    }
}

/// The answer to `sequence` as serialized: one of its members besides `seq` is present.
#[derive(Deserialize)]
struct WrittenPlay {
    seq: Option<u64>,
    observations: Option<Vec<Value>>,
    errored: Option<Table<Errored>>,
}

/// Reads the answer to the sequence of these steps, which was sent as `seq`.
pub(super) fn read_observations(
    line: &[u8],
    seq: u64,
    steps: &[Step],
) -> Result<Vec<Seen>, Failure> {
    without_duplicates(line)?;
    let invalid = |problem: String| {
        protocol(format!("wrote an invalid answer to a sequence: {}: {problem}", excerpt(line)))
    };
    let Table(written): Table<WrittenPlay> =
        serde_json::from_slice(line).map_err(|error| invalid(unreadable::problem(line, &error)))?;
    match written.seq {
        Some(answered) if answered == seq => {}
        Some(other) => {
            return Err(protocol(format!(
                "answered seq {other}, expected {seq}: {}",
                excerpt(line)
            )));
        }
        None => return Err(invalid("`seq` is missing".into())),
    }
    match (written.observations, written.errored) {
        (Some(observations), None) => observations::read(steps, &observations).map_err(invalid),
        (None, Some(Table(Errored { message }))) => {
            let message = format!("answered a sequence with `errored`: {}", printable(&message));
            Err(Failure { kind: FailureKind::Crashed, message, certain: true })
        }
        _ => Err(invalid("expected either `observations` or `errored`".into())),
    }
}
