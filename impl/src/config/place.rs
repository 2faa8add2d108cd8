//! Where a value was written, as readers keep it.

/// Where a value was written, relative to what is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In memory, without a position.
    Memory,
    /// At this byte of the text being read.
    Offset(usize),
    /// In the override with this index.
    Override(usize),
}
