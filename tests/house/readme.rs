//! The documents and the programs agree: statuses, keys, options, verbs, commands, links, paths.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mlcube_ssh::pipe::exit_status::EXIT_STATUSES;
use mlcube_ssh::settings::runner::authentication::Authentication;
use mlcube_ssh::settings::runner::interpreter::Interpreter;
use mlcube_ssh::settings::runner::{Runner, keys};
use mlcube_ssh_harness::{Scene, Task, repository};
use regex::Regex;

const PROGRAMS: [&str; 5] = [
    "mlcube-ssh-config",
    "mlcube-ssh-interp",
    "mlcube-ssh-push",
    "mlcube-ssh-pull",
    "mlcube-ssh-exec",
];

const VERBS: [&str; 11] = [
    "configure",
    "run",
    "attach",
    "status",
    "list",
    "logs",
    "stop",
    "login",
    "logout",
    "clean",
    "doctor",
];

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap()
}

/// The page of the repository and those of the programs, which are its reference.
fn readmes() -> Vec<String> {
    let pages = PROGRAMS.iter().map(|program| format!("{program}/README.md"));
    std::iter::once("README.md".to_owned()).chain(pages).collect()
}

fn reference() -> String {
    readmes().iter().map(|page| read(page)).collect()
}

/// Every document by its path in the repository; snapshots hold what programs print.
fn documents(scene: &Scene) -> BTreeMap<String, String> {
    let list = "git ls-files --cached --others --exclude-standard '*.md' ':!tests/snapshots'";
    let listed = scene.sh(list).in_folder(&repository()).run().succeeds().stdout.clone();
    listed.lines().map(|page| (page.to_owned(), read(page))).collect()
}

/// The text of every source of the programs, Rust and sh.
fn sources(scene: &Scene) -> String {
    let cat = "find mlcube-ssh-*/src \\( -name '*.rs' -o -name '*.sh' \\) -exec cat {} +";
    scene.sh(cat).in_folder(&repository()).run().succeeds().stdout.clone()
}

/// The help of a program and of its verbs.
fn help(scene: &Scene, program: &str) -> String {
    let verbs: &[&str] = if program == "mlcube-ssh-exec" { &VERBS } else { &[] };
    let mut text = scene.tool(program).arg("--help").run().succeeds().stdout.clone();
    for verb in verbs {
        text += &scene.tool(program).args([verb, "--help"]).run().succeeds().stdout;
    }
    text
}

/// The rows of the tables that begin with this column.
fn rows(text: &str, first_column: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut lines = text.lines();
    while lines.any(|line| line.starts_with(&format!("| {first_column} |"))) {
        let table = lines.by_ref().skip(1).take_while(|line| line.starts_with('|'));
        rows.extend(table.map(str::to_owned));
    }
    assert!(!rows.is_empty(), "no document has a table of '{first_column}'");
    rows
}

/// What stands in backquotes in a text.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What stands in backquotes in the first column of these rows.
fn first_column(rows: &[String]) -> Vec<&str> {
    rows.iter().flat_map(|row| quoted(row.split('|').nth(1).unwrap())).collect()
}

/// A document without its blocks of code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

