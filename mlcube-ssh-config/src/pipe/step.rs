//! The rules of every step: read the document, act, write the document once, pass failures on.

use std::fmt;
use std::fs;
use std::fs::File;
use std::io;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use crate::pipe::document::{Document, Failed, Phase, Receipt, StepName};
use crate::pipe::exit_status::ExitStatus;
use crate::pipe::failure::{Failure, FailureKind, Outcome, hinted};
use crate::pipe::private_file::write_atomically;
use crate::text::printable::printable;
use crate::text::quote::one_line;
use crate::ui::report::{Report, Verbosity};

/// The options of every step.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct StepArgs {
    /// Read the document from FILE instead of standard input
    #[arg(short, long, value_name = "FILE", global = true)]
    pub input: Option<PathBuf>,
    /// What to say, and whether to act.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The options of every program.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct CommonArgs {
    /// Print the commands that would run, in shell syntax, and contact nothing
    #[arg(short = 'n', long, global = true)]
    pub dry_run: bool,
    /// Print each command before it runs
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Print errors and warnings only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl CommonArgs {
    /// Returns how much the program reports.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// One step of the pipeline.
#[derive(Clone, Debug)]
pub struct Step {
    name: StepName,
    phase: Option<Phase>,
    report: Report,
    args: StepArgs,
    works_after_a_failed_task: bool,
    takes_up_any_phase: bool,
    output: Option<PathBuf>,
}

impl Step {
    /// Creates the step `name` of the program `program` (`mlcube-ssh-push`).
    #[must_use]
    pub fn new(name: StepName, program: &'static str, args: &StepArgs) -> Self {
        let report = Report::new(program, args.common.verbosity());
        Self {
            name,
            phase: None,
            report,
            args: args.clone(),
            works_after_a_failed_task: false,
            takes_up_any_phase: false,
            output: None,
        }
    }

    /// Lets the step act on a document whose task failed; the step then exits with the task's status.
    #[must_use]
    pub fn works_after_a_failed_task(mut self) -> Self {
        self.works_after_a_failed_task = true;
        self
    }

    /// Sets the phase of a step that has several: each phase fails on its own.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = Some(phase);
        self
    }

    /// Lets the step start again on a document in which any phase of this step failed.
    #[must_use]
    pub fn takes_up_any_phase(mut self) -> Self {
        self.takes_up_any_phase = true;
        self
    }

    /// Writes the document to a file instead of standard output.
    #[must_use]
    pub fn output(mut self, file: Option<PathBuf>) -> Self {
        self.output = file;
        self
    }

    /// Returns the report for the step's messages.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report
    }

    /// Returns whether the step only prints what it would do.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.args.common.dry_run
    }

    /// Prints the commands of a dry run, in shell syntax.
    pub fn show<'a, T: fmt::Display + 'a>(&self, commands: impl IntoIterator<Item = &'a T>) {
        for command in commands {
            self.report.show(command);
        }
    }

    /// Prints a comment line about the commands that follow it.
    pub fn show_comment(&self, comment: &str) {
        self.report.show(&format!("# {}", one_line(comment)));
    }

    /// Reads the document, lets `act` work on it, writes it, and returns the status to exit with.
    pub fn run(&self, act: impl FnOnce(&Self, &mut Document) -> Outcome<()>) -> ExitCode {
        let mut document = match self.read() {
            Ok(document) => document,
            Err(problem) => {
                Failure::from(problem).report(&self.report);
                return ExitStatus::Ours.into();
            }
        };
        let status = self.act(&mut document, act);
        self.write(&document, status)
    }

    /// Reads the document and lets `ask` write a result to standard output; the document isn't written.
    pub fn answer(&self, ask: impl FnOnce(&Self, &mut Document) -> Outcome<()>) -> ExitCode {
        let document = self.read().map_err(Failure::ours);
        self.status_of(document.and_then(|mut document| ask(self, &mut document)))
    }

    /// Lets `ask` write a result to standard output that depends on no document.
    pub fn answer_alone(&self, ask: impl FnOnce(&Self) -> Outcome<()>) -> ExitCode {
        self.status_of(ask(self))
    }

    /// Reports a failure; returns the status to exit with.
    fn status_of(&self, asked: Outcome<()>) -> ExitCode {
        match asked {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                failure.report(&self.report);
                ExitCode::from(failure.status.code())
            }
        }
    }

    /// Runs `act`, unless an earlier step failed; returns the status to exit with.
    fn act(
        &self,
        document: &mut Document,
        act: impl FnOnce(&Self, &mut Document) -> Outcome<()>,
    ) -> u8 {
        document.failed.take_if(|failed| self.is_own_failure(failed));
        let task_status = match &document.failed {
            Some(failed) if failed.may_have_results() && self.works_after_a_failed_task => {
                Some(failed.status)
            }
            Some(failed) => return failed.status,
            None => None,
        };
        match (act(self, document), task_status) {
            (Ok(()), status) => status.unwrap_or(0),
            (Err(failure), None) => self.fail(document, &failure),
            // The document keeps the task's failure: this step can be run again alone.
            (Err(failure), Some(status)) => {
                failure.report(&self.report);
                status
            }
        }
    }

    /// Returns whether this step is the one that failed.
    fn is_own_failure(&self, failed: &Failed) -> bool {
        failed.step == self.name
            && (self.takes_up_any_phase || failed.phase.is_none() || failed.phase == self.phase)
    }

    /// Reports the failure and records it in the document.
    fn fail(&self, document: &mut Document, failure: &Failure) -> u8 {
        failure.report(&self.report);
        let message = failure.to_string();
        let status = failure.status.code();
        let mut failed = Failed::new(self.name.clone(), self.phase, status, failure.kind, message);
        // A user who has only the document needs the hint, too.
        failed.hint = failure.hint_text().map(str::to_owned);
        failed.began = failure.began && failure.kind != FailureKind::Task;
        document.failed = Some(failed);
        status
    }

    fn write(&self, document: &Document, status: u8) -> ExitCode {
        match document.to_text().and_then(|text| self.write_text(&text)) {
            Ok(()) => ExitCode::from(status),
            Err(problem) => {
                self.report.error(&format!("{problem:#}"));
                ExitCode::from(if status == 0 { ExitStatus::Ours.code() } else { status })
            }
        }
    }

    fn write_text(&self, text: &str) -> Result<()> {
        match &self.output {
            None => write_once(text),
            Some(path) => write_atomically(path, |file| file.write_all(text.as_bytes()))
                .with_context(|| format!("can't write the document to {}", path.display())),
        }
    }

    fn read(&self) -> Result<Document> {
        let (text, from) = match &self.args.input {
            Some(path) => (
                fs::read(path).with_context(|| format!("can't read {}", path.display()))?,
                path.display().to_string(),
            ),
            None => (read_standard_input()?, "standard input".to_owned()),
        };
        Document::read(&text).with_context(|| from)
    }
}

