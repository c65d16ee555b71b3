//! Reads the usage text of `scripts/mlcube-ssh`, which defines its command line.

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ValueHint};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

/// The script itself.
const SCRIPT: &str = include_str!("../../../../../scripts/mlcube-ssh");

/// The parts of the usage text.
pub(crate) struct Usage {
    /// The forms of a command line, a line each.
    pub(crate) synopsis: String,
    pub(crate) about: String,
    /// Each verb, and what it does.
    pub(crate) verbs: Vec<(&'static str, String)>,
    /// The verbs that run one step.
    pub(crate) steps: Vec<&'static str>,
    /// The options that `mlcube-ssh-config` gets, without their dashes.
    pub(crate) flags: Vec<&'static str>,
    pub(crate) options: Vec<Entry>,
    pub(crate) notes: String,
    pub(crate) examples: String,
}

/// An option.
pub(crate) struct Entry {
    /// The verbs that have it; all of them if there is none.
    pub(crate) verbs: Vec<&'static str>,
    pub(crate) option: Arg,
}

impl Usage {
    /// Reads the text: seven paragraphs.
    pub(crate) fn of_script() -> Result<Self> {
        let text = SCRIPT.split("<<'END'\n").nth(1).and_then(|rest| rest.split("\nEND\n").next());
        let paragraphs: Vec<&'static str> = text.unwrap_or_default().split("\n\n").collect();
        let [synopsis, about, verbs, flags, options, notes, examples] = paragraphs[..] else {
            bail!("the usage of scripts/mlcube-ssh has {} paragraphs, not 7", paragraphs.len());
        };
        let verbs = entries(verbs);
        let synopsis: Vec<&'static str> =
            synopsis.trim_start_matches("usage:").lines().map(str::trim).collect();
        let is_verb = |name: &str| verbs.iter().any(|(verb, _)| *verb == name);
        let named = synopsis.iter().filter_map(|line| line.split_whitespace().nth(1));
        let steps = named.flat_map(|names| names.split('|')).filter(|name| !is_verb(name));
        Ok(Self {
            about: joined(about),
            steps: steps.collect(),
            flags: words_with_dashes(flags),
            options: entries(options)
                .iter()
                .map(|(head, text)| entry(head, text, &verbs))
                .collect(),
            notes: joined(notes.split("Exit status:").next().unwrap_or_default()),
            examples: examples.lines().map(str::trim).collect::<Vec<_>>().join("\n"),
            synopsis: synopsis.join("\n"),
            verbs,
        })
    }
}

/// Returns the entries of a list: what stands before two blanks, and the text behind them with its further lines.
fn entries(paragraph: &'static str) -> Vec<(&'static str, String)> {
    let mut entries: Vec<(&'static str, String)> = Vec::new();
    for line in paragraph.lines() {
        let indented = line.len() - line.trim_start().len();
        match (indented, line.trim().split_once("  ")) {
            (2, Some((head, text))) => entries.push((head, text.trim().to_owned())),
            (2, None) => entries.push((line.trim(), String::new())),
            (3.., _) => {
                if let Some((_, text)) = entries.last_mut() {
                    text.push(' ');
                    text.push_str(line.trim());
                }
            }
            // The heading.
            _ => {}
        }
    }
    entries
}

fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the names of the options in a text.
fn words_with_dashes(text: &'static str) -> Vec<&'static str> {
    let options =
        text.split_whitespace().filter(|word| word.starts_with('-') && word.contains('='));
    let name = |word: &'static str| match word.strip_prefix("--") {
        Some(long) => long.split('=').next().unwrap_or_default(),
        None => &word[1..2],
    };
    options.map(name).collect()
}

/// Reads an entry of the options: `-f, --follow  logs: Continue …`, `--json=FILE  …`, `--wait[=SECONDS]  …`.
fn entry(head: &'static str, text: &str, verbs: &[(&'static str, String)]) -> Entry {
    let named = |names: &str| -> Option<Vec<&'static str>> {
        let known = |name| verbs.iter().map(|(verb, _)| *verb).find(|verb| *verb == name);
        names.split(", ").map(known).collect()
    };
    let split = text.split_once(": ").and_then(|(names, rest)| Some((named(names)?, rest)));
    let (verbs, text) = split.unwrap_or((Vec::new(), text));
    let mut option = Arg::new(head).help(text.to_owned()).action(ArgAction::SetTrue);
    for form in head.split(", ") {
        let Some(long) = form.strip_prefix("--") else {
            option = option.short(form.chars().nth(1));
            continue;
        };
        let (name, value) = long.split_at(long.find(['[', '=', ' ']).unwrap_or(long.len()));
        option = option.long(name).id(name);
        if !value.is_empty() {
            option = with_value(option, value, text);
        }
    }
    Entry { verbs, option }
}

/// Adds the value: `=FILE`, `[=SECONDS]`, `=WHAT,...`.
fn with_value(option: Arg, form: &'static str, text: &str) -> Arg {
    // What stands behind a blank are arguments.
    let (form, _) = form.trim_start().split_once(' ').unwrap_or((form.trim_start(), ""));
    let name = form.trim_matches(['[', ']', '=']);
    let (name, is_list) = name.strip_suffix(",...").map_or((name, false), |name| (name, true));
    let mut option = option.action(ArgAction::Set).value_name(name);
    if form.starts_with('[') {
        option = option.num_args(0..=1).require_equals(true);
    }
    if is_list {
        option = option.value_delimiter(',');
    }
    // The text lists them: `WHAT: tree, workspaces or all`.
    if let Some((_, values)) = text.split_once(&format!("{name}: ")) {
        let values = values.split([';', '.']).next().unwrap_or_default().replace(" or ", ", ");
        let values: Vec<String> = values.split(", ").map(|value| value.trim().to_owned()).collect();
        let candidates = move || values.iter().map(CompletionCandidate::new).collect();
        option = option.add(ArgValueCandidates::new(candidates));
    }
    match name {
        "FILE" => option.value_hint(ValueHint::FilePath),
        _ => option,
    }
}