#[test]
fn every_exit_status_of_the_reference_is_in_every_help() {
    let scene = Scene::new();
    let rows = rows(&read("mlcube-ssh-config/README.md"), "status");
    let cells = |row: &String| -> Vec<String> {
        row.replace('`', "").trim_matches('|').split('|').map(|cell| cell.trim().into()).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let table = rows.iter().map(|row| format!("\n  {:<9}{}", row[0], row[1]));
    assert_eq!(format!("Exit status:{}", table.collect::<String>()), EXIT_STATUSES);
    for program in PROGRAMS {
        assert!(help(&scene, program).contains(EXIT_STATUSES), "{program} --help has other ones");
    }
    let wrapper = scene.mlcube_ssh(&["--help"]).run().succeeds().stdout.clone();
    for row in &rows[1..rows.len() - 1] {
        assert!(wrapper.contains(&format!("{}: ", row[0])), "mlcube-ssh --help has no {}", row[0]);
    }
}

#[test]
fn every_script_tells_its_usage_and_does_nothing_else() {
    let scene = Scene::new();
    let scripts =
        ["mlcube-ssh", "install", "package", "generate", "demo", "test", "bench", "bench-config"];
    for script in scripts {
        let line = format!("'{}' --help", repository().join("scripts").join(script).display());
        let told = scene.sh(&line).run();
        assert!(told.succeeds().is_silent().stdout.starts_with("usage: "), "{told}");
    }
}

#[test]
fn every_option_of_the_readmes_exists() {
    let scene = Scene::new();
    let mut known: String = PROGRAMS.iter().map(|program| help(&scene, program)).collect();
    for script in ["mlcube-ssh", "demo", "install", "generate", "package"] {
        known += &read(&format!("scripts/{script}"));
    }
    let reference = reference();
    let words = reference.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let options: BTreeSet<&str> =
        words.filter(|word| word.starts_with("--") && word.len() > 2).collect();
    assert!(options.contains("--dry-run") && options.contains("--task"), "{options:?}");
    // Those of pip, cargo, rsync, docker and sbatch, which the READMEs quote.
    let others = [
        "--no-index",
        "--find-links",
        "--no-deps",
        "--use-pep517",
        "--wheel-dir",
        "--update",
        "--shm-size",
        "--release",
        "--rm",
        "--array",
        "--gres",
        "--nodelist",
        "--partition",
        "--requeue",
        "--signal",
        "--test-only",
        "--wrap",
    ];
    let unknown: Vec<_> = options
        .into_iter()
        .filter(|option| !others.contains(option) && !known.contains(option))
        .collect();
    assert_eq!(unknown, [""; 0], "the READMEs name options that nothing has");
}

#[test]
fn the_reference_has_every_verb_and_everything_that_clean_removes() {
    let scene = Scene::new();
    let reference = read("mlcube-ssh-exec/README.md");
    let table = rows(&reference, "verb");
    assert_eq!(first_column(&table)[..1], ["configure"], "{table:?}");
    for verb in VERBS {
        let is_there = table.iter().any(|row| row.starts_with(&format!("| `{verb}` |")));
        assert!(is_there, "the reference has no row for the verb {verb}");
    }
    let help = scene.tool("mlcube-ssh-exec").arg("--help").run().succeeds().stdout.clone();
    let verbs = help.lines().skip_while(|line| *line != "Verbs:").skip(1);
    let verbs = verbs.take_while(|line| !line.is_empty());
    let verbs: BTreeSet<&str> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    let known: BTreeSet<&str> = VERBS.into_iter().chain(["help"]).collect();
    assert_eq!(verbs, known);
    let clean = scene.tool("mlcube-ssh-exec").args(["clean", "--help"]).run().stdout.clone();
    let removed = clean.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split_once(':'));
    let removed: BTreeSet<&str> = removed.map(|(what, _)| what).collect();
    let told = rows(&reference, "WHAT");
    assert_eq!(first_column(&told).into_iter().collect::<BTreeSet<_>>(), removed);
}

#[test]
fn every_field_of_a_receipt_is_in_the_row_of_its_step() {
    let source = read("mlcube-ssh-config/src/pipe/document/mod.rs");
    let receipt = source.split("pub struct Receipt {").nth(1).unwrap().split("\n}").next().unwrap();
    let page = read("mlcube-ssh-config/README.md");
    let all = ["interp", "push", "exec", "pull"];
    let field = Regex::new(r"(?m)^    /// (?:([a-z, ]+): )?[^{}]*?\n    pub (\w+):").unwrap();
    let mut fields = 0;
    for found in field.captures_iter(receipt).filter(|found| &found[2] != "unknown") {
        // Without steps at the beginning of its comment a field is of every step.
        let steps = found.get(1).map(|steps| steps.as_str().split(", ").collect());
        for step in steps.unwrap_or(all.to_vec()) {
            let row = page.lines().find(|line| line.starts_with(&format!("| `steps.{step}` |")));
            let row = row.unwrap_or_else(|| panic!("no step {step}"));
            assert!(quoted(row).contains(&&found[2]), "{} isn't in the row of {step}", &found[2]);
            fields += 1;
        }
    }
    assert!(fields > 30, "only {fields} fields were found");
}

#[test]
fn every_key_of_the_reference_is_in_the_code() {
    let scene = Scene::new();
    let sources = sources(&scene);
    let reference = reference();
    let mut tables = rows(&reference, "key");
    assert!(tables.len() >= 5, "{tables:?}");
    tables.extend(rows(&reference, "field"));
    tables.extend(rows(&reference, "parameter"));
    for key in
        first_column(&tables).iter().flat_map(|path| path.split(['.', '/', ' ', ',', ':', '…']))
    {
        let plain = key.trim_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        assert!(sources.contains(plain), "`{key}` in the reference is nowhere in the code");
    }
}

#[test]
fn every_key_of_the_settings_is_in_the_reference() {
    let reference = read("mlcube-ssh-config/README.md");
    let table = rows(&reference, "parameter");
    for key in keys::<Runner>() {
        assert!(first_column(&table).contains(&key.as_str()), "the reference has no row for {key}");
    }
    for key in keys::<Interpreter>().iter().chain(&keys::<Authentication>()) {
        // `type: system`, or the key alone.
        let is_told = table
            .iter()
            .any(|row| row.contains(&format!("`{key}`")) || row.contains(&format!("`{key}: ")));
        assert!(is_told, "the reference doesn't say what {key} is");
    }
}

