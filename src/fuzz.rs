//! The properties that the fuzz targets check: one function per target.

use mcp_overlay_host::{Environment, HostConfig};
#[cfg(feature = "endpoint")]
use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{
    Answer, Auth, Case, Contributor, ContributorKind, Profile, Rejected, resolve,
};
use serde_json::Value;

use crate::cases::generate::case_from_bytes;
use crate::cases::toml::host_from_toml;
use crate::cases::vectors::Vector;
use crate::finding::investigate::investigate;
#[cfg(feature = "endpoint")]
use crate::in_process::driver::{HostDriver, Pace};
use crate::judge::compare::compare;
use crate::judge::verdict::Verdict;
use crate::protocol;
use crate::rules;
#[cfg(feature = "endpoint")]
use crate::sequences::{
    generate::{Stage, sequence_from},
    judge::judge,
    story::told,
};
use crate::subject::{HostInputs, InProcess, ProductionSubject};

/// Compares the production implementation with the model on the case generated from `bytes`.
///
/// # Errors
/// The finding as text.
pub fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    // Ours follows every SHOULD rule, so an advisory is a finding here.
    match investigate(&InProcess(ProductionSubject), &case_from_bytes(bytes)) {
        None => Ok(()),
        Some(finding) => Err(finding.to_string()),
    }
}

/// The fault that [`check_canary`] plants: a random case shows it once in some thousands.
pub const CANARY: &str = "paths-in-dictionary-order";

/// As [`check_bytes`], with the fault [`CANARY`] in the production implementation.
///
/// # Errors
/// The finding as text.
pub fn check_canary(bytes: &[u8]) -> Result<(), String> {
    let fault = rules::entries().flat_map(|entry| entry.faults).find(|f| f.name == CANARY);
    let fault = fault.ok_or_else(|| format!("no fault is named {CANARY}"))?;
    match investigate(&*fault.driver(), &case_from_bytes(bytes)) {
        None => Ok(()),
        Some(finding) => Err(finding.to_string()),
    }
}

/// The case that an input of the target `resolve` means in this version, with the specification's
/// answer. Kept as text, it stays the same case when the generator changes.
pub fn vector_from(bytes: &[u8], id: &str) -> Vector {
    let case = Case { id: id.to_owned(), ..case_from_bytes(bytes) };
    let expected = resolve(&case).answer();
    Vector { case, expected }
}

/// The sequence that an input of the target `sequence` means in this version; `None` for an empty one.
#[cfg(feature = "endpoint")]
pub fn sequence_from_input(bytes: &[u8]) -> Option<Sequence> {
    let (profile, steps) = bytes.split_first()?;
    let profile = Profile::ALL.get(usize::from(*profile) % Profile::ALL.len());
    Some(sequence_from(profile.copied().unwrap_or_default(), Stage::InProcess, steps))
}

/// Compares how production and the model read a `config.toml`: no panic, both accept it or both
/// reject it at the same place, and both resolve the same views.
///
/// # Errors
/// A description of the difference.
pub fn check_toml(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(());
    };
    let production = HostConfig::from_toml_str(text, "config.toml", &[], Environment::default());
    let host = match (host_from_toml(text), &production) {
        (Err(_), Err(_)) => return Ok(()),
        (Err(error), Ok(_)) => {
            return Err(format!("production accepts invalid TOML: {error}"));
        }
        (Ok(host), _) => host,
    };
    // No rule limits the nesting depth, so a host may reject a config that is deeper than any real
    // one.
    if production.as_ref().is_err_and(|error| error.path() == "host") && depth(&host) > DEEP {
        return Ok(());
    }
    let hosted = Contributor { id: "hosted-apps".into(), kind: ContributorKind::HostedApps };
    let case = Case {
        id: String::new(),
        profile: Profile::default(),
        host,
        plugins: Vec::new(),
        contributors: vec![hosted],
        auth: Some(Auth::ChatGpt),
        thread: None,
        requirements: None,
    };
    let answer = match production {
        Err(error) => Answer::Rejected {
            rejected: Rejected { path: error.path().into(), reason: error.to_string() },
        },
        Ok(host) => match HostInputs::new(host.value, Vec::new(), &case.contributors, case.auth) {
            Ok(inputs) => inputs.answer(),
            Err(rejected) => Answer::Rejected { rejected },
        },
    };
    match compare(&case, &resolve(&case), &answer) {
        Verdict::Agree => Ok(()),
        verdict => Err(format!("{verdict:?}")),
    }
}

/// Nesting levels that every reader of a config must accept.
const DEEP: usize = 60;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(table) => 1 + table.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Feeds bytes to the subject's side of the protocol: it returns or reports an error, and its
/// output consists of complete JSON lines.
///
/// # Errors
/// The broken line.
pub fn check_protocol(bytes: &[u8]) -> Result<(), String> {
    let mut output = Vec::new();
    let _ = protocol::serve(&ProductionSubject, bytes, &mut output);
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        if !line.ends_with(b"\n") || serde_json::from_slice::<Value>(line).is_err() {
            return Err(format!("not a line of JSON: {}", String::from_utf8_lossy(line)));
        }
    }
    Ok(())
}

/// Plays the sequence that the bytes mean on the production host in process: it follows the
/// specification, the rules that released hosts need not keep included. The first byte is the profile.
///
/// # Errors
/// The breakdown, or the steps with what was wrong.
#[cfg(feature = "endpoint")]
pub fn check_sequence(bytes: &[u8]) -> Result<(), String> {
    sequence_from_input(bytes).map_or(Ok(()), |sequence| check_played(&sequence))
}

/// Plays a sequence on the production host in process: it follows the specification, the rules that
/// released hosts need not keep included.
///
/// # Errors
/// The breakdown, or the steps with what was wrong.
#[cfg(feature = "endpoint")]
pub fn check_played(sequence: &Sequence) -> Result<(), String> {
    let played = HostDriver::default().played(sequence, Pace::AtOnce);
    let trace = played.map_err(|failure| format!("{}: {sequence:?}", failure.message))?;
    match judge(sequence, &trace).broken() {
        None => Ok(()),
        Some(broken) => Err(told(sequence, broken)),
    }
}
