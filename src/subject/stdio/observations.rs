//! Reads the observations of a sequence. An error names the place, what was found, and what was
//! expected there.

use std::collections::BTreeMap;

use mcp_overlay_model::lifecycle::{Listed, Means, Seen, SignIn, Step};
use serde_json::{Map, Value};

use crate::display::printable;
use crate::subject::process::piped::excerpt;
use crate::subject::steps::StepKind;

const DONE: &str = "done";
const REFUSED: &str = "refused";
const UNANSWERED: &str = "unanswered";
const SERVERS: &str = "servers";
const ANSWERED: &str = "answered";
const FAILED: &str = "failed";
const HELD: &str = "held";
const RELEASED: &str = "released";

/// What may be observed of a step: the names of the observations.
fn names(step: &Step) -> &'static [&'static str] {
    match step {
        Step::SignIn(SignIn { by: Means::Protocol, .. })
        | Step::SignOut { by: Means::Protocol }
        | Step::Thread { .. }
        | Step::Reload
        | Step::Turn { .. } => &[DONE, REFUSED],
        Step::View => &[SERVERS, REFUSED],
        Step::Call { .. } => &[ANSWERED, HELD, FAILED, REFUSED, UNANSWERED],
        Step::Read { .. } => &[ANSWERED, FAILED, REFUSED, UNANSWERED],
        Step::Release { .. } => &[RELEASED],
        // The checker does these.
        _ => &[DONE],
    }
}

/// What may become of a call that was held.
const OF_HELD: &[&str] = &[ANSWERED, FAILED, UNANSWERED];

/// Reads one observation of each step.
pub(super) fn read(steps: &[Step], written: &[Value]) -> Result<Vec<Seen>, String> {
    if steps.len() != written.len() {
        let (found, expected) = (written.len(), steps.len());
        return Err(format!(
            "`observations`: found {found}, expected {expected}, one for each step"
        ));
    }
    let each = steps.iter().zip(written).enumerate().map(|(at, (step, written))| {
        let word = StepKind::of(step).map_or("", StepKind::word);
        observation(names(step), written).map_err(|Unlike { place, found, expected }| {
            format!(
                "`observations[{at}]{place}`, of the step `{word}`: found {found}, expected {expected}"
            )
        })
    });
    each.collect()
}

/// A value that is not as expected.
struct Unlike {
    /// Where, from the observation on.
    place: String,
    found: String,
    expected: String,
}

impl Unlike {
    fn new(place: &str, found: &Value, expected: impl Into<String>) -> Self {
        let found = excerpt(found.to_string().as_bytes());
        Unlike { place: place.into(), found, expected: expected.into() }
    }

    /// The same, inside this place.
    fn inside(self, outer: &str) -> Self {
        Unlike { place: format!("{outer}{}", self.place), ..self }
    }
}

/// Reads one of the observations of these names.
fn observation(names: &[&str], written: &Value) -> Result<Seen, Unlike> {
    let unlike = || Unlike::new("", written, one_of(names));
    let (name, inner) = match written {
        Value::String(name) => (name.as_str(), None),
        Value::Object(members) if members.len() == 1 => members
            .iter()
            .next()
            .map(|(name, inner)| (name.as_str(), Some(inner)))
            .ok_or_else(unlike)?,
        _ => return Err(unlike()),
    };
    if !names.contains(&name) {
        return Err(unlike());
    }
    let inside = |unlike: Unlike| unlike.inside(&format!(".{name}"));
    match (name, inner) {
        (DONE, None) => Ok(Seen::Done),
        (REFUSED, None) => Ok(Seen::Refused),
        (UNANSWERED, None) => Ok(Seen::Unanswered),
        (SERVERS, Some(inner)) => servers(inner).map_err(inside),
        (ANSWERED, Some(inner)) => {
            call("by", inner).map(|(by, account)| Seen::Answered { by, account }).map_err(inside)
        }
        (FAILED, Some(inner)) => {
            call("at", inner).map(|(at, account)| Seen::Failed { at, account }).map_err(inside)
        }
        (HELD, Some(inner)) => {
            call("at", inner).map(|(at, account)| Seen::Held { at, account }).map_err(inside)
        }
        (RELEASED, Some(inner)) => released(inner).map_err(inside),
        _ => Err(unlike()),
    }
}

/// The forms of these observations, in words.
fn one_of(names: &[&str]) -> String {
    let form = |name: &&str| match *name {
        SERVERS => r#"{"servers":{NAME:"with_tools" or "without_tools"}}"#.to_string(),
        ANSWERED => r#"{"answered":{"by":URL}}"#.into(),
        FAILED | HELD => format!(r#"{{"{name}":{{"at":URL}}}}"#),
        RELEASED => r#"{"released":[…]}"#.into(),
        word => format!("{word:?}"),
    };
    names.iter().map(form).collect::<Vec<_>>().join(" or ")
}

fn servers(written: &Value) -> Result<Seen, Unlike> {
    let Value::Object(members) = written else {
        return Err(Unlike::new("", written, "an object with the listed servers by name"));
    };
    let listed = members.iter().map(|(name, written)| {
        let listed = match written.as_str() {
            Some("with_tools") => Listed::WithTools,
            Some("without_tools") => Listed::WithoutTools,
            _ => {
                let place = format!(".{}", printable(name));
                return Err(Unlike::new(&place, written, r#""with_tools" or "without_tools""#));
            }
        };
        Ok((name.clone(), listed))
    });
    Ok(Seen::Servers(listed.collect::<Result<BTreeMap<_, _>, _>>()?))
}

/// A server's URL, under this name, and the account whose credentials the call carried.
fn call(url: &str, written: &Value) -> Result<(String, Option<String>), Unlike> {
    let members = written
        .as_object()
        .ok_or_else(|| Unlike::new("", written, format!("an object with `{url}`")))?;
    for (name, inner) in members {
        if name != url && name != "account" {
            let place = format!(".{}", printable(name));
            return Err(Unlike::new(
                &place,
                inner,
                format!("only the members `{url}` and `account`"),
            ));
        }
    }
    let at = text(members, url)?;
    let account = match members.get("account") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text(members, "account")?),
    };
    Ok((at, account))
}

fn text(members: &Map<String, Value>, name: &str) -> Result<String, Unlike> {
    let written = members.get(name).unwrap_or(&Value::Null);
    let text = written.as_str().map(str::to_string);
    text.ok_or_else(|| Unlike::new(&format!(".{name}"), written, "a text"))
}

fn released(written: &Value) -> Result<Seen, Unlike> {
    let Value::Array(outcomes) = written else {
        return Err(Unlike::new("", written, "a list with what became of each held call"));
    };
    let outcomes = outcomes.iter().enumerate().map(|(at, written)| {
        observation(OF_HELD, written).map_err(|unlike| unlike.inside(&format!("[{at}]")))
    });
    Ok(Seen::Released(outcomes.collect::<Result<_, _>>()?))
}
