//! Lists of files for the standard input of a command.

use std::io;
use std::io::{BufWriter, PipeReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// The prefix of every name. Without it rsync takes a name that starts with `#` or `;` for a comment, even with
/// `--from0`, and silently skips it; and other programs take one that starts with a dash for an option.
pub(crate) const BEFORE: &str = "./";

/// Names for the standard input of rsync or tar, each followed by a NUL. The names live until the process ends; clones
/// share the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(Arc<Vec<&'static Path>>);

impl List {
    /// Adds a name.
    pub fn push(&mut self, name: &'static Path) {
        Arc::make_mut(&mut self.0).push(name);
    }

    /// The names.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static Path> {
        self.0.iter().copied()
    }

    /// Splits the list into pieces of `length` names.
    pub(crate) fn pieces(&self, length: usize) -> impl Iterator<Item = Self> {
        self.0.chunks(length).map(|names| names.iter().copied().collect())
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a pipe from which the names are read. They are written as they are read, so the whole text is never in
    /// memory. If the reader ends early, it reports why itself.
    pub(crate) fn reader(self) -> io::Result<PipeReader> {
        let (reader, input) = io::pipe()?;
        thread::Builder::new().spawn(move || self.write(input))?;
        Ok(reader)
    }

    /// Writes the names in the form that rsync and tar read.
    ///
    /// # Errors
    /// When nobody reads them.
    pub fn write(&self, input: impl Write) -> io::Result<()> {
        write_names(self.iter(), input)
    }
}

/// Writes names in the form that rsync and tar read.
///
/// # Errors
/// When nobody reads them.
pub fn write_names<'a>(
    names: impl IntoIterator<Item = &'a Path>,
    input: impl Write,
) -> io::Result<()> {
    let mut input = BufWriter::with_capacity(64 * 1024, input);
    for name in names {
        input.write_all(BEFORE.as_bytes())?;
        input.write_all(name.as_os_str().as_bytes())?;
        input.write_all(b"\0")?;
    }
    input.flush()
}

impl FromIterator<&'static Path> for List {
    fn from_iter<I: IntoIterator<Item = &'static Path>>(names: I) -> Self {
        Self(Arc::new(names.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::process::command::Command;

    #[test]
    fn a_list_is_read_or_not() {
        let list: List = iter::repeat_n(Path::new("a name"), 100_000).collect();
        let run = |line| Command::new("sh").args(["-c", line]).list(list.clone()).run().unwrap();
        assert_eq!(run("tr '\\0' '\\n' | wc -l").output.trim_ascii(), b"100000");
        assert_eq!(run("exit 3").status, 3);
    }
}
