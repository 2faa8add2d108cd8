//! Judging one case: the specification's outcome, the subject's answer, the verdict.

use mcp_overlay_host::{Environment, HostConfig};
use mcp_overlay_model::{
    Answer, Auth, Case, Contributor, ContributorKind, Outcome, Profile, Rejected, resolve,
};
use serde_json::Value;

use crate::compare::{Verdict, compare};
use crate::generate::case_from_bytes;
use crate::investigate::investigate;
use crate::protocol;
use crate::subject::{HostInputs, ProductionSubject, Reply, Sight, Subject};
use crate::toml_case::host_from_toml;

pub use crate::subject::reply::silence_subjects;

/// A case that was asked, and what came of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the specification says, as far as the subject can show it.
    pub expected: Outcome,
    /// What the subject said; nothing if it broke down.
    pub answer: Option<Answer>,
    /// The two held against each other.
    pub verdict: Verdict,
}

/// Asks the subject and compares.
pub fn judge(subject: &dyn Subject, case: &Case) -> (Outcome, Verdict) {
    let judged = ask(subject, case);
    (judged.expected, judged.verdict)
}

/// [`judge`], with the answer.
pub fn ask(subject: &dyn Subject, case: &Case) -> Judged {
    let reply = subject.ask(std::slice::from_ref(case)).pop();
    judge_reply(subject.sight(), case, reply.unwrap_or(Reply::NotAsked))
}

/// Holds what came back for a case against the specification.
pub fn judge_reply(sight: Sight, case: &Case, reply: Reply) -> Judged {
    let expected = sight.of(case, resolve(case));
    let (answer, verdict) = match reply {
        Reply::Answered(answer) => {
            let verdict = compare(case, &expected, &answer);
            (Some(answer), verdict)
        }
        Reply::Failed(failure) => (None, Verdict::Failed(failure)),
        // Only a subject that gave up leaves a case unanswered that was asked alone.
        Reply::NotAsked => {
            (None, Verdict::NotComparable("the subject is not asked any more".into()))
        }
    };
    Judged { expected, answer, verdict }
}

/// Holds the production implementation against the model on the case that `bytes` make.
///
/// # Errors
/// The finding as text.
pub fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    match investigate(&ProductionSubject, &case_from_bytes(bytes)) {
        None => Ok(()),
        Some(finding) => Err(finding.to_string()),
    }
}

/// Holds the production reading of a `config.toml` against the model's: no panic, both accept or
/// both reject at the same place, and the same views come of it.
///
/// # Errors
/// The difference, in words.
pub fn check_toml(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(());
    };
    let production = HostConfig::from_toml_str(text, "config.toml", &[], Environment::default());
    let host = match (host_from_toml(text), &production) {
        (Err(_), Err(_)) => return Ok(()),
        (Err(error), Ok(_)) => {
            return Err(format!("production accepts what is no TOML: {error}"));
        }
        (Ok(host), _) => host,
    };
    // How deep a reader goes is no rule; a host refuses what is much deeper than any real config.
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

/// Levels of nesting that every reader of a config must manage.
const DEEP: usize = 60;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(table) => 1 + table.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Gives bytes to the subject's side of the protocol: it ends in an answer or an error, and what
/// it wrote are whole lines of JSON.
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
