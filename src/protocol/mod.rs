//! Protocol version 1, the subject's side: it reads cases and sequences, and writes answers, one per
//! line.

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};

use mcp_overlay_model::lifecycle::{Seen, Sequence};
use mcp_overlay_model::{Answer, Case, Profile};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub use crate::subject::process::MAX_LINE;

use crate::subject::{Steps, Subject};

const VERSION: u64 = 1;

/// Why the conversation ended, other than by `stop` or the end of input.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A line that is not a request.
    #[error("line {line}: {problem}\n  expected: {expected}")]
    BadLine {
        /// The line's number, from 1.
        line: u64,
        /// The problem.
        problem: String,
        /// The expected line.
        expected: &'static str,
    },
    /// Reading or writing failed.
    #[error("the conversation broke off: {0}")]
    Io(#[from] std::io::Error),
}

const REQUESTS: &str = r#"{"cmd":"start","version":1}, {"cmd":"resolve","seq":N,"case":{…}}, {"cmd":"sequence","seq":N,"sequence":{…}} or {"cmd":"stop"}"#;

/// A request. The case or the sequence is parsed later, because an invalid one gets an answer and does
/// not end the conversation.
struct Request<'a> {
    cmd: Command,
    version: Option<u64>,
    seq: Option<u64>,
    /// The text of a present member. `null` counts as present: it is an invalid case, not a missing
    /// one.
    case: Option<&'a RawValue>,
    /// The same of a sequence.
    sequence: Option<&'a RawValue>,
}

impl<'a> Request<'a> {
    /// Reads a request. Unknown members are ignored, and of two members with the same name the last
    /// one counts, so a derived `Deserialize` would refuse too much.
    fn read(line: &'a [u8]) -> serde_json::Result<Self> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(line)?;
        let number = |name| members.get(name).map_or(Ok(None), |value| parse_raw(name, value));
        let cmd = members.get("cmd").ok_or_else(|| serde_json::Error::missing_field("cmd"))?;
        let (cmd, version, seq) = (parse_raw("cmd", cmd)?, number("version")?, number("seq")?);
        let [case, sequence] = ["case", "sequence"].map(|name| members.get(name).copied());
        Ok(Request { cmd, version, seq, case, sequence })
    }
}

