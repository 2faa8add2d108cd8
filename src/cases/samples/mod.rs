//! Sample values that random cases and the phase `edges` share.

pub mod fields;
mod json;
pub mod names;
pub mod urls;

pub use self::json::ANY_TYPE;
pub(crate) use self::json::parsed;
