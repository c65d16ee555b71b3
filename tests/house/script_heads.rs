//! The head of a remote script tells the truth: it names what its text is given, and what its text replies.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::repository;

/// The files of the programs whose name ends with `ending`.
fn sources(ending: &str) -> Vec<PathBuf> {
    let programs = ["config", "interp", "push", "exec", "pull"];
    let mut folders: Vec<PathBuf> =
        programs.iter().map(|name| repository().join(format!("mlcube-ssh-{name}/src"))).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

/// The names that the programs give to scripts, without the one that the connection gives to all of them.
fn given() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in sources(".rs") {
        let text = fs::read_to_string(file).unwrap();
        for method in [".given(", ".flag("] {
            let calls = text.split(method).skip(1);
            let quoted =
                calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next());
            names.extend(quoted.map(str::to_owned));
        }
    }
    names.remove("shared");
    assert!(names.len() > 40, "{names:?}");
    names
}

/// What the head of a script says in its tables.
#[derive(Default)]
struct Head {
    /// The names that it is given: the rows below `Given`.
    given: BTreeSet<String>,
    /// The keys of its reply: the rows below `Replies`.
    replies: BTreeSet<String>,
}

/// The head of a script and the lines below it, without comments; `None` for a file of functions, which has no such head.
fn parts(script: &Path) -> Option<(Head, Vec<String>)> {
    let text = fs::read_to_string(script).unwrap();
    let lines: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    let title = lines.iter().find(|line| line.starts_with("# Given"))?;
    let mut head = Head { given: rows(&lines, "# Given"), replies: rows(&lines, "# Replies") };
    assert!(!head.given.is_empty(), "{}: no table of what is given", script.display());
    // A script can be given what another one is given, and says of which.
    if let Some((_, other)) = title.split_once(", beside what ") {
        let name = other.split(' ').next().unwrap();
        let other = sources(".sh").into_iter().find(|path| path.ends_with(name)).unwrap();
        let (other, _) = parts(&other).unwrap();
        head.given.extend(other.given);
        head.replies.extend(other.replies);
    }
    let body = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    Some((head, body.map(str::to_owned).collect()))
}

/// The first words of the rows of a table: `#   NAME  TEXT`, below a line that begins with `title`.
fn rows(head: &[&str], title: &str) -> BTreeSet<String> {
    let below = head.iter().skip_while(|line| !line.starts_with(title)).skip(1);
    let rows = below.map_while(|line| line.strip_prefix("#   "));
    // A text that goes on in the next line is indented further.
    let rows = rows.filter(|row| !row.starts_with(' '));
    rows.filter_map(|row| Some(row.split(' ').next()?.to_owned())).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.split(|c| !is_part(c)).any(|part| part == word)
}

/// Returns whether a text uses the variable, and nowhere sets it.
fn is_only_read(body: &str, name: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut uses = [format!("${name}"), format!("${{{name}")].into_iter();
    let is_used = uses.any(|used| {
        body.match_indices(&used).any(|(at, _)| !body[at + used.len()..].starts_with(is_name))
    });
    let is_set = |set: &str| {
        body.match_indices(set).any(|(at, _)| !body[..at].ends_with(|c| is_name(c) || c == '$'))
    };
    let is_read =
        |line: &str| line.split_once("read -r ").is_some_and(|(_, to)| has_word(to, name));
    let is_set = is_set(&format!("{name}="))
        || [" ", "\n", ";"].iter().any(|end| is_set(&format!("for {name}{end}")))
        || body.lines().any(is_read);
    is_used && !is_set
}

#[test]
fn a_head_names_what_the_script_is_given() {
    let (given, mut number, mut missing) = (given(), 0, Vec::new());
    for script in sources(".sh") {
        let Some((head, body)) = parts(&script) else { continue };
        number += 1;
        let body = body.join("\n");
        let unsaid =
            given.iter().filter(|name| is_only_read(&body, name) && !head.given.contains(*name));
        missing.extend(unsaid.map(|name| (script.clone(), name.clone())));
        // A launcher gives these two their values.
        if !["run.sh", "node.sh"].iter().any(|name| script.ends_with(name)) {
            let invented = head.given.difference(&given);
            missing.extend(invented.map(|name| (script.clone(), name.clone())));
        }
    }
    assert!(number > 20 && missing.is_empty(), "{number}: {missing:#?}");
}