/// Reads a member. An error names the member, because its column would be that of the value.
fn parse_raw<'a, T: Deserialize<'a>>(name: &str, value: &'a RawValue) -> serde_json::Result<T> {
    serde_json::from_str(value.get()).map_err(|error| {
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        serde_json::Error::custom(format!("`{name}`: {words}"))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Command {
    Start,
    Resolve,
    Sequence,
    Stop,
}

#[derive(Serialize)]
struct Numbered<T> {
    seq: u64,
    #[serde(flatten)]
    answer: T,
}

/// The answer to a sequence.
#[derive(Serialize)]
struct Observations {
    observations: Vec<Seen>,
}

/// Answers requests until `stop` or the end of input.
///
/// # Errors
/// The first line that is not a request of this protocol, or a broken pipe.
pub fn serve(
    subject: &dyn Subject,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<(), ProtocolError> {
    let mut started = false;
    let mut line = Vec::new();
    for number in 1.. {
        if !read_line(&mut input, &mut line, number)? {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let request = parse(&line, number)?;
        match (request.cmd, started) {
            (Command::Start, _) if request.version != Some(VERSION) => {
                let version = request.version.map_or("none".into(), |version| version.to_string());
                return bad(number, format!("`start` with version {version}"), "version 1");
            }
            (Command::Start, true) => {
                return bad(number, "a second `start`", "`start` once, as the first request");
            }
            (Command::Start, false) => {
                started = true;
                write_line(&mut output, &to_line(&hello(subject)))?;
            }
            (Command::Stop, _) => break,
            (Command::Resolve, false) => {
                return bad(number, "`resolve` before `start`", "`start` as the first request");
            }
            (Command::Resolve, true) => {
                let (Some(seq), Some(case)) = (request.seq, request.case) else {
                    return bad(number, "not a request: `seq` or `case` is missing", REQUESTS);
                };
                write_line(&mut output, &answer_line(subject, seq, case))?;
            }
            (Command::Sequence, false) => {
                return bad(number, "`sequence` before `start`", "`start` as the first request");
            }
            (Command::Sequence, true) => {
                let (Some(seq), Some(sequence)) = (request.seq, request.sequence) else {
                    let problem = "not a request: `seq` or `sequence` is missing";
                    return bad(number, problem, REQUESTS);
                };
                write_line(&mut output, &played_line(subject, seq, sequence))?;
            }
        }
    }
    output.flush()?;
    Ok(())
}

fn bad<T>(
    line: u64,
    problem: impl Into<String>,
    expected: &'static str,
) -> Result<T, ProtocolError> {
    Err(ProtocolError::BadLine { line, problem: problem.into(), expected })
}

fn hello(subject: &dyn Subject) -> Value {
    let steps = subject.steps();
    let mut capabilities = vec!["resolve"];
    capabilities.extend(subject.warns().then_some("warnings"));
    capabilities.extend(subject.knows_wide_cases().then_some("wide-cases"));
    capabilities.extend((!steps.is_empty()).then_some("sequence"));
    let mut hello = serde_json::json!({
        "version": VERSION,
        "implementation": {
            "name": format!("mcp-overlay {}", subject.name()),
            "version": env!("CARGO_PKG_VERSION"),
            "language": "Rust",
        },
        "profiles": subject.profiles().iter().map(|profile| profile.name()).collect::<Vec<_>>(),
        "capabilities": capabilities,
    });
    // Without the member all steps but turns are meant.
    let is_usual = steps.is_empty() || steps == Steps::without_turns();
    let declared = Some(steps.words()).filter(|_| !is_usual);
    if let (Some(words), Some(hello)) = (declared, hello.as_object_mut()) {
        hello.insert("steps".into(), words.into());
    }
    hello
}

/// The answer to a case as a line.
fn answer_line(subject: &dyn Subject, seq: u64, case: &RawValue) -> Vec<u8> {
    let answer = match serde_json::from_str(case.get()) {
        Ok(case) => answer(subject, case),
        Err(error) => Answer::errored(format!("not a case: {error}")),
    };
    line_of(seq, &answer)
}

/// The answer to a sequence as a line. An invalid sequence gets an error as its answer, so that the
/// conversation continues.
fn played_line(subject: &dyn Subject, seq: u64, sequence: &RawValue) -> Vec<u8> {
    let is_table = sequence.get().starts_with('{');
    let read = match serde_json::from_str::<Sequence>(sequence.get()) {
        Ok(sequence) if is_table => Ok(sequence),
        Ok(_) => Err("not a sequence: expected a JSON object".to_string()),
        Err(error) => Err(format!("not a sequence: {error}")),
    };
    match read.and_then(|sequence| subject.play(&sequence)) {
        Ok(observations) => line_of(seq, Observations { observations }),
        Err(message) => line_of(seq, Answer::errored(message)),
    }
}

/// An answer as a line; one above the protocol's size limit is replaced by an error.
fn line_of(seq: u64, answer: impl Serialize) -> Vec<u8> {
    let line = to_line(&Numbered { seq, answer });
    if line.len() <= MAX_LINE {
        return line;
    }
    let answer = Answer::errored("the answer is longer than the 16 MiB that a line may have");
    to_line(&Numbered { seq, answer })
}

/// The answer to a case in JSON. An invalid case gets an error as its answer, so that the
/// conversation continues.
fn answer(subject: &dyn Subject, case: Value) -> Answer {
    // Checked first: an unknown profile may have another format of cases.
    let profile = case.get("profile").filter(|profile| !profile.is_null());
    let known = |profile: &&Value| Profile::ALL.iter().any(|known| **profile == known.name());
    if let Some(profile) = profile.filter(|profile| !known(profile)) {
        return Answer::skipped(format!("unknown profile {profile}"));
    }
    if let Some(place) = place_without_table(&case) {
        return Answer::errored(format!("not a case: expected a JSON object at {place}"));
    }
    match serde_json::from_value::<Case>(case) {
        Ok(case) => subject.resolve(&case),
        Err(error) => Answer::errored(format!("not a case: {error}")),
    }
}

/// The first place where a case has another value instead of a table. Serde alone would accept a
/// list as a struct, with its elements as the members in order.
fn place_without_table(case: &Value) -> Option<String> {
    if !case.is_object() {
        return Some("case".into());
    }
    let elements = |key: &'static str| {
        let list = case.get(key).and_then(Value::as_array).into_iter().flatten();
        list.enumerate().map(move |(index, element)| (format!("case.{key}[{index}]"), element))
    };
    let mut places = elements("plugins").chain(elements("contributors"));
    places.find(|(_, element)| !element.is_object()).map(|(place, _)| place)
}

/// Reads a line into `line`, without its newline; false at the end of input.
fn read_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    number: u64,
) -> Result<bool, ProtocolError> {
    line.clear();
    let limit = MAX_LINE as u64 + 1;
    let read = input.by_ref().take(limit).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > MAX_LINE {
        return bad(number, "the line is too long", "at most 16 MiB a line");
    }
    Ok(read > 0)
}

fn parse(line: &[u8], number: u64) -> Result<Request<'_>, ProtocolError> {
    // Serde alone would accept a list as a struct, with its elements as the members in order.
    if line.trim_ascii_start().first() == Some(&b'[') {
        return bad(number, "not a request: a list", REQUESTS);
    }
    Request::read(line).or_else(|error| bad(number, format!("not a request: {error}"), REQUESTS))
}

fn to_line(message: &impl Serialize) -> Vec<u8> {
    // A message has maps with text keys and plain data, all of which JSON can represent.
    serde_json::to_vec(message).unwrap_or_default()
}

fn write_line(output: &mut impl Write, line: &[u8]) -> Result<(), ProtocolError> {
    output.write_all(line)?;
    output.write_all(b"\n")?;
    output.flush()?;
    Ok(())
}
