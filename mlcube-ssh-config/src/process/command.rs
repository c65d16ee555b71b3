//! Local commands as data: built, compared, shown, then run. This is the only place that starts a process.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::io::{PipeReader, PipeWriter, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus as ProcessStatus;
use std::sync::Arc;
use std::time::Duration;

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::failure::{Failure, Outcome};
use crate::pipe::limits;
use crate::pipe::limits::Exceeded;
use crate::process::script::Script;
use crate::text::quote::{shown_word, shown_word_of};

use crate::process::captured::Captured;
use crate::process::children::{self, Live};
pub use crate::process::children::{end_children, end_with_this_process};
use crate::process::file_list::BEFORE;
pub use crate::process::file_list::List;
use crate::process::writer::Writer;

/// A program with its arguments, variables and input.
///
/// ```
/// use mlcube_ssh::process::command::Command;
///
/// let command = Command::new("echo").args(["it's", "here"]);
/// assert_eq!(command.to_string(), r"echo 'it'\''s' here");
///
/// let finished = command.run().map_err(|failure| failure.to_string())?;
/// assert_eq!((finished.status, finished.output), (0, b"it's here\n".to_vec()));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    input: Input,
    own_group: bool,
    log: Option<PathBuf>,
    /// The folder that the names of the list are relative to.
    folder: PathBuf,
}

/// The standard input of a command.
#[derive(Clone, Debug)]
enum Input {
    Null,
    List(List),
    Script(Script),
    Text(String),
}

/// The result of a command that ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The exit status; 128+n if signal n ended it.
    pub status: i32,
    /// The standard output.
    pub output: Vec<u8>,
    /// The standard error.
    pub errors: String,
}

/// A running command whose standard output the caller reads.
#[derive(Debug)]
pub struct Running {
    program: String,
    handle: Arc<duct::Handle>,
    errors: Captured,
    input: Option<Writer>,
    live: Live,
}

impl Command {
    /// Makes a command that runs `program` without arguments and input.
    #[must_use]
    pub fn new(program: &str) -> Self {
        let (arguments, variables) = (Vec::new(), Vec::new());
        Self {
            program: program.to_owned(),
            arguments,
            variables,
            input: Input::Null,
            own_group: false,
            log: None,
            folder: PathBuf::new(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Returns whether `argument` is one of the arguments.
    pub(crate) fn has(&self, argument: &str) -> bool {
        self.arguments.iter().any(|it| it == argument)
    }

    /// Returns whether the last argument starts with `start`.
    pub(crate) fn ends_with(&self, start: &str) -> bool {
        self.arguments.last().is_some_and(|argument| argument.starts_with(start))
    }

    /// Sets a variable for the command.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes a script the standard input.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.input = Input::Script(script);
        self
    }

    /// Sets the folder that the names of the list are relative to, by its path in the base or workspace.
    #[must_use]
    pub fn names_below(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// The folder that the names of the list are relative to; empty for the base or workspace itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many files are in the list.
    pub(crate) fn names(&self) -> usize {
        if let Input::List(list) = &self.input { list.len() } else { 0 }
    }

    /// The names on its standard input.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &'static Path> {
        let list = if let Input::List(list) = &self.input { Some(list) } else { None };
        list.into_iter().flat_map(List::iter)
    }

    /// Makes a list of files the standard input.
    #[must_use]
    pub fn list(mut self, list: List) -> Self {
        self.input = Input::List(list);
        self
    }

    /// Makes a text the standard input. It isn't shown: it may be a secret.
    #[must_use]
    pub(crate) fn input(mut self, text: String) -> Self {
        self.input = Input::Text(text);
        self
    }

    /// Puts the command into a process group of its own, which Ctrl-C doesn't reach and which is ended as a whole. It
    /// can't read from the terminal.
    #[must_use]
    pub fn own_group(mut self) -> Self {
        self.own_group = true;
        self
    }

    /// Makes ssh write its own messages to a file (ssh(1), `-E`), apart from what the host says. Like a redirection of
    /// standard error, this isn't shown.
    #[must_use]
    pub fn logs_to(mut self, file: &Path) -> Self {
        self.log = Some(file.to_owned());
        self
    }

    /// Runs the command to its end and captures its output and errors.
    ///
    /// # Errors
    /// When the program is missing (127) or can't be run (126).
    pub fn run(&self) -> Outcome<Finished> {
        match self.run_within(None)? {
            Some(finished) => Ok(finished),
            None => Err(Failure::ours(anyhow::anyhow!("{} didn't end", self.program))
                .hint("run this step again")),
        }
    }

    /// As [`Command::run`]; kills the command and returns `None` if it hasn't ended within `limit`.
    ///
    /// # Errors
    /// When the program is missing (127) or can't be run (126).
    pub fn run_within(&self, limit: Option<Duration>) -> Outcome<Option<Finished>> {
        let started = io::pipe().and_then(|(output, child_end)| {
            let (handle, errors) = start_with_errors(self.with_input()?.stdout_file(child_end))?;
            // No output that is read is longer than all lines of a reply may be.
            let output = Captured::read(output, limits::LINES, &handle)?;
            Ok((handle, output, errors))
        });
        let (handle, output, errors) = started.map_err(|problem| self.cannot_start(&problem))?;
        let live = Live::of(&handle, self.own_group);
        let ended = match limit {
            None => handle.wait().map(Some),
            Some(limit) => handle.wait_timeout(limit),
        };
        let Some(status) = ended.map_err(|e| self.cannot_start(&e))?.map(|ended| ended.status)
        else {
            live.kill();
            return Ok(None);
        };
        let (output, is_exceeded) = output.finish();
        if is_exceeded {
            return Err(too_much(&self.program, Exceeded::Lines));
        }
        finished(&self.program, status, output, errors).map(Some)
    }

    /// As [`Command::run`], but passes standard output to `hear` as it arrives, and keeps none of it.
    ///
    /// # Errors
    /// When the program is missing (127) or can't be run (126); and the errors of `hear`, which end it.
    pub fn run_heard(&self, mut hear: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<Finished> {
        let started = io::pipe().and_then(|(output, child_end)| {
            let started = start_with_errors(self.with_input()?.stdout_file(child_end))?;
            Ok((started, output))
        });
        let ((handle, errors), mut output) =
            started.map_err(|problem| self.cannot_start(&problem))?;
        end_with_this_process();
        let _live = Live::of(&handle, self.own_group);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match output.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    if let Err(failure) = hear(&buffer[..length]) {
                        // Nobody reads the rest.
                        let _ = handle.kill();
                        return Err(failure);
                    }
                }
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(problem) => {
                    // Nobody reads the rest, so the command might wait for ever.
                    let _ = handle.kill();
                    let what = format!("can't read the output of {}", self.program);
                    return Err(Failure::ours(anyhow::Error::new(problem).context(what)));
                }
            }
        }
        let status = handle.wait().map_err(|problem| self.cannot_start(&problem))?.status;
        finished(&self.program, status, Vec::new(), errors)
    }

