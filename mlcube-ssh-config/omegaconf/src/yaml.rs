//! YAML as `mlcube` reads it: OmegaConf's loader on top of `PyYAML`, which is YAML 1.1 for plain scalars.
//!
//! `yes` and `on` are true, `010` is eight, `1:30` is ninety, `1e3` is a thousand; whatever is quoted is text. Keys may
//! not repeat, a text holds one document, `<<` merges.
//!
//! The scanner and the parser are our own, in the design of `PyYAML`'s. Which text is YAML differs from parser to parser,
//! and equality with `mlcube` is the point: `libyaml-safer` panics on a text block at the end of a file without a line
//! break and on `[!t, x]`, and refuses `{a:}`; `saphyr-parser`, which reads YAML 1.2, refuses a `]` in the first column
//! and takes tabs; `serde_yaml` hides whether a scalar was quoted.

mod characters;
mod construct;
mod expand;
mod graph;
mod implicit;
mod key;
mod merge_keys;
mod number;
mod parser;
mod scalar;
mod scanner;
mod token;

use std::fmt;

use indexmap::IndexMap;

pub use key::Key;
pub use number::{float_text, parse_float, parse_int};

/// A text longer than this is refused: real settings and cubes have a few thousand bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Levels of lists and maps within each other; Python's recursion limit ends earlier.
pub const MAX_DEPTH: usize = 200;
/// Values in one text, aliases counted as often as they are used.
pub const MAX_VALUES: usize = 200_000;

/// A value and the line that it starts on, from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Yaml {
    /// The value.
    pub data: Data,
    /// Its line, from 1.
    pub line: u32,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, `~`, or nothing.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a point or an exponent; infinite or no number, too.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// A map, in the order of its keys.
    Map(IndexMap<Key, Yaml>),
}

/// Why a text can't be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub problem: String,
    /// The line, from 1.
    pub line: u32,
}

impl Error {
    fn new(problem: impl Into<String>, line: u32) -> Self {
        Self { problem: problem.into(), line }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for Error {}

/// Reads the content of a file: UTF-8, any line ending, as Python's `open(…, encoding="utf-8")` decodes it.
///
/// An empty file is null.
///
/// # Errors
/// The first thing that `mlcube`'s loader would refuse, or that exceeds [`MAX_BYTES`], [`MAX_DEPTH`], [`MAX_VALUES`].
pub fn read_file(bytes: &[u8]) -> Result<Yaml, Error> {
    check_length(bytes.len())?;
    read_str(&characters::decode(bytes)?)
}

/// Reads a value that was typed, such as the one of `-PKEY=VALUE`.
///
/// # Errors
/// As [`read_file`].
pub fn read_str(text: &str) -> Result<Yaml, Error> {
    check_length(text.len())?;
    characters::check(text)?;
    let mut graph = parser::parse(text)?;
    construct::check(&mut graph)?;
    expand::expand(&graph)
}

fn check_length(bytes: usize) -> Result<(), Error> {
    if bytes > MAX_BYTES {
        return Err(Error::new(
            format!("the text is longer than the {MAX_BYTES} bytes that are read"),
            1,
        ));
    }
    Ok(())
}
