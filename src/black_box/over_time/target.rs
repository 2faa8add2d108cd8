//! The addresses of the servers of sequences.

/// The length of the mark of a sequence, which begins every path.
pub(super) const MARK: usize = 22;

/// The origin of a request's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::black_box) enum Origin {
    Apps,
    Servers,
    /// Where servers redirect to.
    Elsewhere,
}

/// Where a request went: the origin, and the path after the mark of the sequence. The path of a stdio
/// server is `/` and its number.
pub(in crate::black_box) type Target = (Origin, String);

/// The origin to which servers redirect, in words.
pub(super) const ELSEWHERE: &str = "another origin";
