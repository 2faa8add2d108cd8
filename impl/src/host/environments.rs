//! The environments besides this machine, in `config.toml`.

use std::collections::BTreeMap;

use crate::config::node::{Kind, Node};
use crate::config::{
    Document, LOCAL_ENVIRONMENT, Loaded, Note, Notes, Profile, Read, Stdio, Transport, read_server,
    table, under,
};

/// The table of this program's own settings, which Codex ignores.
const OWN: &str = "mcp_overlay";
const ENVIRONMENTS: &str = "environments";
/// The most environments: each may run a process on this machine.
const MAX_ENVIRONMENTS: usize = 32;

/// The command that starts the executor of each environment: `[mcp_overlay.environments.NAME]` with
/// the fields of a stdio server. A malformed environment is left out, with a warning.
pub(super) fn environments_in(document: &Document<'_>) -> Loaded<BTreeMap<String, Stdio>> {
    let mut notes = Notes::default();
    let mut found = BTreeMap::new();
    if let Some(own) = document.get(OWN) {
        if let Err(fault) = read(own, &mut found, &mut notes) {
            notes.push(*fault);
        }
        notes.under(0, OWN);
    }
    Loaded { value: found, warnings: notes.into_warnings(|place| document.origin(place)) }
}

fn read(own: Node<'_>, found: &mut BTreeMap<String, Stdio>, notes: &mut Notes) -> Read<()> {
    let Some(written) = table(own)?.get(ENVIRONMENTS) else { return Ok(()) };
    for (name, entry) in table(written).map_err(|fault| under(fault, ENVIRONMENTS))?.iter() {
        let first = notes.len();
        match executor(name, entry, found.len(), notes) {
            Ok(stdio) => drop(found.insert(name.to_owned(), stdio)),
            Err(mut fault) => {
                fault.message.push_str("; this environment is left out");
                notes.push(*fault);
            }
        }
        notes.under(first, name);
        notes.under(first, ENVIRONMENTS);
    }
    Ok(())
}

fn executor(name: &str, entry: Node<'_>, known: usize, notes: &mut Notes) -> Read<Stdio> {
    if name == LOCAL_ENVIRONMENT {
        return Err(Note::wrong(entry.place(), "the name of this machine", "another name"));
    }
    if known >= MAX_ENVIRONMENTS {
        let expected = format!("at most {MAX_ENVIRONMENTS} environments");
        return Err(Note::wrong(entry.place(), "one more", &expected));
    }
    const EXPECTED: &str = "a table with a `command` that starts an executor";
    if !matches!(entry.kind(), Kind::Table(fields) if fields.get("command").is_some()) {
        return Err(Note::wrong(entry.place(), entry.kind().describe(), EXPECTED));
    }
    match read_server(entry, Profile::CodexPr31803.behaviour(), notes)?.transport {
        Transport::Stdio(stdio) => Ok(stdio),
        Transport::StreamableHttp(_) => Err(Note::wrong(entry.place(), "a url", EXPECTED)),
    }
}
