//! Answers as JSON, for programs that read them: always one value on standard output, which a terminal can show.

use std::io;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::pipe::step::check_written;
use crate::text::printable::printable_json;

/// Writes one object as a line. A reader that closed the pipe isn't reported as an error.
///
/// # Errors
/// If standard output can't be written, for example on a full disk.
pub fn write_json(value: &impl Serialize) -> Result<()> {
    let mut stdout = io::stdout().lock();
    check_written(writeln!(stdout, "{}", line(value)?).and_then(|()| stdout.flush()))
}

/// Writes an array, an item a line: there may be a million. A reader that closed the pipe isn't reported as an error.
///
/// # Errors
/// If standard output can't be written, for example on a full disk.
pub fn write_json_list<T: Serialize>(items: impl IntoIterator<Item = T>) -> Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let mut before = "[";
    for item in items {
        let line = line(&item)?;
        if let Err(problem) = write!(stdout, "{before}\n{line}") {
            return check_written(Err(problem));
        }
        before = ",";
    }
    let end = if before == "[" { "[]\n" } else { "\n]\n" };
    check_written(stdout.write_all(end.as_bytes()).and_then(|()| stdout.flush()))
}

fn line(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).context("can't write the answer as JSON")?;
    Ok(printable_json(&text).into_owned())
}
