//! The host config of a case from TOML text, for asking the model about a `config.toml`.

use serde_json::{Map, Value};
use toml::Table;

/// Reads TOML text as the `host` of a case.
///
/// TOML has values that JSON lacks: dates, `nan` and `inf`. No field of a host config takes one,
/// so each becomes a value that no field takes either. A key `env` at the top belongs to the format
/// of cases and not to `config.toml`, so it is left out.
///
/// # Errors
/// The text is not valid TOML.
pub fn host_from_toml(text: &str) -> Result<Value, toml::de::Error> {
    let mut table: Table = toml::from_str(text)?;
    table.remove("env");
    Ok(table_to_json(table))
}

fn table_to_json(table: Table) -> Value {
    Value::Object(
        table.into_iter().map(|(key, value)| (key, to_json(value))).collect::<Map<_, _>>(),
    )
}

fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) if number.is_finite() => Value::from(number),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Array(list) => list.into_iter().map(to_json).collect(),
        toml::Value::Table(table) => table_to_json(table),
        toml::Value::Float(_) | toml::Value::Datetime(_) => of_no_fields_type(),
    }
}

/// A list in a list, which no field of a host config takes.
fn of_no_fields_type() -> Value {
    Value::Array(vec![Value::Array(Vec::new())])
}
