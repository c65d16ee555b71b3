//! The README and the programs agree: statuses, keys, options, commands.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeSet;
use std::fs;

use mlcube_ssh::settings::runner::KEYS;
use mlcube_ssh_harness::{Scene, Task, repository};

const PROGRAMS: [&str; 5] = [
    "mlcube-ssh-config",
    "mlcube-ssh-interp",
    "mlcube-ssh-push",
    "mlcube-ssh-exec",
    "mlcube-ssh-pull",
];

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// The text of every Rust source of the programs.
fn sources(scene: &Scene) -> String {
    let cat = "find mlcube-ssh-*/src -name '*.rs' -exec cat {} +";
    scene.sh(cat).in_folder(&repository()).run().succeeds().stdout.clone()
}

/// The help of a program and of its verbs.
fn help(scene: &Scene, program: &str) -> String {
    let verbs: &[&str] = if program == "mlcube-ssh-exec" {
        &["configure", "run", "attach", "status", "logs", "stop", "list", "clean"]
    } else {
        &[]
    };
    let mut text = scene.tool(program).arg("--help").run().succeeds().stdout.clone();
    for verb in verbs {
        text += &scene.tool(program).args([verb, "--help"]).run().succeeds().stdout;
    }
    text
}

/// The rows of the README's table that begins with this column.
fn table(readme: &str, first_column: &str) -> Vec<String> {
    let mut lines =
        readme.lines().skip_while(|line| !line.starts_with(&format!("| {first_column} |")));
    assert!(lines.next().is_some(), "the README has no table of '{first_column}'");
    lines.skip(1).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// What stands in backquotes in a text.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_exit_status_of_the_readme_is_in_every_help() {
    let scene = Scene::new();
    let readme = readme();
    let rows = table(&readme, "status");
    assert!(rows.len() >= 6, "{rows:?}");
    for program in PROGRAMS {
        let help = help(&scene, program);
        for status in ["125", "126", "127", "255", "128+n"] {
            assert!(rows.iter().any(|row| row.contains(status)), "{status} isn't in the README");
            assert!(help.contains(status), "{status} isn't in {program} --help");
        }
    }
}

#[test]
fn every_option_of_the_readme_exists() {
    let scene = Scene::new();
    let mut known: String = PROGRAMS.iter().map(|program| help(&scene, program)).collect();
    for script in ["mlcube-ssh", "demo", "install"] {
        known += &fs::read_to_string(repository().join("scripts").join(script)).unwrap();
    }
    let readme = readme();
    let words = readme.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let options: BTreeSet<&str> =
        words.filter(|word| word.starts_with("--") && word.len() > 2).collect();
    assert!(options.contains("--dry-run") && options.contains("--task"), "{options:?}");
    // Those of pip, cargo, rsync and docker, which the README quotes.
    let others =
        ["--no-index", "--find-links", "--no-deps", "--update", "--shm-size", "--release", "--rm"];
    let unknown: Vec<_> = options
        .into_iter()
        .filter(|option| !others.contains(option) && !known.contains(option))
        .collect();
    assert_eq!(unknown, [""; 0], "the README names options that nothing has");
}

#[test]
fn every_key_of_the_document_and_of_the_settings_in_the_readme_is_in_the_code() {
    let scene = Scene::new();
    let sources = sources(&scene);
    let readme = readme();
    let rows = table(&readme, "key");
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        let first = row.split('|').nth(1).unwrap();
        for key in quoted(first).iter().flat_map(|path| path.split(['.', '/', ' ', ',', ':', '…']))
        {
            let plain = key.trim_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            assert!(sources.contains(plain), "`{key}` in the README is nowhere in the code");
        }
    }
}

#[test]
fn every_key_of_the_settings_is_in_the_readme() {
    let readme = readme();
    let below =
        ["python", "requirements", "location", "name", "identify_file", "identity_file", "user"];
    for key in KEYS.iter().chain(&below) {
        assert!(readme.contains(key), "the README doesn't say what {key} is");
    }
}

#[test]
fn every_file_that_the_readme_links_to_is_there() {
    let readme = readme();
    for target in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let file = target.split('#').next().unwrap();
        if !file.is_empty() && !file.contains("://") {
            assert!(repository().join(file).exists(), "{target} isn't there");
        }
    }
}

/// The README's examples for a shell.
fn examples(readme: &str) -> Vec<&str> {
    readme.split("\n```sh\n").skip(1).map(|block| block.split("\n```").next().unwrap()).collect()
}

#[test]
fn the_readmes_commands_run() {
    let scene = Scene::new();
    let train = Task::named("train").writes("model", "model/").writes("log", "logs/");
    let train = train.does("echo $HF_TOKEN > $model/last.bin; echo trained > $log/today");
    let evaluate = Task::named("evaluate").reads("model", "model/").writes("score", "score.txt");
    let cube = scene.cube("linreg").task(&train).task(&evaluate.does("echo 0.9 > $score"));
    let key = fs::read_to_string(scene.home().join(".ssh/id")).unwrap();
    let readme = readme();
    // Installing and make have tests of their own.
    let others =
        |example: &&str| !example.starts_with("scripts/install") && !example.starts_with("make ");
    let examples: Vec<&str> = examples(&readme).into_iter().filter(others).collect();
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        let ran = scene
            .sh(&format!("set -eu\n{example}"))
            .in_folder(cube.root())
            .env("SSH_KEY", &key)
            .run();
        assert_eq!(ran.status, 0, "{example}\n{ran}");
    }
    assert_eq!(
        cube.result("model/last.bin"),
        "…\n",
        "the secret of the last example reached the task"
    );
    assert_eq!(cube.result("score.txt"), "0.9\n");
}
