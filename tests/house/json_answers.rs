//! Whatever answers on standard output answers as one JSON value, too.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeSet;

use mlcube_ssh_harness::{Engine, Scene, Task};
use serde_json::Value;

/// The verbs that write the document, which is JSON, or the log of a job.
const NO_ANSWERS: [&str; 4] = ["configure", "run", "attach", "logs"];

/// The command lines that answer, and a key of each item or of the object. Those of the wrapper have its flags.
const ANSWERS: [(&str, Form); 14] = [
    ("mlcube-ssh show_config", Form::Object("tasks")),
    ("mlcube-ssh inspect", Form::Object("tasks")),
    ("mlcube-ssh describe", Form::Object("configure")),
    ("mlcube-ssh-config --explain=runner.host", Form::Array("set_by")),
    ("mlcube-ssh-config --validate", Form::Array("state")),
    ("mlcube-ssh status", Form::Object("job")),
    ("mlcube-ssh list", Form::Array("job")),
    ("mlcube-ssh stop", Form::Object("job")),
    ("mlcube-ssh login", Form::Object("persist")),
    ("mlcube-ssh list --connections", Form::Array("opened")),
    ("mlcube-ssh-pull --input=run.json --list", Form::Array("path")),
    ("mlcube-ssh clean", Form::Array("bytes")),
    ("mlcube-ssh clean --yes=jobs", Form::Array("removed")),
    ("mlcube-ssh logout", Form::Object("state")),
];

#[derive(Clone, Copy, Debug)]
enum Form {
    Object(&'static str),
    Array(&'static str),
}

impl Form {
    fn is_that_of(self, answer: &Value) -> bool {
        match self {
            Self::Object(key) => answer.get(key).is_some(),
            Self::Array(key) => {
                let items = answer.as_array().map(Vec::as_slice).unwrap_or_default();
                !items.is_empty() && items.iter().all(|item| item.get(key).is_some())
            }
        }
    }
}

/// A scene with a cube of which a job has run.
fn ran() -> Scene {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    engine.runs(":");
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("workspace/a", "1");
    let document = scene.configured(&cube, &[]);
    std::fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    scene
}

#[test]
fn every_answer_is_one_json_value() {
    let scene = ran();
    for (line, form) in ANSWERS {
        // The document, all connections and the settings file alone.
        let words = ["--input", "--connections", "--validate"];
        let is_about_a_cube = !words.iter().any(|word| line.contains(word));
        let flags = if is_about_a_cube { " --mlcube=digits --platform=gpu1" } else { "" };
        let told = scene.sh(&format!("{line}{flags} --json")).run();
        let answer: Value = serde_json::from_str(&told.succeeds().stdout)
            .unwrap_or_else(|problem| panic!("{line}: {problem}\n{told}"));
        assert!(form.is_that_of(&answer), "{line}: {form:?}\n{told}");
    }
    // Nothing is an answer, too.
    for line in ["list --connections", "clean --mlcube=digits --platform=gpu1 --yes=jobs"] {
        let told = scene.sh(&format!("mlcube-ssh {line} --json")).run();
        assert_eq!(told.succeeds().stdout, "[]\n", "{line}");
    }
    // Unless nothing was asked.
    for verb in ["list", "status", "clean", "login", "logout", "doctor"] {
        let line = format!("mlcube-ssh {verb} --mlcube=digits --platform=gpu1 --json --dry-run");
        assert_eq!(scene.sh(&line).run().succeeds().stdout, "", "{line}");
    }
}

#[test]
fn every_verb_that_answers_has_json() {
    let scene = Scene::new();
    let refused = scene.mlcube_ssh(&["logs", "--platform=gpu1", "--json"]).run();
    refused.exits(125).complains(&["logs has no option --json"]);
    for program in ["mlcube-ssh", "mlcube-ssh-exec"] {
        let candidates = |words: &str| -> BTreeSet<String> {
            let ask = format!("{program} --generate=candidates -- {program} {words}");
            let told = scene.sh(&ask).run().succeeds().stdout.clone();
            told.lines().map(|line| line.split(['\t', '=']).next().unwrap().to_owned()).collect()
        };
        let verbs = candidates("''");
        assert!(verbs.contains("clean"), "{verbs:?}");
        let steps = ["config", "interp", "push", "exec", "pull"];
        for verb in verbs.iter().filter(|verb| !steps.contains(&verb.as_str())) {
            if verb.starts_with('-') || verb == "help" {
                continue;
            }
            let has = candidates(&format!("{verb} --j")).contains("--json");
            // The wrapper's `--json=FILE` of the others writes the document.
            let answers = !NO_ANSWERS.contains(&verb.as_str());
            assert!(
                has == answers || (program == "mlcube-ssh" && !answers),
                "{program} {verb}: {has}"
            );
        }
    }
}