    /// Starts the command. The caller reads its standard output; its standard input stays open until the end.
    ///
    /// # Errors
    /// When the program is missing (127) or can't be run (126).
    pub fn start(&self) -> Outcome<(Running, PipeReader)> {
        self.spawn().map_err(|problem| self.cannot_start(&problem))
    }

    fn spawn(&self) -> io::Result<(Running, PipeReader)> {
        let (child_end, input) = io::pipe()?;
        let (output, child_output) = io::pipe()?;
        let expression = self.expression().stdin_file(child_end).stdout_file(child_output);
        let (handle, errors) = start_with_errors(expression)?;
        let input = Writer::new(input)?;
        match &self.input {
            Input::Null => {}
            Input::List(list) => {
                let mut names = Vec::new();
                list.write(&mut names)?;
                input.write(names);
            }
            Input::Script(script) => input.write(script.sent()),
            Input::Text(text) => input.write(text.clone().into_bytes()),
        }
        let (program, live) = (self.program.clone(), Live::of(&handle, self.own_group));
        Ok((Running { program, handle, errors, input: Some(input), live }, output))
    }

    fn with_input(&self) -> io::Result<duct::Expression> {
        Ok(match &self.input {
            Input::Null => self.expression().stdin_null(),
            Input::List(list) => self.expression().stdin_file(list.clone().reader()?),
            Input::Script(script) => self.expression().stdin_bytes(script.sent()),
            Input::Text(text) => self.expression().stdin_bytes(text.as_bytes()),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that makes commands")]
    fn expression(&self) -> duct::Expression {
        let log = self.log.iter().flat_map(|file| [OsStr::new("-E"), file.as_os_str()]);
        let words = log.chain(self.arguments.iter().map(OsStr::new));
        let mut expression = duct::cmd(&self.program, words).unchecked();
        for (name, value) in &self.variables {
            expression = expression.env(name, value);
        }
        if self.own_group {
            expression = expression.before_spawn(|command| {
                command.process_group(0);
                Ok(())
            });
        }
        expression
    }

    fn cannot_start(&self, problem: &io::Error) -> Failure {
        let program = &self.program;
        match problem.kind() {
            io::ErrorKind::NotFound => Failure::tool(
                ExitStatus::NotFound,
                format!("{program} isn't installed locally"),
            )
            .hint(format!("install {program}, or put it on PATH")),
            _ => Failure::tool(ExitStatus::CannotRun, format!("can't run {program}: {problem}"))
                .hint(format!("`command -v {program}` shows the file; check that you may run it, and the limits of this shell (`ulimit -a`)")),
        }
    }
}

impl Running {
    /// Writes more to the command's standard input, without waiting. If the command has ended, waiting for it shows
    /// why.
    pub fn tell(&mut self, text: impl Into<Vec<u8>>) {
        if let Some(input) = &mut self.input {
            input.write(text.into());
        }
    }

    /// A number that grows while the command reads its input, if that is larger than a pipe holds.
    pub(crate) fn progress(&self) -> usize {
        self.input.as_ref().map_or(0, Writer::pieces)
    }

    /// Returns the command's standard input once everything is written; it ends when the returned pipe is dropped.
    /// `None` if it was taken already.
    ///
    /// # Errors
    /// When the command doesn't read within `limit`.
    pub fn take_input(&mut self, limit: Duration) -> io::Result<Option<PipeWriter>> {
        self.input.take().map(|input| input.into_pipe(limit)).transpose()
    }

    /// Closes the command's standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Kills the command and waits for it.
    pub fn kill(mut self) {
        self.end();
    }

    /// As [`Running::kill`], but returns the command's standard error.
    #[must_use]
    pub fn kill_for_errors(mut self) -> String {
        self.end();
        String::from_utf8_lossy(&self.errors.finish().0).into_owned()
    }

    fn end(&mut self) {
        self.close_input();
        self.live.kill();
        let _ = self.handle.wait();
    }

    /// Waits for the end; the caller has read standard output.
    ///
    /// # Errors
    /// When the system can't tell how it ended.
    pub fn finish(mut self) -> Outcome<Finished> {
        self.close_input();
        match self.handle.wait() {
            Ok(ended) => finished(&self.program, ended.status, Vec::new(), self.errors),
            Err(problem) => {
                Err(Failure::ours(anyhow::Error::new(problem).context("can't wait for a command")))
            }
        }
    }
}

/// Starts an expression and drops it: it holds the child's ends of the pipes.
#[expect(clippy::needless_pass_by_value, reason = "the caller must not keep it")]
fn start_with_errors(expression: duct::Expression) -> io::Result<(Arc<duct::Handle>, Captured)> {
    let (errors, child_end) = io::pipe()?;
    let handle = Arc::new(expression.stderr_file(child_end).start()?);
    let errors = Captured::read(errors, limits::ERRORS, &handle)?;
    Ok((handle, errors))
}

fn finished(
    program: &str,
    status: ProcessStatus,
    output: Vec<u8>,
    errors: Captured,
) -> Outcome<Finished> {
    if !status.success() {
        children::wait_if_ending();
    }
    let (errors, is_exceeded) = errors.finish();
    if is_exceeded {
        return Err(too_much(program, Exceeded::Errors));
    }
    let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(Finished { status, output, errors: String::from_utf8_lossy(&errors).into_owned() })
}

/// The failure of a command that was killed because it wrote too much.
fn too_much(program: &str, exceeded: Exceeded) -> Failure {
    Failure::ours(anyhow::Error::new(exceeded).context(format!("{program} was ended")))
}

impl fmt::Display for Command {
    /// Writes a command line for a POSIX shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Input::List(list) = &self.input {
            f.write_str("printf '%s\\0'")?;
            for name in list.iter() {
                let mut word = OsString::from(BEFORE);
                word.push(name);
                write!(f, " {}", shown_word_of(&word))?;
            }
            f.write_str(" | ")?;
        }
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", shown_word(value))?;
        }
        f.write_str(&shown_word(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", shown_word(argument))?;
        }
        match &self.input {
            Input::Script(script) => write!(f, " {script}"),
            Input::Null | Input::List(_) | Input::Text(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_a_shell_accepts() {
        let command = Command::new("rsync").variable("LC_ALL", "C").args(["-a", "it's here/"]);
        assert_eq!(command.to_string(), r"LC_ALL=C rsync -a 'it'\''s here/'");
    }

    #[test]
    fn shows_a_list_as_a_shell_makes_it() {
        let list = ["a b", "c"].map(Path::new).into_iter().collect();
        let command = Command::new("rsync").arg("--from0").list(list);
        assert_eq!(command.to_string(), r"printf '%s\0' './a b' ./c | rsync --from0");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = Command::new("no-such-program-of-ours").run().unwrap_err();
        assert_eq!(failure.status, ExitStatus::NotFound);
        assert!(failure.to_string().starts_with("no-such-program-of-ours isn't installed"));
    }

    #[test]
    fn a_signal_is_128_and_its_number() {
        let finished = Command::new("sh").args(["-c", "kill -9 $$"]).run().unwrap();
        assert_eq!(finished.status, 137);
    }
}
