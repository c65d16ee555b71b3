//! The command line of the wrapper `mlcube-ssh`, a script of sh: its usage text is the definition, and the flags of
//! mlcube in it are those of this program. The wrapper's man page, its completions and its messages for a wrong command
//! line come from here.

mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::{args, generate};
use mlcube_ssh::ui::report::{Report, Verbosity};

use crate::cli::{Args, PROGRAM};
use usage::Usage;

const WRAPPER: &str = "mlcube-ssh";

/// Where the flags of mlcube stand in the man page.
const FLAGS: &str = "Flags of mlcube";

/// The option with which the wrapper calls this program. Its value is the verb; without one the words that follow are
/// the wrapper's own.
const CALLED_BY: &str = "--called-by-mlcube-ssh";

/// Parses the command line, which may come from the wrapper.
///
/// # Errors
/// The status to exit with at once.
pub(crate) fn parse(mut words: Vec<OsString>) -> Result<Args, ExitCode> {
    let options = words.iter().take_while(|word| *word != "--");
    let called = options.enumerate().find_map(|(at, word)| {
        Some((at, word.to_str()?.strip_prefix(CALLED_BY)?.trim_start_matches('=').to_owned()))
    });
    let Some((at, verb)) = called else { return args::parse(PROGRAM, words) };
    words.remove(at);
    let command = command().map_err(|problem| {
        Report::new(WRAPPER, Verbosity::Quiet).error(&format!("{problem:#}"));
        ExitCode::from(ExitStatus::Ours)
    })?;
    if verb.is_empty() {
        let printed = generate::printed(WRAPPER, &words, || command.clone());
        return Err(printed.unwrap_or_else(|| args::check(WRAPPER, &command, &words)));
    }
    args::parse_for(WRAPPER, &command, &verb, words)
}

/// Returns the definition of the wrapper's command line.
fn command() -> Result<Command> {
    let usage = Usage::of_script()?;
    let own = Args::command();
    let flags = usage.flags.iter().map(|name| {
        let is_it = |arg: &&clap::Arg| {
            arg.get_long() == Some(*name)
                || arg.get_short().is_some_and(|short| *name == short.to_string())
        };
        let flag = own.get_arguments().find(is_it).with_context(|| {
            format!("the usage of scripts/mlcube-ssh names --{name}, which {PROGRAM} hasn't")
        })?;
        Ok(flag.clone().help_heading(FLAGS))
    });
    let flags: Vec<_> = flags.collect::<Result<_>>()?;
    let of = |verb: &str| {
        let has = |entry: &&usage::Entry| {
            entry.verbs.contains(&verb) || (entry.verbs.is_empty() && !is_version(entry))
        };
        usage.options.iter().filter(has).map(|entry| entry.option.clone()).collect::<Vec<_>>()
    };
    let verbs = usage
        .verbs
        .iter()
        .map(|(verb, about)| bare(verb).about(about.clone()).args(flags.clone()).args(of(verb)));
    let steps = usage.steps.iter().map(|step| {
        bare(step).about(format!("Run the step {step}; see `mlcube-ssh-{step} --help`"))
    });
    let first = usage.about.split(". ").next().unwrap_or_default().to_owned();
    Ok(bare(WRAPPER)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .about(first)
        .long_about(format!("{}\n\n{}", usage.about, usage.notes))
        .override_usage(usage.synopsis.clone())
        .after_long_help(usage.examples.clone())
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .args(
            usage
                .options
                .iter()
                .filter(|entry| is_version(entry))
                .map(|entry| entry.option.clone()),
        )
        .args(of("").into_iter().filter(|option| option.get_long() == Some("help")))
        .subcommands(verbs)
        .subcommands(steps))
}

/// A command without clap's own options: the usage text has them.
fn bare(name: &'static str) -> Command {
    Command::new(name).disable_help_flag(true)
}

/// Returns whether an option stands in place of a verb.
fn is_version(entry: &usage::Entry) -> bool {
    entry.option.get_long() == Some("version")
}
