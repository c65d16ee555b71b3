//! Commands, of which each reads what the one before it writes.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::thread;

use super::children::Live;
use super::{Command, Finished, finished};
use crate::failure::Outcome;

/// `first | second | …`: data before it is processes, as a [`Command`] is.
#[derive(Clone, Debug)]
pub struct Pipe(Vec<Command>);

impl Pipe {
    /// A pipe of these; what the last one writes on its standard output is dropped.
    #[must_use]
    pub fn new(commands: impl IntoIterator<Item = Command>) -> Self {
        Self(commands.into_iter().collect())
    }

    /// Runs all to their end, and returns how each ended. `hear` gets how many bytes went just now from a command to the
    /// next one, and the number of the command, from 0.
    ///
    /// # Errors
    /// When a program isn't there (127) or can't be run (126).
    pub fn run(&self, hear: impl Fn(usize, usize) + Sync) -> Outcome<Vec<Finished>> {
        thread::scope(|scope| {
            let mut handles = Vec::new();
            let mut output: Option<PipeReader> = None;
            for (number, command) in self.0.iter().enumerate() {
                let is_last = number + 1 == self.0.len();
                let (handle, input, its_output) = command
                    .start_stage(output.is_some(), is_last)
                    .map_err(|problem| command.cannot_start(&problem))?;
                if let (Some(from), Some(to)) = (output.take(), input) {
                    let hear = &hear;
                    scope.spawn(move || copy(from, to, |bytes| hear(number - 1, bytes)));
                }
                output = its_output;
                handles.push((command, Live::of(&handle), handle));
            }
            handles
                .iter()
                .map(|(command, _, handle)| {
                    handle.wait().map(finished).map_err(|problem| command.cannot_start(&problem))
                })
                .collect()
        })
    }
}

/// Hands on what one writes to the other, until either ends. A reader that is gone says why itself; the writer hears of it
/// when this end is dropped.
fn copy(mut from: PipeReader, mut to: PipeWriter, hear: impl Fn(usize)) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
        hear(length);
    }
}

/// A command that runs, its standard input and its standard output, where they are pipes.
type Stage = (duct::Handle, Option<PipeWriter>, Option<PipeReader>);

impl Command {
    /// Starts a stage of a pipe. The expressions, which hold the child's ends of the pipes, are dropped here: without them
    /// a child that is gone is noticed.
    fn start_stage(&self, reads: bool, is_last: bool) -> io::Result<Stage> {
        let (expression, input) = if reads {
            let (theirs, input) = io::pipe()?;
            (self.expression().stdin_file(theirs), Some(input))
        } else {
            (self.with_input()?, None)
        };
        let (expression, output) = if is_last {
            (expression.stdout_null(), None)
        } else {
            let (output, theirs) = io::pipe()?;
            (expression.stdout_file(theirs), Some(output))
        };
        Ok((expression.stderr_capture().start()?, input, output))
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, command) in self.0.iter().enumerate() {
            let bar = if number == 0 { "" } else { " | " };
            write!(f, "{bar}{command}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use super::*;

    fn run(lines: &[&str]) -> (Vec<i32>, Vec<usize>) {
        let heard = Mutex::new(vec![0; lines.len() - 1]);
        let pipe = Pipe::new(lines.iter().map(|line| Command::new("sh").args(["-c", line])));
        let ended = pipe.run(|number, bytes| heard.lock().unwrap()[number] += bytes).unwrap();
        (ended.iter().map(|one| one.status).collect(), heard.into_inner().unwrap())
    }

    #[test]
    fn what_one_writes_the_next_one_reads() {
        let (statuses, heard) =
            run(&["printf abc; exit 3", "cat; printf d", "test \"$(cat)\" = abcd"]);
        assert_eq!((statuses, heard), (vec![3, 0, 0], vec![3, 4]));
    }

    #[test]
    fn a_reader_that_ends_ends_the_writers() {
        let (statuses, _) = run(&["exec cat /dev/zero", "exec cat", "exit 7"]);
        assert_eq!(statuses, [128 + 13, 128 + 13, 7]);
    }

    #[test]
    fn a_shell_accepts_what_is_shown() {
        let list = [Path::new("a b")].into_iter().collect();
        let from = Command::new("tar").arg("-c").list(list);
        let pipe = Pipe::new([from, Command::new("ssh").arg("gpu 1")]);
        assert_eq!(pipe.to_string(), r"printf '%s\0' 'a b' | tar -c | ssh 'gpu 1'");
    }
}
