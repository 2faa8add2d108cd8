//! Valid server entries.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

use super::draw::{free_text, name, once_in, pick, size, value};
use crate::cases::samples::fields::{SAMPLES, Samples, Transport, UNKNOWN_FIELDS};
use crate::cases::samples::urls::NEAR_CHATGPT;

/// The most servers of a config or plugin.
const MOST_SERVERS: usize = 40;

/// Server entries by name: mostly up to `usual`.
pub(super) fn servers(u: &mut Unstructured<'_>, usual: usize) -> Result<Map<String, Value>> {
    let mut servers = Map::new();
    for number in 0..size(u, usual, MOST_SERVERS)? {
        // Many servers need as many names.
        let name = if number < 5 { name(u)? } else { format!("server-{}", number * 7 % 40) };
        servers.insert(name, entry(u)?);
    }
    Ok(servers)
}

/// A valid entry as a user might write it: a transport and a few fields.
pub(super) fn entry(u: &mut Unstructured<'_>) -> Result<Value> {
    let stdio = u.arbitrary::<bool>()?;
    let own = if stdio { Transport::Stdio } else { Transport::Http };
    let main = if stdio { "command" } else { "url" };
    let mut entry = Map::new();
    if let Some(samples) = SAMPLES.iter().find(|samples| samples.field.name == main) {
        entry.insert(main.into(), valid(u, samples)?);
    }
    // A quarter of the servers is disabled, because half of the rules are about disabled servers.
    if once_in(u, 4)? {
        entry.insert("enabled".into(), Value::Bool(false));
    }
    let usual = *u.choose(&[0, 0, 0, 1, 1, 2, 3, 4])?;
    let fields = if once_in(u, 32)? { size(u, 8, 16)? } else { usual };
    for _ in 0..fields {
        let samples = u.choose(&SAMPLES)?;
        let fits = samples.field.of == own || samples.field.of == Transport::Both;
        let decides = ["command", "url", "enabled"].contains(&samples.field.name);
        if fits && !decides {
            entry.insert(samples.field.name.into(), valid(u, samples)?);
        } else if once_in(u, 6)? {
            entry.insert(pick(u, UNKNOWN_FIELDS)?.into(), json!(1));
        }
    }
    if once_in(u, 16)? {
        // A null is an absent field, also of the other transport.
        let samples = u.choose(&SAMPLES)?;
        entry.entry(samples.field.name).or_insert(Value::Null);
    }
    if !stdio && once_in(u, 6)? {
        // Whether the host's credentials go there depends on these two together.
        entry.insert("auth".into(), Value::from("chatgpt"));
        entry.insert("url".into(), Value::from(pick(u, NEAR_CHATGPT)?));
    }
    // Some profiles reject a stdio server elsewhere that has no folder.
    if entry.contains_key("environment_id") && stdio && !once_in(u, 6)? {
        entry.insert("cwd".into(), Value::from("/srv"));
    }
    Ok(Value::Object(entry))
}

/// A valid value of a field: mostly a usual one, else an unusual one or one made up.
fn valid(u: &mut Unstructured<'_>, samples: &Samples) -> Result<Value> {
    match u.int_in_range(0..=15)? {
        0..=9 => value(u, &samples.valid),
        10 if samples.field.name.ends_with("timeout_sec") => decimal(u),
        10 if samples.field.name == "startup_timeout_ms" => Ok(json!(u.arbitrary::<u64>()?)),
        10 if samples.valid.iter().all(Value::is_string) && samples.field.name != "auth" => {
            let is_mode = samples.field.name == "default_tools_approval_mode";
            if is_mode { value(u, &samples.valid) } else { Ok(Value::from(free_text(u)?)) }
        }
        10 if samples.valid.iter().all(Value::is_array) && samples.field.name != "env_vars" => {
            (0..size(u, 3, 20)?).map(|_| Ok(Value::from(free_text(u)?))).collect()
        }
        10 if samples.field.name.ends_with("headers") || samples.field.name == "env" => {
            let mut table = Map::new();
            for _ in 0..size(u, 3, 20)? {
                table.insert(free_text(u)?, Value::from(free_text(u)?));
            }
            Ok(Value::Object(table))
        }
        _ if samples.boundary.is_empty() => value(u, &samples.valid),
        _ => value(u, &samples.boundary),
    }
}

/// Any decimal that a user may write as a time.
fn decimal(u: &mut Unstructured<'_>) -> Result<Value> {
    let digits = 10_f64.powi(u.int_in_range(0..=12)?);
    Ok(json!(f64::from(u.arbitrary::<u32>()?) / digits))
}
