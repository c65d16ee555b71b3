//! How large a text may be, so that none takes all time or memory.

/// A text longer than this is refused: real settings have a few thousand bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Levels of lists and maps within each other; Python's recursion limit ends earlier.
pub const MAX_DEPTH: usize = 200;
/// Values in one text, aliases counted as often as they are used.
pub const MAX_VALUES: usize = 200_000;
