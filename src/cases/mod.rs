//! Sources of cases, shrinking, and labels.

mod digits;
pub mod dimensions;
pub mod edges;
pub mod embed;
pub mod entries;
pub mod exhaustive;
pub mod generate;
pub mod labels;
pub mod samples;
pub mod shape;
pub mod shrink;
pub mod toml;
pub mod vectors;
