//! The limits of a text, so that reading it takes bounded time and memory.

/// The most bytes of a text: real settings have a few thousand.
pub const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting of lists and maps; Python's recursion limit is lower.
pub const MAX_DEPTH: usize = 200;
/// The most values in one text; an alias counts each time that it is used.
pub const MAX_VALUES: usize = 200_000;
