//! Sources of cases, shrinking, and labels.

mod digits;
pub mod dimensions;
pub mod edges;
pub mod embed;
pub mod entries;
pub mod exhaustive;
pub mod generate;
pub mod labels;
mod later_labels;
pub mod numbers;
pub mod samples;
pub mod shape;
pub mod shrink;
mod situations;
pub mod specified;
pub mod toml;
pub mod vectors;
