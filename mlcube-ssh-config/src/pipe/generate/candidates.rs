//! What a shell's completion offers for a word.

use std::ffi::{OsStr, OsString};

use anyhow::Result;
use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use crate::text::printable::is_unprintable;

/// What a line says instead of a candidate where the shell itself knows better which files there are, with their
/// quotes and `~`: no candidate begins with a tab.
const FILES: &str = "\tfiles";
const FOLDERS: &str = "\tfolders";

/// Returns a line for each candidate for the last of `words`, which follow a `--`: the candidate, a tab, its help.
pub(crate) fn lines(command: Command, words: &[OsString]) -> Result<String> {
    let words = words.strip_prefix(&["--".into()]).unwrap_or(words);
    let Some(last) = words.last() else { return Ok(String::new()) };
    let mut command = with_files(command);
    let found = complete(&mut command, words.to_vec(), words.len() - 1, None)?;
    let is_option = |found: &CompletionCandidate| starts_with(found, "-");
    // Options are offered to somebody who types one, or where nothing else can be typed.
    let without_options = !starts_with_dash(last) && !found.iter().all(is_option);
    let shown = found.iter().filter(|found| !(without_options && is_option(found)));
    let command = chosen(&command, words);
    Ok(shown.filter_map(|found| line(command, found)).collect())
}

fn starts_with(candidate: &CompletionCandidate, text: &str) -> bool {
    candidate.get_value().to_str().is_some_and(|value| value.starts_with(text))
}

fn starts_with_dash(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// Lets an argument that is a path say so, in place of the files that clap would list.
fn with_files(command: Command) -> Command {
    let marked = |arg: Arg| {
        let mark = match arg.get_value_hint() {
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::ExecutablePath => FILES,
            ValueHint::DirPath => FOLDERS,
            _ => return arg,
        };
        arg.add(ArgValueCompleter::new(move |_: &OsStr| vec![CompletionCandidate::new(mark)]))
    };
    command.mut_args(marked).mut_subcommands(with_files)
}

/// Returns the verb that the words name, or the program's own command.
fn chosen<'a>(command: &'a Command, words: &[OsString]) -> &'a Command {
    let typed = words.split_last().map_or(&[][..], |(_, typed)| typed);
    typed.iter().skip(1).find_map(|word| command.find_subcommand(word)).unwrap_or(command)
}

/// Returns the line of a candidate; none for one that can't be shown on one line.
fn line(command: &Command, found: &CompletionCandidate) -> Option<String> {
    let value = found.get_value().to_str()?;
    if let Some(mark) = [FILES, FOLDERS].into_iter().find(|mark| value.ends_with(mark)) {
        return Some(format!("{mark}\n"));
    }
    if value.contains(is_unprintable) {
        return None;
    }
    let help = found.get_help().map(ToString::to_string).unwrap_or_default();
    let help = help.lines().next().unwrap_or_default();
    let end = if needs_value(command, value) { "=" } else { "" };
    Some(format!("{value}{end}\t{help}\n"))
}

/// Returns whether a candidate is an option whose value has to follow.
fn needs_value(command: &Command, candidate: &str) -> bool {
    let Some(name) = candidate.strip_prefix("--") else { return false };
    let option = command.get_arguments().find(|arg| arg.get_long() == Some(name));
    option.and_then(Arg::get_num_args).is_some_and(|values| values.min_values() > 0)
}
