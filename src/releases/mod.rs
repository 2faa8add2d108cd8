//! Which release keeps which rule: every release is asked the same cases once, and its answers are
//! compared with every profile.

mod ask;
#[cfg(feature = "reports")]
pub mod html;
pub mod markdown;
mod matrix;

pub use ask::{Known, look};
pub use matrix::{Cell, Column, Held, Matrix, Plan};