#[test]
fn a_head_names_what_the_script_replies() {
    let (mut number, mut missing) = (0, Vec::new());
    for script in sources(".sh") {
        let Some((head, body)) = parts(&script) else { continue };
        // A line of a reply: its key, then a value. What goes into a file or a pipe is none.
        let replies = body.iter().filter_map(|line| {
            let (before, text) = line.split_once("printf '")?;
            let is_reply = !line.contains('>') && !line.contains("' |") && !before.ends_with("$(");
            // A line of a script that is written to a file.
            let is_reply = is_reply && !text.starts_with("set --");
            let key = text.split([' ', '\\']).next()?;
            let is_key = key.starts_with(|c: char| c.is_ascii_lowercase())
                && key.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            (is_reply && is_key).then_some(key)
        });
        for key in replies {
            number += 1;
            if !head.replies.contains(key) {
                missing.push((script.clone(), key.to_owned()));
            }
        }
    }
    assert!(number > 20 && missing.is_empty(), "{number}: {missing:#?}");
}

/// An `exit` at the end of a script ends the session, and with it the locks that later scripts rely on.
#[test]
fn only_the_last_script_of_a_session_exits_without_a_failure() {
    let last =
        ["allocated.sh", "follow.sh", "pack.sh", "release.sh", "remove.sh", "stop.sh", "unpack.sh"];
    for script in sources(".sh") {
        let name = script.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&script).unwrap();
        let exits = text.lines().any(|line| line.trim_end().ends_with("exit 0"));
        assert!(!exits || last.contains(&name), "{name}: `return 0` lets the session go on");
    }
}

/// The kinds of problems in the enums of a text, as the scripts write them.
fn known_problems(text: &str) -> Vec<String> {
    let enums = text.split("\nenum ").chain(text.split("\npub enum "));
    let enums = enums.chain(text.split("\npub(crate) enum "));
    let is_of_problems = |name: &str| {
        // What precedes the first enum of a file isn't a name.
        !name.contains(char::is_whitespace)
            && ["Problem", "ProblemKind"].iter().any(|end| name.ends_with(end))
    };
    let of_problems =
        enums.filter(|rest| rest.split_once(" {").is_some_and(|(name, _)| is_of_problems(name)));
    let variant = |line: &str| Some(line.trim().strip_suffix(',')?.to_owned());
    let word = |variant: String| {
        let dashed = variant
            .chars()
            .flat_map(|c| c.is_uppercase().then_some('-').into_iter().chain(c.to_lowercase()));
        dashed.collect::<String>().trim_start_matches('-').to_owned()
    };
    let blocks = of_problems.filter_map(|rest| rest.split("\n}").next());
    blocks.flat_map(str::lines).filter_map(variant).map(word).collect()
}

/// A kind that only a script knows would be shown as its bare word, and one that only Rust knows is dead.
#[test]
fn scripts_and_messages_know_the_same_problems() {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let known: BTreeSet<String> =
        sources(".rs").into_iter().flat_map(|path| known_problems(&read(path))).collect();
    let mut scripts = String::new();
    for script in sources(".sh") {
        let text = read(script.clone());
        let body: Vec<&str> =
            text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let body = body.join("\n");
        for call in ["problem ", "abandon "] {
            for rest in body.split(call).skip(1) {
                let word: String =
                    rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                assert!(word.is_empty() || known.contains(&word), "{}: {word}", script.display());
            }
        }
        scripts += &body;
    }
    // environment.sh passes the words of its Python program on.
    scripts.extend(sources(".py").into_iter().map(read));
    let dead: Vec<&String> = known.iter().filter(|word| !has_word(&scripts, word)).collect();
    assert!(known.len() > 35 && dead.is_empty(), "{known:?}: {dead:?}");
}