/// The name that a heading has in a link: in lower case, without punctuation, `-` for a blank.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let scene = Scene::new();
    let documents = documents(&scene);
    assert!(documents.len() >= 10, "{:?}", documents.keys());
    for (page, text) in &documents {
        let folder = Path::new(page).parent().unwrap();
        let text = prose(text);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.into() } else { folder.join(file) };
            let path = repository().join(path);
            assert!(path.exists(), "{page}: {target} isn't there");
            if !anchor.is_empty() {
                let anchors = anchors(&fs::read_to_string(&path).unwrap());
                assert!(anchors.iter().any(|known| known == anchor), "{page}: no heading {target}");
            }
        }
    }
}

/// Whether a word in backquotes is meant as a path in the repository.
fn is_path(word: &str) -> bool {
    let top = word.split('/').next().unwrap_or_default();
    word.contains('/')
        && !top.is_empty()
        && !top.starts_with('.')
        && !word.contains(|c: char| c.is_whitespace() || "*<>{}$…".contains(c))
        && repository().join(top).is_dir()
}

#[test]
fn every_path_of_a_document_exists_with_what_it_is_said_to_hold() {
    let scene = Scene::new();
    let mut paths = 0;
    for (page, text) in documents(&scene) {
        let text = prose(&text).replace('\n', " ");
        let words = quoted(&text);
        for path in words.iter().filter(|word| is_path(word)) {
            paths += 1;
            // From the top, from the folder of the page, or from that of the library.
            let folder = repository().join(&page).parent().unwrap().to_owned();
            let mut tops =
                [repository(), folder, repository().join("mlcube-ssh-config/src")].into_iter();
            let is_there = tops.any(|top| top.join(path).exists());
            assert!(is_there, "{page}: {path} isn't there");
        }
        // `name` in `path`
        let held = text.split("` in `").collect::<Vec<_>>();
        for pair in held.windows(2) {
            let name = pair[0].rsplit('`').next().unwrap();
            let path = pair[1].split('`').next().unwrap();
            if is_path(path) && repository().join(path).is_file() {
                // `Type::function` is defined there; any other name is one of its words.
                let word = name.rsplit("::").next().unwrap();
                let held =
                    if name == word { format!(r"\b{word}\b") } else { format!(r"fn {word}\b") };
                let is_held = Regex::new(&held).unwrap().is_match(&read(path));
                assert!(is_held, "{page}: there is no {name} in {path}");
            }
        }
    }
    assert!(paths > 30, "{paths}");
}

#[test]
fn every_test_that_security_names_exists() {
    let scene = Scene::new();
    let cat = "find tests mlcube-ssh-*/src -name '*.rs' -exec cat {} +";
    let tests = scene.sh(cat).in_folder(&repository()).run().succeeds().stdout.clone();
    let rows = rows(&read("SECURITY.md"), "attack");
    assert!(rows.len() > 30, "{rows:?}");
    for row in rows {
        let proof = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
        let proof = proof.split("unit tests of").next().unwrap();
        for name in quoted(proof) {
            let name = name.rsplit(": ").next().unwrap();
            assert!(tests.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}

/// A document's examples for a shell.
fn examples(text: &str) -> Vec<&str> {
    text.split("\n```sh\n").skip(1).map(|block| block.split("\n```").next().unwrap()).collect()
}

#[test]
fn the_readmes_commands_run() {
    let scene = Scene::new();
    let train = Task::named("train").writes("model", "model/").writes("log", "logs/");
    let train = train.does("echo $HF_TOKEN > $model/last.bin; echo trained > $log/today");
    let evaluate = Task::named("evaluate").reads("model", "model/").writes("score", "score.txt");
    let cube = scene.cube("linreg").task(&train).task(&evaluate.does("echo 0.9 > $score"));
    let key = fs::read_to_string(scene.home().join(".ssh/id")).unwrap();
    // Installing and make have tests of their own.
    let others = |example: &&str| {
        let starts = ["pip install", "scripts/install", "make "];
        !starts.iter().any(|start| example.starts_with(start))
    };
    for page in readmes() {
        let text = read(&page);
        let examples: Vec<&str> = examples(&text).into_iter().filter(others).collect();
        assert!(!examples.is_empty(), "{page} has no example that runs");
        for example in examples {
            let ran = scene
                .sh(&format!("set -eu\n{example}"))
                .in_folder(cube.root())
                .env("SSH_KEY", &key)
                .run();
            assert_eq!(ran.status, 0, "{page}: {example}\n{ran}");
        }
    }
    assert_eq!(
        cube.result("model/last.bin"),
        "…\n",
        "the secret of the last example reached the task"
    );
    assert_eq!(cube.result("score.txt"), "0.9\n");
}
