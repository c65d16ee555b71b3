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

/// The head of a script and the lines below it, without comments; `None` for a file of functions, which has no such
/// head.
fn parts(script: &Path) -> Option<(String, Vec<String>)> {
    let text = fs::read_to_string(script).unwrap();
    let (head, body): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.trim_start().starts_with('#'));
    let first = text.lines().take_while(|line| line.starts_with('#')).count();
    let head = head[..first].join(" ").replace("# ", "");
    let body = body.into_iter().map(str::to_owned).collect();
    // A script can be given what another one is given, and says of which.
    let other = head.split(' ').find(|word| word.strip_suffix(".sh").is_some());
    let other = other.and_then(|name| sources(".sh").into_iter().find(|path| path.ends_with(name)));
    let other = other.filter(|other| other != script && head.contains("beside what"));
    let head = head + &other.map(|other| fs::read_to_string(other).unwrap()).unwrap_or_default();
    head.contains("Given").then_some((head, body))
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
            given.iter().filter(|name| is_only_read(&body, name) && !has_word(&head, name));
        missing.extend(unsaid.map(|name| (script.clone(), name.clone())));
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
            let key = text.split([' ', '\\']).next()?;
            let is_key = key.starts_with(|c: char| c.is_ascii_lowercase())
                && key.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            (is_reply && is_key).then_some(key)
        });
        for key in replies {
            number += 1;
            if !has_word(&head, key) {
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
    let of_problems = enums.filter(|rest| {
        ["ProblemKind {", "SharedProblem {", "NodeProblem {"]
            .iter()
            .any(|name| rest.starts_with(name))
    });
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
    let dead: Vec<&String> = known.iter().filter(|word| !has_word(&scripts, word)).collect();
    assert!(known.len() > 35 && dead.is_empty(), "{known:?}: {dead:?}");
}
