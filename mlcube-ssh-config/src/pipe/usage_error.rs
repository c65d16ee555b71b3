//! The message for a command line that can't be used. clap knows what is wrong, and says it in a programmer's words
//! (`invalid digit found in string`).

use std::error::Error;
use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::text::similar::did_you_mean;

/// What is wrong with a command line, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl UsageError {
    /// Describes clap's `error` about the `words` that `command` was given.
    pub(crate) fn new(error: &clap::Error, command: &Command, words: &[OsString]) -> Self {
        let found = |kind| text(error, kind).unwrap_or_default();
        let name = name(found(ContextKind::InvalidArg));
        let help = help(command, words);
        let listed = || format!("`{help}` lists the options");
        let (message, hint) = match error.kind() {
            ErrorKind::ValueValidation => {
                let problem = error.source().map(ToString::to_string).unwrap_or_default();
                (format!("{name}: {problem}"), format!("`{help}` describes {name}"))
            }
            ErrorKind::InvalidValue => {
                let message = match found(ContextKind::InvalidValue) {
                    "" => format!("{name} needs a value"),
                    value => format!("{name}: unknown value '{value}'"),
                };
                let valid = texts(error, ContextKind::ValidValue);
                let meant = did_you_mean(found(ContextKind::InvalidValue), valid.iter().copied());
                let described = format!("`{help}` describes {name}");
                let values = any_of(&valid);
                let hint = if values.is_empty() { described } else { format!("use {values}") };
                (message, meant + &hint)
            }
            ErrorKind::UnknownArgument => {
                let noun = if name.starts_with('-') { "option" } else { "argument" };
                let known = options(command, words);
                let meant = did_you_mean(name, known.iter().map(String::as_str));
                (format!("unknown {noun} '{name}'"), meant + &listed())
            }
            ErrorKind::ArgumentConflict => (conflict(error, name), listed()),
            ErrorKind::MissingRequiredArgument => {
                let missing = texts(error, ContextKind::InvalidArg);
                let missing: Vec<&str> = missing.into_iter().map(self::name).collect();
                (format!("{} is missing, which another option needs", missing.join(", ")), listed())
            }
            ErrorKind::TooManyValues => (format!("{name} takes no value"), listed()),
            ErrorKind::InvalidSubcommand => {
                let verb = found(ContextKind::InvalidSubcommand);
                let meant = did_you_mean(verb, command.get_subcommands().map(Command::get_name));
                (format!("unknown verb '{verb}'"), format!("{meant}`{help}` lists the verbs"))
            }
            ErrorKind::MissingSubcommand => {
                ("no verb is given".to_owned(), format!("`{help}` lists the verbs"))
            }
            _ => (first_paragraph(&error.to_string()), listed()),
        };
        Self { message, hint }
    }
}

/// Describes two options that can't be given together.
fn conflict(error: &clap::Error, option: &str) -> String {
    let others = texts(error, ContextKind::PriorArg);
    let others: Vec<&str> = others.into_iter().map(name).collect();
    if others == [option] {
        return format!("{option} is given twice");
    }
    format!("{option} can't be used with {}", others.join(", "))
}

/// Returns the command that describes the options: that of the verb, if `words` have one.
fn help(command: &Command, words: &[OsString]) -> String {
    let program = command.get_name();
    match verb(command, words) {
        Some(verb) => format!("{program} {} --help", verb.get_name()),
        None => format!("{program} --help"),
    }
}

/// Returns the verb among the words.
fn verb<'a>(command: &'a Command, words: &[OsString]) -> Option<&'a Command> {
    words.iter().skip(1).find_map(|word| command.find_subcommand(word))
}

/// Returns the options of the verb that `words` name, and those of all verbs.
fn options(command: &Command, words: &[OsString]) -> Vec<String> {
    let own = verb(command, words).into_iter().flat_map(Command::get_arguments);
    let shown = command.get_arguments().chain(own).filter(|arg| !arg.is_hide_set());
    shown.filter_map(|arg| arg.get_long()).map(|name| format!("--{name}")).collect()
}

/// Lists values to choose from.
pub(crate) fn any_of(values: &[&str]) -> String {
    match values {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        values => values.concat(),
    }
}

