//! Where a value was written, before anyone has put it into words.

/// Where a value was written, relative to what is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere in particular.
    Memory,
    /// At this byte of the text being read.
    Offset(usize),
    /// In the override with this index.
    Override(usize),
}
