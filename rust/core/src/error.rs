//! One type for everything that can be wrong with what a caller passes in.

use thiserror::Error;

/// What a core function reports instead of a result. Every variant names the argument, so that the sentence
/// can be shown as it is to the person who must act.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A sequence or a set without rows.
    #[error("{argument}: expected at least one row, got none{place}")]
    Empty {
        /// Name of the argument.
        argument: &'static str,
        /// Where in the argument, with a leading space, or nothing.
        place: String,
    },
    /// Sizes that disagree.
    #[error("{argument}: expected {expected}, got {got}")]
    Shape {
        /// Name of the argument.
        argument: &'static str,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
    },
    /// NaN or infinity in a row.
    #[error("{argument}: row {row} holds a value that is not finite (NaN or infinity)")]
    NonFinite {
        /// Name of the argument.
        argument: &'static str,
        /// Index of the first such row.
        row: usize,
    },
    /// Values so large that squared differences would not be finite.
    #[error("{argument}: row {row} is longer than 1e149, too long for sums of squared differences in float64")]
    Magnitude {
        /// Name of the argument.
        argument: &'static str,
        /// Index of the first such row.
        row: usize,
    },
    /// A row of length zero, where a cosine is asked for.
    #[error("{argument}: row {row} is a zero vector, whose cosine is undefined (zero=\"orthogonal\" gives it 0)")]
    ZeroVector {
        /// Name of the argument.
        argument: &'static str,
        /// Index of the first such row.
        row: usize,
    },
    /// A row of a set of several sequences that is not what it should be.
    #[error("{error}; it is row {row} of sequence {sequence}")]
    InSequence {
        /// What is wrong, counting rows over the whole set.
        error: Box<Error>,
        /// The sequence.
        sequence: usize,
        /// The row within it.
        row: usize,
    },
    /// Offsets that do not describe the rows.
    #[error("{argument}: {problem}")]
    Offsets {
        /// Name of the argument.
        argument: &'static str,
        /// What is wrong, as half a sentence.
        problem: String,
    },
    /// An option outside its range.
    #[error("{option}: expected {expected}, got {got}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// The value that came.
        got: String,
    },
    /// An index outside its set.
    #[error("{argument}: index {index} at position {position} is outside 0..{len}")]
    Index {
        /// Name of the argument.
        argument: &'static str,
        /// Where in the argument.
        position: usize,
        /// The index that came.
        index: i64,
        /// Size of the set that it points into.
        len: usize,
    },
    /// A result or workspace that could not be held in memory.
    #[error("{what} would need {bytes} bytes, more than this machine can address or allocate")]
    TooLarge {
        /// What would be allocated.
        what: &'static str,
        /// How much.
        bytes: u128,
    },
    /// The caller asked to stop (Ctrl-C).
    #[error("interrupted")]
    Interrupted,
}

/// What every fallible core function returns.
pub type Result<T> = std::result::Result<T, Error>;
