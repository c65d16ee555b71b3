//! A program's man page: one for each program, with its verbs in it.

use std::io;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::pipe::exit_status::EXIT_STATUSES;

/// The pages that each of them names.
const PAGES: [&str; 6] = [
    "mlcube-ssh",
    "mlcube-ssh-config",
    "mlcube-ssh-interp",
    "mlcube-ssh-push",
    "mlcube-ssh-exec",
    "mlcube-ssh-pull",
];

const OTHER_PAGES: [(&str, &str); 3] = [("ssh", "1"), ("ssh_config", "5"), ("rsync", "1")];

/// What every program reads besides its command line.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("MLCUBE_SYSTEM_SETTINGS", "The settings file, if it isn't ~/mlcube.yaml."),
    ("XDG_STATE_HOME", "The folder of the state folder, if it isn't ~/.local/state."),
];

const FILES: [(&str, &str); 2] = [
    (
        "~/mlcube.yaml",
        "The settings file, which mlcube reads, too: a section of `platforms` describes a remote machine. It is never written.",
    ),
    (
        "~/.local/state/mlcube-ssh",
        "The state folder: what the local and the remote workspaces last agreed on, backups of files that a pull replaced, and the key that seals documents.",
    ),
];

/// Returns the page, in the language of man(7).
pub(crate) fn page(command: Command) -> Result<String> {
    let name = command.get_name().to_owned();
    let version = command.get_version().unwrap_or_default().to_owned();
    let examples = command.get_after_long_help().map(ToString::to_string);
    let command = with_shared_options(command);
    let man = Man::new(with_usage(command.clone()).disable_help_subcommand(true));
    // roff leaves an empty word out, which is the date: one of today would make every build another one.
    let title = format!(".TH {} 1 \"\" \"mlcube-ssh {version}\" mlcube-ssh\n", name.to_uppercase());
    let mut text = title.into_bytes();
    // Without hyphens in the names of options, and without wide blanks.
    Roff::new().control("nh", []).control("ad", ["l"]).to_writer(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    verbs(&command, &mut text)?;
    man.render_options_section(&mut text)?;
    terms("EXIT STATUS", &exit_statuses(), &mut text)?;
    terms("ENVIRONMENT", &ENVIRONMENT, &mut text)?;
    terms("FILES", &FILES, &mut text)?;
    if let Some(examples) = examples {
        literal("EXAMPLES", &examples, &mut text)?;
    }
    see_also(&name, &mut text)?;
    Ok(with_bold(&String::from_utf8(text).context("the page isn't UTF-8")?))
}

/// Moves the options that all verbs have to the program: they are described once.
fn with_shared_options(command: Command) -> Command {
    let has = |command: &Command, arg: &Arg| {
        command.get_arguments().any(|it| it.get_id() == arg.get_id())
    };
    let verbs: Vec<&Command> =
        command.get_subcommands().filter(|verb| verb.get_arguments().next().is_some()).collect();
    let first = verbs.first().into_iter().flat_map(|verb| verb.get_arguments());
    let shared = first.filter(|arg| verbs.iter().all(|verb| has(verb, arg)) && !has(&command, arg));
    let shared: Vec<Arg> = shared.cloned().collect();
    command.args(shared)
}

/// Shows the form of a command line as the help does: `clap_mangen` would list every option, without its value.
fn with_usage(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    command.override_usage(usage.trim_start_matches("Usage:").trim().to_owned())
}

/// Describes each verb with the options that it alone has.
fn verbs(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    if !command.has_subcommands() {
        return Ok(());
    }
    Roff::new().control("SH", ["VERBS"]).to_writer(text)?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        Roff::new().control("SS", [verb.get_name()]).text([roman(about)]).to_writer(text)?;
        let is_shared = |arg: &Arg| command.get_arguments().any(|it| it.get_id() == arg.get_id());
        let own = |arg: Arg| if is_shared(&arg) { arg.hide(true) } else { arg };
        let own = verb.clone().disable_help_flag(true).mut_args(own);
        let mut options = Vec::new();
        Man::new(own).render_options_section(&mut options)?;
        // They belong to the verb, not to a section of their own.
        text.extend(String::from_utf8_lossy(&options).replace(".SH OPTIONS\n", "").bytes());
    }
    Ok(())
}

/// Returns the rows of the table of statuses.
fn exit_statuses() -> Vec<(&'static str, &'static str)> {
    EXIT_STATUSES.lines().filter_map(|row| row.trim().split_once("  ")).collect()
}

fn terms(heading: &str, terms: &[(&str, &str)], text: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    for (term, meaning) in terms {
        roff.control("TP", []).text([bold(*term)]).text([roman(meaning.trim())]);
    }
    roff.to_writer(text)
}

/// Writes lines as they are.
fn literal(heading: &str, lines: &str, text: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [heading]).control("EX", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("EE", []).to_writer(text)
}

fn see_also(name: &str, text: &mut Vec<u8>) -> io::Result<()> {
    let ours = PAGES.iter().filter(|page| **page != name).map(|page| (*page, "1"));
    let pages: Vec<_> = ours.chain(OTHER_PAGES).collect();
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    for (at, (page, section)) in pages.iter().enumerate() {
        let end = if at + 1 == pages.len() { "" } else { "," };
        roff.text([bold(*page), roman(format!("({section}){end}"))]);
    }
    roff.to_writer(text)
}

/// Sets what stands in backquotes in bold; man(7) has no backquotes, and shows quotation marks for them. Each part of
/// the page has begun with the same definitions: one is enough.
fn with_bold(page: &str) -> String {
    static DEFINITIONS: LazyLock<String> = LazyLock::new(|| Roff::new().render());
    let page = page.replace(DEFINITIONS.as_str(), "");
    // clap_mangen breaks a line twice, which man(7) does once.
    let page = page.replace("\n.br\n\n.br\n", "\n.sp\n");
    let mut shown = DEFINITIONS.clone();
    let mut parts = page.split('`');
    shown += parts.next().unwrap_or_default();
    let mut is_bold = true;
    for part in parts {
        shown += if is_bold { r"\fB" } else { r"\fR" };
        shown += part;
        is_bold = !is_bold;
    }
    shown
}
