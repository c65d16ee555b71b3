//! Worked cases: settings, cube and arguments, and the configuration that `mlcube` 0.0.10rc2 computes from them.
//!
//! A case in `tests/config/cases` is a folder: `settings.yaml`, `mlcube.yaml` and `files/` (the cube's root, which is
//! the working directory too), `args.txt` (an argument a line), `expected.json` (the document's `config`; without it
//! the configuration is refused) and `stderr.txt` (what is said). Where `mlcube` refuses we refuse; where we refuse
//! more or take more, the list of deviations here says why.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mlcube_ssh::config::{self, Request};
use proptest::prelude::*;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// Cases in which the result is ours on purpose.
const DEVIATIONS: [(&str, &str); 4] = [
    ("yaml-infinity", "JSON has no infinity"),
    ("unknown-task", "mlcube show_config takes no tasks; mlcube run refuses too"),
    ("runner-of-a-cube", "where and as whom to log in is never a cube's to say"),
    ("runner-ours", "keys that the Python runner doesn't know"),
];

/// A case, laid out.
struct Case {
    folder: PathBuf,
    top: TempDir,
}

impl Case {
    fn new(folder: &Path) -> Self {
        let case = Self { folder: folder.to_owned(), top: TempDir::new().unwrap() };
        for place in [case.root(), case.home()] {
            fs::create_dir(place).unwrap();
        }
        fs::copy(folder.join("settings.yaml"), case.home().join("mlcube.yaml")).unwrap();
        fs::copy(folder.join("mlcube.yaml"), case.root().join("mlcube.yaml")).unwrap();
        copy_below(&folder.join("files"), &case.root());
        case
    }

    fn root(&self) -> PathBuf {
        self.top.path().canonicalize().unwrap().join("cube")
    }

    fn home(&self) -> PathBuf {
        self.top.path().canonicalize().unwrap().join("home")
    }

    /// The text of one of the case's files, if it is there, with the places of this run.
    fn text(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(name)).ok()?;
        Some(text.replace("@ROOT@", self.root().to_str()?).replace("@HOME@", self.home().to_str()?))
    }

    /// The exit status, standard output and standard error of the program.
    #[expect(clippy::disallowed_methods, reason = "a test runs the program itself")]
    fn run(&self) -> (Option<i32>, String, String) {
        let ran = Command::new(env!("CARGO_BIN_EXE_mlcube-ssh-config"))
            .args(self.text("args.txt").unwrap().lines())
            .current_dir(self.root())
            .env_clear()
            .env("HOME", self.home())
            .envs([
                ("MLC_HOST", "box-from-env"),
                ("MLC_EMPTY", ""),
                ("MLC_NUM", "12"),
                ("MLC_TOKEN", "t0"),
            ])
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (ran.status.code(), text(ran.stdout), text(ran.stderr))
    }

    /// What is wrong, if anything is.
    fn check(&self) -> Result<(), String> {
        let (status, stdout, stderr) = self.run();
        let said = self.text("stderr.txt").unwrap_or_default();
        // The hint of most mistakes is the place once more: a file of expectations holds the others.
        let is_hint = |line: &&str| line.contains(": hint: ");
        let without = || stderr.lines().filter(|line| !is_hint(line));
        let is_said = stderr == said || (!said.contains(": hint: ") && without().eq(said.lines()));
        if !is_said || (status == Some(125) && stderr.lines().filter(is_hint).count() != 1) {
            return Err(format!("it says\n  {stderr}instead of\n  {said}"));
        }
        let Some(expected) = self.text("expected.json") else {
            return if status == Some(125) && stdout.is_empty() {
                Ok(())
            } else {
                Err(format!("status {status:?}: {stdout}"))
            };
        };
        let document: Value =
            serde_json::from_str(&stdout).map_err(|error| format!("{error}: {stderr}"))?;
        let expected: Map<String, Value> = serde_json::from_str(&expected).unwrap();
        if document["config"].as_object() == Some(&expected) {
            Ok(())
        } else {
            Err(format!("it gives {}", document["config"]))
        }
    }
}

fn copy_below(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries.map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_below(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn cases() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/config/cases");
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).collect()
}

#[test]
fn every_case_gives_what_it_should() {
    let cases = cases();
    assert!(cases.len() > 80, "there are {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, folder)| {
            Case::new(folder).check().err().map(|problem| format!("{name}: {problem}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_deviation_is_a_case() {
    let cases = cases();
    for (name, why) in DEVIATIONS {
        assert!(cases.contains_key(name), "{name} ({why})");
    }
}

#[test]
fn the_files_stay_what_they_are() {
    let cases = cases();
    let case = Case::new(&cases["settings-empty"]);
    case.run();
    assert_eq!(fs::read(case.home().join("mlcube.yaml")).unwrap(), b"");
    let case = Case::new(&cases["defaults"]);
    case.run();
    assert_eq!(
        case.text("settings.yaml").unwrap(),
        fs::read_to_string(case.home().join("mlcube.yaml")).unwrap()
    );
}

/// What a cube of this text is resolved to.
fn resolved(folder: &Path, cube: &str) -> Result<config::Resolved, config::Error> {
    let settings = "platforms: {gpu1: {runner: ssh, host: mlbox, platform: docker, remote_root: r, \
                    interpreter: {type: system, python: python3, requirements: ''}}}";
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("settings.yaml"), settings).unwrap();
    fs::write(path("mlcube.yaml"), cube).unwrap();
    let request = Request {
        mlcube: path("mlcube.yaml"),
        settings: path("settings.yaml"),
        platform: "gpu1".to_owned(),
        working_directory: path(""),
        ..Request::default()
    };
    config::resolve(&request, &|_| None)
}

/// Text of all kinds, and of what means something in an interpolation.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,60}", "(\\$\\{|\\}|oc\\.env:|[a.\\[\\]',:\\\\ ]){0,30}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_in_a_cube_resolves_or_is_refused_on_one_line(text in text()) {
        let folder = TempDir::new().unwrap();
        let text = serde_json::to_string(&text).unwrap();
        let cube = format!("tasks: {{t: }}\nm: {{a: 1, b: [x]}}\nit: {text}\n");
        if let Err(error) = resolved(folder.path(), &cube) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}
