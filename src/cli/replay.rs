//! `mcp-overlay replay`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcp_overlay::cases::vectors::{self, Vector};
use mcp_overlay::display::printable_lines;
use mcp_overlay::finding::investigate::Asked;
use mcp_overlay::finding::of_vector::{VECTORS_NAME, against_model};
use mcp_overlay::finding::{FORMAT, Finding};
use mcp_overlay::judge::verdict::Verdict;
use mcp_overlay::subject::{Driver, Form, ProductionSubject, Route, Subject, silence_subjects};
use mcp_overlay_model::{Case, Profile};
use serde_json::Value;

use super::console::{FINDINGS, MISUSE, Misuse, Outcome, read_text, say};
use super::{replay_scenario, replay_sequence, selected};

/// Run saved findings, cases or vectors again.
///
/// A finding that needs another case asked first, or several attempts, gets them. A vector is also
/// compared with the specification. A sequence is played once, and told step by step.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Findings that `check` saved, cases `{"case":{…}}`, files of lines `{"case":{…},"expected":{…}}`, or
    /// sequences
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Play a sequence step by step: each is shown, and taken after Enter
    #[arg(long)]
    step: bool,

    #[command(flatten)]
    subject: selected::SubjectArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if let Some(sequences) = replay_sequence::read(&arguments.files)? {
        return replay_sequence::run(&arguments.subject, &sequences, arguments.step);
    }
    if let Some(scenarios) = replay_scenario::read(&arguments.files)? {
        return replay_scenario::run(&arguments.subject, &scenarios);
    }
    if arguments.step {
        return Err("--step is for sequences, and these files have cases".into());
    }
    let mut replayed = Vec::new();
    for path in &arguments.files {
        let of_file = read(path)?;
        if arguments.subject.is_production() {
            of_file.iter().try_for_each(|question| is_of_production(question, path))?;
        }
        replayed.extend(of_file);
    }
    let _here = match selected::enter_network(&arguments.subject)? {
        selected::Location::Here(inside) => inside,
        selected::Location::Done(code) => return Ok(code),
    };
    silence_subjects();
    let (mut failed, mut skipped) = (false, false);
    let profiles: Vec<Profile> = replayed.iter().map(|question| question.case().profile).collect();
    for selected in selected::start(&arguments.subject, &profiles)? {
        let driver = selected.driver();
        for question in &replayed {
            match ask(driver, question)? {
                Replay::Agrees => {}
                Replay::Fails => failed = true,
                Replay::Skips => skipped = true,
            }
        }
        selected.stop();
    }
    for finding in replayed.iter().filter_map(Replayed::against_model) {
        failed = true;
        say(&finding.to_string())?;
    }
    Ok(match (failed, skipped) {
        (true, _) => ExitCode::from(FINDINGS),
        // Nothing was compared, and that is never a pass.
        (false, true) => ExitCode::from(MISUSE),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// The outcome of replaying a case.
enum Replay {
    Agrees,
    Fails,
    /// Neither agrees nor fails.
    Skips,
}

fn ask(driver: &dyn Driver, question: &Replayed) -> Result<Replay, Misuse> {
    let route = question.route();
    let Some(driver) = route.of(driver) else {
        return Err(
            "a finding about another way to give the config needs a running host\n  help: name it \
             with --app-server"
                .into(),
        );
    };
    let form = question.form();
    let in_form = form.and_then(|form| driver.in_form(form));
    if form.is_some() && in_form.is_none() {
        return Err(
            "a finding about the form of a request needs a subject over stdio\n  help: name \
                    it with --stdio"
                .into(),
        );
    }
    let driver = in_form.as_deref().unwrap_or(driver);
    let asked = match question {
        Replayed::Finding(finding) => Asked::again(driver, finding),
        Replayed::Vector(_) | Replayed::Case(_) => Asked::alone(driver, question.case().clone()),
    };
    let (words, replay) = match asked.verdict() {
        Verdict::NotComparable(reason) => {
            let name = driver.name();
            (format!("{name}: skipped, so nothing is compared: {reason}\n"), Replay::Skips)
        }
        _ => match asked.describe(driver) {
            Some(finding) if finding.is_advisory() => {
                (format!("advisory: {finding}"), Replay::Agrees)
            }
            Some(mut finding) => {
                form.into_iter().for_each(|form| finding.blame_form(form));
                (finding.to_string(), Replay::Fails)
            }
            None => {
                let id = question.case().id.as_str();
                let case = if id.is_empty() { "case" } else { id };
                let name = driver.name();
                (format!("{case}: {name} and the specification agree\n"), Replay::Agrees)
            }
        },
    };
    say(&printable_lines(&words))?;
    Ok(replay)
}

/// Refuses a finding about another subject: replaying it on production proves nothing.
fn is_of_production(question: &Replayed, path: &Path) -> Result<(), Misuse> {
    match question {
        Replayed::Finding(finding)
            if ![ProductionSubject.name(), VECTORS_NAME].contains(&finding.subject.as_str()) =>
        {
            let (path, subject) = (path.display(), &finding.subject);
            Err(format!(
                "{path}: found in {subject}, and production would be asked\n  help: say whom to \
                 ask, with the --stdio, --app-server or --fault of that check"
            )
            .into())
        }
        _ => Ok(()),
    }
}

/// A finding, a vector or a case, read from a file.
enum Replayed {
    Finding(Box<Finding>),
    Case(Box<Case>),
    Vector(Box<Vector>),
}

impl Replayed {
    /// The form in which the case is sent.
    fn form(&self) -> Option<Form> {
        match self {
            Replayed::Finding(finding) => finding.form,
            Replayed::Vector(_) | Replayed::Case(_) => None,
        }
    }

    /// How the host is given its config.
    fn route(&self) -> Route {
        match self {
            Replayed::Finding(finding) => finding.delivery,
            Replayed::Vector(_) | Replayed::Case(_) => Route::File,
        }
    }

    fn case(&self) -> &Case {
        match self {
            Replayed::Finding(finding) => &finding.case,
            Replayed::Vector(vector) => &vector.case,
            Replayed::Case(case) => case,
        }
    }

    /// The disagreement of a vector with the specification.
    fn against_model(&self) -> Option<Finding> {
        match self {
            Replayed::Vector(vector) => against_model(vector),
            Replayed::Finding(finding) if finding.subject == VECTORS_NAME => {
                let (case, expected) = (finding.case.clone(), finding.actual.clone()?);
                against_model(&Vector { case, expected })
            }
            Replayed::Finding(_) | Replayed::Case(_) => None,
        }
    }
}

fn read(path: &Path) -> Result<Vec<Replayed>, Misuse> {
    let text = read_text(path)?;
    // A finding is one JSON document with the member `finding`, and a case one with `case` alone; anything
    // else is lines of vectors.
    let document = serde_json::from_str::<Value>(&text).ok();
    if let Some(document) = &document {
        if document.get("finding").is_some() {
            return Ok(vec![of_finding(&text, path)?]);
        }
        if let Some(case) = document.get("case").filter(|_| document.get("expected").is_none()) {
            return Ok(vec![of_case(case, path)?]);
        }
    }
    let vectors =
        vectors::parse(&text, path).map_err(|error| Misuse::from(format!("{error}{FILES}")))?;
    if vectors.is_empty() {
        return Err(format!("{}: no finding, case or vector in it{FILES}", path.display()).into());
    }
    Ok(vectors.into_iter().map(|vector| Replayed::Vector(Box::new(vector))).collect())
}

/// What a file may hold.
const FILES: &str = "\n  help: a file holds a finding that `check` saved, a case {\"case\":{…}}, or lines of vectors";

/// A case that somebody wrote.
fn of_case(case: &Value, path: &Path) -> Result<Replayed, Misuse> {
    let place = path.display();
    match serde_json::from_value::<Case>(case.clone()) {
        Ok(read) if case.is_object() => Ok(Replayed::Case(Box::new(read))),
        Ok(_) => Err(format!("{place}: `case` is not a JSON object").into()),
        Err(error) => Err(format!("{place}: `case` is not a case: {error}").into()),
    }
}

fn of_finding(text: &str, path: &Path) -> Result<Replayed, Misuse> {
    let place = path.display();
    let finding: Finding =
        serde_json::from_str(text).map_err(|error| format!("{place}: not a finding: {error}"))?;
    if finding.finding != FORMAT {
        let found = finding.finding;
        return Err(format!("{place}: a finding of format {found}, expected {FORMAT}").into());
    }
    Ok(Replayed::Finding(Box::new(finding)))
}
