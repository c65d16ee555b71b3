//! YAML as OmegaConf's loader reads it, which is based on `PyYAML`: YAML 1.1 for plain scalars.
//!
//! `yes` and `on` are true, `010` is eight, `1:30` is ninety, `1e3` is a thousand; a quoted scalar is text. Keys must
//! be unique, a text has one document, `<<` merges.
//!
//! The steps are those of `PyYAML`: check the characters, scan tokens, parse them to a graph of nodes, check the graph
//! and expand `<<`, replace every alias by a copy. Parsers disagree about which texts are YAML, and this one has to
//! agree with `PyYAML`; the crate's `README.md` compares others.

mod characters;
mod construct;
mod error;
mod expand;
mod graph;
mod implicit;
mod key;
mod limits;
mod merge_keys;
mod number;
mod parser;
mod scalar;
mod scanner;
mod token;
mod value;

pub use error::{Error, Mark};
pub use key::Key;
pub use limits::{MAX_BYTES, MAX_DEPTH, MAX_VALUES};
pub use number::{float_text, parse_float, parse_int};
pub use value::{Data, Yaml};

/// Reads the content of a file: UTF-8, any line ending, as Python's `open(…, encoding="utf-8")` decodes it.
///
/// An empty file is null.
///
/// # Errors
/// The first thing that OmegaConf's loader would refuse, or that exceeds [`MAX_BYTES`], [`MAX_DEPTH`], [`MAX_VALUES`].
pub fn read_file(bytes: &[u8]) -> Result<Yaml, Error> {
    check_length(bytes.len())?;
    read_str(&characters::decode(bytes)?)
}

/// Reads a value from a command line, such as that of `KEY=VALUE`.
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
            Mark::START,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines of all values, from the first to the last.
    fn lines(yaml: &Yaml) -> Vec<u32> {
        let inside: Vec<&Yaml> = match &yaml.data {
            Data::List(items) => items.iter().collect(),
            Data::Map(map) => map.values().collect(),
            _ => Vec::new(),
        };
        let inside = inside.into_iter().flat_map(lines);
        std::iter::once(yaml.line).chain(inside).collect()
    }

    #[test]
    fn an_empty_value_is_on_the_line_of_the_sign_that_it_follows() {
        let table: [(&str, &[u32]); 10] = [
            ("a:\n\n# nothing\n\nb: 1\n", &[1, 1, 5]),
            ("a:\n  b:\n\n\nc:\n", &[1, 2, 2, 5]),
            ("- x\n-\n\n\n- y\n", &[1, 1, 2, 5]),
            ("a:\n-\n\nb:\n", &[1, 2, 2, 4]),
            ("? a\n\n\n? b\n", &[1, 1, 4]),
            ("? - a\n  - b\n\n:\n\nc: 1\n", &[1]),
            ("{a:\n\n, b,\n\nc:\n}", &[1, 1, 3, 5]),
            ("---\n\n\n...\n", &[1]),
            ("a: !!str\n\n\nb: &x\n\n", &[1, 1, 4]),
            ("[a:\n\n, b]", &[1, 1, 1, 3]),
        ];
        for (text, expected) in table {
            match read_str(text) {
                Ok(yaml) => assert_eq!(lines(&yaml), expected, "{text:?}"),
                Err(error) => assert_eq!(error.mark.line, expected[0], "{text:?}: {error}"),
            }
        }
    }
}
