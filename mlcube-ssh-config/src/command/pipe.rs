//! Two commands, of which the second reads what the first writes.

use std::fmt;
use std::io::{self, Read, Write};

use super::{Command, Finished, finished};
use crate::failure::Outcome;

/// `from | to`: data before it is two processes, as a [`Command`] is.
#[derive(Clone, Debug)]
pub struct Pipe {
    /// What writes.
    from: Command,
    /// What reads; its own standard output is dropped.
    to: Command,
}

impl Pipe {
    /// `from | to`.
    #[must_use]
    pub fn new(from: Command, to: Command) -> Self {
        Self { from, to }
    }

    /// Runs both to their end; `hear` gets every piece that went from one to the other.
    ///
    /// # Errors
    /// When a program isn't there (127) or can't be run (126).
    pub fn run(&self, mut hear: impl FnMut(&[u8])) -> Outcome<(Finished, Finished)> {
        let (theirs, mut input) = io::pipe().map_err(|problem| self.to.cannot_start(&problem))?;
        let to = self.to.expression().stdin_file(theirs).stdout_null().stderr_capture();
        let to_handle = to.start().map_err(|problem| self.to.cannot_start(&problem))?;
        // Holds the end from which only the child reads: without it a child that is gone is noticed.
        drop(to);
        let from = self.from.heard(|mut output| {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if input.write_all(&buffer[..length]).is_err() {
                    // Whoever reads is gone, and says why itself; the writer hears of it when this end is dropped.
                    break;
                }
                hear(&buffer[..length]);
            }
            drop(input);
        })?;
        let to =
            to_handle.wait().map(finished).map_err(|problem| self.to.cannot_start(&problem))?;
        Ok((from, to))
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(line: &str) -> Command {
        Command::new("sh").args(["-c", line])
    }

    #[test]
    fn what_one_writes_the_other_reads() {
        let (from, to) = (sh("printf abc; exit 3"), sh("test \"$(cat)\" = abc"));
        let mut heard = Vec::new();
        let (from, to) = Pipe::new(from, to).run(|bytes| heard.extend_from_slice(bytes)).unwrap();
        assert_eq!((from.status, to.status, heard), (3, 0, b"abc".to_vec()));
    }

    #[test]
    fn a_reader_that_ends_ends_the_writer() {
        let (from, to) = (sh("exec cat /dev/zero"), sh("exit 7"));
        let (from, to) = Pipe::new(from, to).run(|_| ()).unwrap();
        assert_eq!((from.status, to.status), (128 + 13, 7));
    }

    #[test]
    fn a_shell_accepts_what_is_shown() {
        let from = Command::new("tar").arg("-c").list(b"a b\0".to_vec());
        let to = Command::new("ssh").arg("gpu 1");
        assert_eq!(Pipe::new(from, to).to_string(), r"printf '%s\0' 'a b' | tar -c | ssh 'gpu 1'");
    }
}