/// Returns the name in clap's form of an argument: `--wait[=<SECONDS>]`, `-P <KEY=VALUE>`, `[PATTERN]...`.
fn name(argument: &str) -> &str {
    let argument = argument.trim_start_matches(['[', '<']);
    argument.split(['[', ']', ' ', '<', '>', '=']).next().unwrap_or(argument)
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    texts(error, kind).first().copied()
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Returns the first paragraph of clap's message on one line, without its prefix.
fn first_paragraph(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let paragraph = message.split("\n\n").next().unwrap_or(message);
    paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::{OsString, UsageError};
    use crate::pipe::args;

    fn command() -> Command {
        let seconds = |name: &'static str| {
            Arg::new(name).long(name).value_name("SECONDS").value_parser(args::seconds)
        };
        Command::new("tool")
            .arg(seconds("wait").num_args(0..=1).require_equals(true))
            .arg(seconds("grace"))
            .arg(Arg::new("mount").long("mount").value_parser(["rw", "ro"]))
            .arg(Arg::new("list").long("list").action(ArgAction::SetTrue).conflicts_with("paths"))
            .arg(Arg::new("max").long("max").requires("list"))
            .arg(Arg::new("paths").num_args(0..=2))
    }

    /// A tool with verbs, as clap makes a program of them.
    fn with_verbs() -> Command {
        Command::new("tool").subcommand_required(true).subcommand(command().name("stop"))
    }

    fn told(command: &Command, words: &[&str]) -> (String, String) {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let error = command.clone().try_get_matches_from(&words).unwrap_err();
        let UsageError { message, hint } = UsageError::new(&error, command, &words);
        (message, hint)
    }

    #[test]
    fn no_words_of_clap_or_std_are_shown() {
        let listed = "`tool --help` lists the options";
        let no_number = |option: &str, value: &str| {
            format!("{option}: '{value}' isn't a number of seconds from 0 to 99999999")
        };
        for value in ["soon", "", "-1", "1.5", "100000000", "99999999999999999999999"] {
            let (message, hint) = told(&command(), &["tool", &format!("--wait={value}")]);
            assert_eq!(message, no_number("--wait", value));
            assert_eq!(hint, "`tool --help` describes --wait");
        }
        for (words, message, hint) in [
            (
                &["tool", "--grace=x"][..],
                no_number("--grace", "x").as_str(),
                "`tool --help` describes --grace",
            ),
            (&["tool", "--grace"], "--grace needs a value", "`tool --help` describes --grace"),
            (
                &["tool", "--mount=rx"],
                "--mount: unknown value 'rx'",
                "did you mean rw? use rw or ro",
            ),
            (&["tool", "--mount="], "--mount needs a value", "use rw or ro"),
            (&["tool", "--frobnicate"], "unknown option '--frobnicate'", listed),
            (
                &["tool", "--garce=3"],
                "unknown option '--garce'",
                "did you mean --grace? `tool --help` lists the options",
            ),
            (&["tool", "--list", "x"], "--list can't be used with paths", listed),
            (&["tool", "--list", "--list"], "--list is given twice", listed),
            (&["tool", "--max=3"], "--list is missing, which another option needs", listed),
            (&["tool", "--list=3"], "--list takes no value", listed),
        ] {
            assert_eq!(told(&command(), words), (message.to_owned(), hint.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn the_help_is_that_of_the_verb() {
        let listed = "`tool --help` lists the verbs";
        assert_eq!(told(&with_verbs(), &["tool"]), ("no verb is given".into(), listed.into()));
        let unknown = told(&with_verbs(), &["tool", "dance"]);
        assert_eq!(unknown, ("unknown verb 'dance'".into(), listed.into()));
        let (_, hint) = told(&with_verbs(), &["tool", "sotp"]);
        assert_eq!(hint, "did you mean stop? `tool --help` lists the verbs");
        let (_, hint) = told(&with_verbs(), &["tool", "stop", "--garce=1"]);
        assert_eq!(hint, "did you mean --grace? `tool stop --help` lists the options");
        let (_, hint) = told(&with_verbs(), &["tool", "stop", "--grace=x"]);
        assert_eq!(hint, "`tool stop --help` describes --grace");
    }
}
