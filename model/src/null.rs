//! Nulls in a case.

use serde::{Deserialize, Deserializer};

/// Null for an optional member of a case is an absent member, as everywhere else.
pub(crate) fn null_is_absent<'de, D, T>(written: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(written)?.unwrap_or_default())
}
