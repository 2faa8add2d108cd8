//! Sources of cases, shrinking, and labels.

pub mod entries;
pub mod exhaustive;
pub mod generate;
pub mod labels;
pub mod shape;
pub mod shrink;
pub mod toml;
pub mod vectors;
