//! Server entries: each field with each sample, at each place.

use std::sync::LazyLock;

use mcp_overlay_model::Case;
use serde_json::{Map, Value, json};

use super::build::{PLACES, Place, contributor, product, remove, set, with_entry};
use crate::cases::digits::Digits;
use crate::cases::samples::fields::{SAMPLES, Samples, Transport, UNKNOWN_FIELDS};
use crate::cases::samples::{ANY_TYPE, parsed};

/// A value of each JSON type, and those of [`ANY_TYPE`].
static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| parsed(ANY_TYPE));

/// Every field with every value: its own samples and a few of each type.
static FIELD_VALUES: LazyLock<Vec<(&str, &Value)>> = LazyLock::new(|| {
    let values = |samples: &'static Samples| {
        let Samples { field, valid, boundary, invalid } = samples;
        let own = valid.iter().chain(boundary).chain(invalid);
        own.chain(VALUES.iter()).map(|value| (field.name, value))
    };
    SAMPLES.iter().flat_map(values).collect()
});

/// A server of each transport, and a disabled one.
fn bases() -> [Value; 3] {
    [
        json!({"command": "srv"}),
        json!({"url": "https://a.example"}),
        json!({"command": "srv", "enabled": false, "environment_id": "gpu-box", "cwd": "/srv"}),
    ]
}

fn with_field(base: &Value, field: &str, value: &Value) -> Value {
    let mut entry = base.as_object().cloned().unwrap_or_default();
    entry.insert(field.into(), value.clone());
    Value::Object(entry)
}

pub(super) fn samples_size() -> u64 {
    product([FIELD_VALUES.len(), bases().len(), PLACES.len()])
}

pub(super) fn samples(digits: &mut Digits) -> Option<Case> {
    let (field, value) = digits.pick(&FIELD_VALUES)?;
    let entry = with_field(digits.pick(&bases())?, field, value);
    Some(with_entry(*digits.pick(&PLACES)?, "a", entry))
}

pub(super) fn unknown_size() -> u64 {
    product([UNKNOWN_FIELDS.len(), VALUES.len(), 2, PLACES.len()])
}

pub(super) fn unknown(digits: &mut Digits) -> Option<Case> {
    let field = digits.pick(UNKNOWN_FIELDS)?;
    let value = digits.pick(&VALUES)?;
    let [stdio, http, _] = bases();
    let entry = with_field(digits.pick(&[stdio, http])?, field, value);
    Some(with_entry(*digits.pick(&PLACES)?, "a", entry))
}

pub(super) fn pairs_size() -> u64 {
    product([SAMPLES.len(), SAMPLES.len(), 3, 2])
}

/// Two fields: the first with a usual value, the second with a usual, an unusual or an invalid one.
pub(super) fn pairs(digits: &mut Digits) -> Option<Case> {
    let (first, second) = (digits.pick(&SAMPLES)?, digits.pick(&SAMPLES)?);
    let of_second = match digits.next(3) {
        0 => second.valid.first(),
        1 => second.boundary.last(),
        _ => second.invalid.first(),
    };
    let values = [(first, first.valid.last()), (second, of_second)];
    let [stdio, http, _] = bases();
    let base = digits.pick(&[stdio, http])?.clone();
    let entry = values.into_iter().fold(base, |entry, (samples, value)| {
        match value.or(samples.invalid.first()) {
            Some(value) => with_field(&entry, samples.field.name, value),
            None => entry,
        }
    });
    Some(with_entry(Place::Host, "a", entry))
}

/// How many different servers there are with all fields of a transport.
const ROUNDS: usize = 48;

pub(super) fn all_size() -> u64 {
    product([ROUNDS, 2, PLACES.len()])
}

/// A server with all fields that it can have.
pub(super) fn all(digits: &mut Digits) -> Option<Case> {
    let round = digits.next(ROUNDS as u64) as usize;
    let own = *digits.pick(&[Transport::Stdio, Transport::Http])?;
    let mut entry = Map::new();
    for Samples { field, valid, boundary, .. } in SAMPLES.iter() {
        let values = || valid.iter().chain(boundary);
        if (field.of == own || field.of == Transport::Both)
            && let Some(value) = values().nth(round % values().count().max(1))
        {
            entry.insert(field.name.into(), value.clone());
        }
    }
    Some(with_entry(*digits.pick(&PLACES)?, "a", Value::Object(entry)))
}

/// Words by which other configs name a transport.
const TYPES: [&str; 7] =
    ["stdio", "http", "sse", "streamable_http", "streamable-http", "ws", "HTTP"];

pub(super) fn types_size() -> u64 {
    product([2, TYPES.len(), 3, PLACES.len()])
}

/// A server that names its transport, which no field does; one has both transports.
pub(super) fn types(digits: &mut Digits) -> Option<Case> {
    let field = digits.pick(&["type", "transport"])?;
    let word = Value::from(*digits.pick(&TYPES)?);
    let [stdio, http, _] = bases();
    let both = json!({"command": "srv", "url": "https://a.example"});
    let entry = with_field(digits.pick(&[stdio, http, both])?, field, &word);
    Some(with_entry(*digits.pick(&PLACES)?, "a", entry))
}

pub(super) fn replaced_size() -> u64 {
    product([SAMPLES.len(), 3, 3, 2])
}

/// A server with a field, replaced by one that has it, has it otherwise or does not have it.
pub(super) fn replaced(digits: &mut Digits) -> Option<Case> {
    let samples = digits.pick(&SAMPLES)?;
    let [stdio, http, _] = bases();
    let base = if samples.field.of == Transport::Http { http } else { stdio };
    let values = samples.valid.iter().chain(&samples.boundary);
    // The second sample of a table or a list has more in it than the first.
    let old = match values.clone().nth(1).or(values.clone().next()) {
        Some(value) => with_field(&base, samples.field.name, value),
        None => base.clone(),
    };
    let new = match (digits.next(3), values.clone().next()) {
        (1, Some(value)) => with_field(&base, samples.field.name, value),
        (2, Some(_)) => old.clone(),
        _ => base.clone(),
    };
    let new = with_field(&new, "required", &Value::Bool(true));
    let mut case = match digits.next(3) {
        0 => with_entry(Place::Host, "a", old),
        1 => with_entry(Place::Plugin, "a", old),
        _ => with_entry(Place::Contribution, "a", old),
    };
    let list = match digits.next(2) {
        0 => vec![set("a", new)],
        _ => vec![remove("a"), set("a", new)],
    };
    case.contributors.push(contributor("y", list));
    Some(case)
}

pub(super) fn whole_size() -> u64 {
    product([VALUES.len(), PLACES.len()])
}

/// Any value in place of a server entry.
pub(super) fn whole(digits: &mut Digits) -> Option<Case> {
    let entry = digits.pick(&VALUES)?.clone();
    Some(with_entry(*digits.pick(&PLACES)?, "a", entry))
}
