//! What users see: the files in `tests/snapshots` hold command lines and what they print, and read as documents.
//!
//! Each line that starts with `$ ` in a `console` block is run by sh in the home folder of a [`Scene`]; what it writes
//! (standard output and standard error, in the order of a terminal) and its status, unless it is 0, must be what the
//! file shows. What differs from run to run is shown as a placeholder (`[HOME]`, `[PORT]`, `[ID]`, …).
//!
//! A new case is a new `$ ` line. To write what the commands print now into the files, and then read the diff:
//!
//! ```sh
//! SNAPSHOTS=overwrite cargo test -p mlcube-ssh-harness --test snapshots
//! git diff tests/snapshots
//! ```
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh_harness::{Engine, Invocation, Python, Scene, Task, repository};
use regex::Regex;
use snapbox::{Assert, Data, Redactions};

/// What differs from run to run, by its form; and what a reader wouldn't read: remote scripts, and ssh's options.
const FORMS: [(&str, &str); 19] = [
    ("[SCRIPT]", r"(?s)<<'MLCUBE_SSH_END'\n(?<redacted>mlcube-ssh [0-9]+\n.*?)\nMLCUBE_SSH_END"),
    ("[OPTIONS]", r"\bssh (?<redacted>(-o ('\\''[^']*'\\''|'[^']*'|[^\s']+) ?)+)"),
    ("[ID]", r"\b[0-9]{13}-[0-9a-f]{12}\b"),
    ("[ID]", r"\b[0-9]{10}\.[0-9]{9}-[0-9a-f]+\b"),
    ("[ID]", r"(?m)^(?<redacted>[0-9a-f]{6}) (finished|running) "),
    ("[DURATION]", r"\b(?<redacted>[0-9]+ (s|min)) ago\b"),
    ("[DURATION]", r" ago (?<redacted>[0-9]+ (s|min)( [0-9]+ s)?) "),
    ("[TIME]", r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?Z?\b"),
    ("[TIME]", r#""(started|opened|modified)":(?<redacted>[0-9]+)"#),
    ("[SECONDS]", r#""seconds":(?<redacted>[0-9]+)"#),
    ("[HASH]", r"\b[0-9a-f]{16}([0-9a-f]{16})*\b"),
    ("[KEY]", r"SHA256:[A-Za-z0-9+/]{43}"),
    ("[SIZE]", r"\b(?<redacted>[0-9]+(\.[0-9]+)? [kMGT]i?B)\b"),
    ("[SIZE]", r"\b(?<redacted>[0-9]+ bytes) over the link"),
    ("[SIZE]", r#""bytes":(?<redacted>[0-9]+)"#),
    ("[USER]", r"\b(?<redacted>uid[0-9]+)@"),
    ("[USER]", r"\b(?<redacted>[a-z0-9_-]+)@127\.0\.0\.1: "),
    ("[RANDOM]", r"mlcube-ssh\.(?<redacted>[A-Za-z0-9]{6})\b"),
    ("[VERSION]", concat!("\\b", env!("CARGO_PKG_VERSION"), "\\b")),
];

/// Runs every command of `tests/snapshots/NAME.md` and compares the file with what they print.
#[track_caller]
fn shows(name: &str, scene: &Scene) {
    let path = repository().join("tests/snapshots").join(name).with_extension("md");
    let redactions = redactions(scene);
    let actual = replayed(&fs::read_to_string(&path).unwrap(), |command| {
        let ran = terminal(scene, command).run();
        assert!(!ran.stdout.lines().any(is_special), "this would be read as a command: {ran}");
        let status =
            if ran.status == 0 { String::new() } else { format!("[status {}]\n", ran.status) };
        let output = redactions.redact(&ran.stdout) + &status;
        // clap ends some lines with blanks.
        output.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
    });
    // Raw: the brackets of a usage line are no patterns.
    Assert::new().action_env("SNAPSHOTS").eq(actual, Data::read_from(&path, None).raw());
}

/// A command of a snapshot. A terminal's width decides where a help text is wrapped.
fn terminal(scene: &Scene, command: &str) -> Invocation {
    let host = scene.host.folder();
    scene.sh(&format!("exec 2>&1\n{command}")).env("COLUMNS", "100").env("REMOTE", host)
}

/// The text with the output below each command replaced by what `run` returns for it.
fn replayed(text: &str, run: impl Fn(&str) -> String) -> String {
    let mut replayed = String::new();
    let mut is_console = false;
    for line in text.lines() {
        is_console = if is_console { line != "```" } else { line == "```console" };
        let command = line.strip_prefix("$ ").filter(|_| is_console);
        if !is_console || is_special(line) {
            replayed.extend([line, "\n"]);
        }
        replayed += &command.map(&run).unwrap_or_default();
    }
    replayed
}

/// Whether a line in a block is no output: its first, its last, or a command.
fn is_special(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("$ ")
}

fn redactions(scene: &Scene) -> Redactions {
    let mut redactions = Redactions::new();
    for (placeholder, folder) in [
        ("[HOME]", scene.home()),
        ("[REMOTE]", scene.host.folder()),
        ("[PYTHON]", &Python::with_mlcube()),
    ] {
        redactions.insert(placeholder, folder.display().to_string()).unwrap();
    }
    let machine = regex::escape(&rustix::system::uname().nodename().to_string_lossy());
    let port = scene.host.sshd.port();
    for (placeholder, form) in [
        // Where it is meant: a machine may be called `test`.
        ("[MACHINE]", format!(r#"(@|from |belongs to |"host":")(?<redacted>{machine})\b"#)),
        ("[PORT]", format!(r"\b{port}\b")),
    ] {
        redactions.insert(placeholder, Regex::new(&form).unwrap()).unwrap();
    }
    for (placeholder, form) in FORMS {
        redactions.insert(placeholder, Regex::new(form).unwrap()).unwrap();
    }
    redactions
}

/// A scene whose host is called `gpu1.lan`, with the cube `cube`. Its container engine is a small script, which runs
/// `$REMOTE/task` (sh) in place of a container.
fn with_a_cube() -> Scene {
    let mut scene = Scene::new();
    let config = scene.home().join(".ssh/config");
    let renamed = fs::read_to_string(&config).unwrap().replace("Host there", "Host gpu1.lan");
    fs::write(config, renamed).unwrap();
    scene.set("/host", "gpu1.lan");
    let engine = Engine::installed_on(&scene.host, "docker");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    engine.runs(". \"$folder/../task\"");
    let train = Task::named("train").reads("data", "data.csv").writes("model", "model/");
    let evaluate = Task::named("evaluate").reads("model", "model/");
    let cube = scene.cube("cube").task(&train).task(&evaluate);
    let _cube = cube.with_file("data.csv", "1,2\n");
    scene
}

#[test]
fn help() {
    shows("help", &Scene::new());
}

#[test]
fn command_lines() {
    shows("command-lines", &with_a_cube());
}

#[test]
fn configuration() {
    shows("configuration", &with_a_cube());
}

#[test]
fn documents() {
    shows("documents", &with_a_cube());
}

#[test]
fn dry_runs() {
    shows("dry-runs", &with_a_cube());
}

#[test]
fn logins() {
    shows("logins", &with_a_cube());
}

#[test]
fn runs() {
    shows("runs", &with_a_cube());
}

#[test]
fn transfers() {
    shows("transfers", &with_a_cube());
}

#[test]
fn remote_errors() {
    shows("remote-errors", &with_a_cube());
}
