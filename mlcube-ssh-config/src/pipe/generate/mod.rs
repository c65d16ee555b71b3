//! `--generate=KIND`, which no help shows: a program's man page and its completions for the shells, made from the
//! definition of its command line, and the JSON Schemas of what all of them read. Packagers install them
//! (`scripts/generate`).

mod candidates;
mod man;
mod schema;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Command, ValueEnum};

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::step::write_once;
use crate::pipe::usage_error::any_of;
use crate::ui::report::{Report, Verbosity};

const OPTION: &str = "--generate";

/// What a program prints instead of doing its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Generated {
    Man,
    CompleteBash,
    CompleteZsh,
    CompleteFish,
    SchemaDocument,
    SchemaSettings,
    /// What the other completions ask for at each Tab: the candidates for the last of the words that follow.
    Candidates,
}

/// Prints what `--generate` asks for, if it is the first of the `words` behind the program's name; returns the status
/// to exit with. `command` is the definition of the program's command line.
pub fn printed(
    program: &'static str,
    words: &[OsString],
    command: impl FnOnce() -> Command,
) -> Option<ExitCode> {
    let (kind, rest) = asked(words)?;
    let report = Report::new(program, Verbosity::Quiet);
    let Ok(generated) = Generated::from_str(&kind, false) else {
        let kinds = Generated::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let kinds: Vec<String> = kinds.map(|kind| kind.get_name().to_owned()).collect();
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        report.error(&format!("{OPTION}: unknown value '{kind}'"));
        report.hint(&format!("use {}", any_of(&kinds)));
        return Some(ExitStatus::Ours.into());
    };
    let text = text(generated, command(), rest);
    Some(match text.and_then(|text| write_once(&text)) {
        Ok(()) => ExitStatus::Done.into(),
        Err(problem) => {
            report.error(&format!("{OPTION}: {problem:#}"));
            ExitStatus::Ours.into()
        }
    })
}

/// Returns the option's value and the words behind it.
fn asked(words: &[OsString]) -> Option<(String, &[OsString])> {
    let word = words.get(1)?.to_str()?.strip_prefix(OPTION)?;
    match word.strip_prefix('=') {
        Some(kind) => Some((kind.to_owned(), &words[2..])),
        None if word.is_empty() => {
            let kind = words.get(2).and_then(|kind| kind.to_str()).unwrap_or_default();
            Some((kind.to_owned(), words.get(3..).unwrap_or_default()))
        }
        None => None,
    }
}

fn text(generated: Generated, command: Command, words: &[OsString]) -> anyhow::Result<String> {
    let name = command.get_name().to_owned();
    let script = |text: &str| {
        let function = format!("_{}", name.replace('-', "_"));
        text.replace("FUNCTION", &function).replace("PROGRAM", &name)
    };
    Ok(match generated {
        Generated::Man => man::page(command)?,
        Generated::CompleteBash => script(include_str!("complete.bash")),
        Generated::CompleteZsh => script(include_str!("complete.zsh")),
        Generated::CompleteFish => script(include_str!("complete.fish")),
        Generated::SchemaDocument => serde_json::to_string_pretty(&schema::document())? + "\n",
        Generated::SchemaSettings => serde_json::to_string_pretty(&schema::settings())? + "\n",
        Generated::Candidates => candidates::lines(command, words)?,
    })
}