/// Measures a step: stores the seconds in the receipt that `act` fills, even if `act` fails.
pub fn timed<T>(act: impl FnOnce(&mut Receipt) -> Outcome<T>) -> (Receipt, Outcome<T>) {
    let start = Instant::now();
    let mut receipt = Receipt::default();
    let done = act(&mut receipt);
    receipt.seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    (receipt, done)
}

/// Writes lines for people to standard output, one by one: there may be a million. Control characters from a host, a cube
/// or a file name are made harmless for a terminal. A reader that closed the pipe isn't reported as an error.
///
/// # Errors
/// If standard output can't be written, for example on a full disk.
pub fn write_for_people<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) -> Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let mut line = |line: T| writeln!(stdout, "{}", printable(line.as_ref()));
    let written = lines.into_iter().try_for_each(&mut line);
    check_written(written.and_then(|()| stdout.flush()))
}

/// Writes a text to standard output at once. A reader that closed the pipe isn't reported as an error.
///
/// # Errors
/// If standard output can't be written, for example on a full disk.
pub fn write_once(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    check_written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Returns the error of a write to standard output, unless its reader closed the pipe.
pub(super) fn check_written(written: io::Result<()>) -> Result<()> {
    match written {
        Err(problem) if problem.kind() != io::ErrorKind::BrokenPipe => {
            Err(problem).context("can't write to standard output")
        }
        _ => Ok(()),
    }
}

fn read_standard_input() -> Result<Vec<u8>> {
    let mut stdin = io::stdin().lock();
    if stdin.is_terminal() {
        return Err(hinted(
            "standard input is the terminal, and no document comes from it",
            "pipe one in from mlcube-ssh-config, or name a file with --input",
        ));
    }
    let mut text = Vec::new();
    stdin.read_to_end(&mut text).context("can't read standard input")?;
    if text.is_empty() && is_empty_file() {
        return Err(hinted(
            "standard input is an empty file",
            "a shell empties a file that is both input and output of one command; write to another file",
        ));
    }
    Ok(text)
}

/// Returns whether standard input is an empty file.
fn is_empty_file() -> bool {
    File::open("/dev/stdin")
        .and_then(|file| file.metadata())
        .is_ok_and(|metadata| metadata.is_file() && metadata.size() == 0)
}
