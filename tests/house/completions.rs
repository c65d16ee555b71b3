//! What Tab completes in bash, zsh and fish, each at a terminal.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::Path;

use mlcube_ssh_harness::{Running, Scene, Task, eventually, repository};

/// What is typed, with Tab as `\t`, and the words that the command gets.
const TYPED: [(&str, &[&str]); 16] = [
    ("mlcube-ssh configu\t", &["configure"]),
    ("mlcube-ssh atta\t", &["attach"]),
    ("mlcube-ssh run --deta\t", &["run", "--detach"]),
    ("mlcube-ssh run --platform=g\t", &["run", "--platform=gpu1"]),
    ("mlcube-ssh run --platf\tg\t", &["run", "--platform=gpu1"]),
    ("mlcube-ssh run --platform g\t", &["run", "--platform", "gpu1"]),
    ("mlcube-ssh run --mlcube=cube --task=tr\t", &["run", "--mlcube=cube", "--task=train"]),
    (
        "mlcube-ssh run --mlcube=cube --task=train,ev\t",
        &["run", "--mlcube=cube", "--task=train,evaluate"],
    ),
    ("mlcube-ssh run --mlcube=cube --task=odd\t", &["run", "--mlcube=cube", "--task=odd one"]),
    // Only the host knows the jobs, and no file is one.
    ("mlcube-ssh stop --job=\t", &["stop", "--job="]),
    ("mlcube-ssh stop --job=cu\t", &["stop", "--job=cu"]),
    ("mlcube-ssh run --mlcube=cu\t", &["run", "--mlcube=cube"]),
    ("mlcube-ssh clean --yes=jobs,tr\t", &["clean", "--yes=jobs,tree"]),
    ("mlcube-ssh push --overw\t", &["push", "--overwrite"]),
    ("mlcube-ssh-exec clean --yes=environ\t", &["exec:", "clean", "--yes=environment"]),
    ("mlcube-ssh-config --platform=g\t", &["config:", "--platform=gpu1"]),
];

/// What is typed where the settings file and the cube's are pipes without a writer: nobody waits for one.
const TYPED_AT_PIPES: [(&str, &[&str]); 2] = [
    ("mlcube-ssh run --platform=g\t", &["run", "--platform=g"]),
    ("mlcube-ssh run --mlcube=piped --task=tr\t", &["run", "--mlcube=piped", "--task=tr"]),
];

/// Names of tasks with which a stranger's cube would run a command, if a shell took them for more than a name. The
/// character in the first two is none that a shell prints, and `é` isn't where `LC_ALL` is C.
const HOSTILE: [&str; 5] =
    ["x\u{378}$(touch ran)", "yé`touch ran`", "w;touch ran;", "v';touch ran;'", "u\";touch ran;\""];

/// The quotes that are typed before a name and behind Tab.
const QUOTES: [(&str, &str); 3] = [("", ""), ("\"", "\""), ("'", "'")];

/// A user's home with a cube, the generated completions, and a settings file with two platforms.
fn scene() -> Scene {
    let scene = Scene::new();
    let cube = scene.cube("cube").task(&Task::named("train")).task(&Task::named("evaluate"));
    let file = cube.root().join("mlcube.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let mut written: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in ["odd one"].iter().chain(&HOSTILE) {
        written["tasks"][name] = serde_json::json!({});
    }
    fs::write(&file, written.to_string()).unwrap();
    scene.sh("mkdir piped; mkfifo pipe piped/mlcube.yaml").run().succeeds();
    let generate = repository().join("scripts/generate");
    let bin = format!("--bin={}", scene.home().join("bin").display());
    scene.invocation(&generate).args([&bin, "share"]).run().succeeds();
    scene
}

/// What stands in for the programs when a typed line runs: they note their words. Completions ask the real ones.
fn noted(function: impl Fn(&str, &str) -> String) -> String {
    let programs =
        [("mlcube-ssh", ""), ("mlcube-ssh-exec", "exec:"), ("mlcube-ssh-config", "config:")];
    programs.map(|(program, first)| function(program, first)).concat()
}

/// Types every line into a shell, and compares what the commands get.
fn completes(scene: &Scene, shell: &str) {
    let mut terminal = scene.sh_at_a_terminal(shell).env("TERM", "xterm").listens().start();
    let noted = scene.home().join("noted");
    fs::write(&noted, "").unwrap();
    for (at, (keys, words)) in TYPED.iter().enumerate() {
        becomes(&mut terminal, &noted, at + 1, keys, words);
    }
    // Where there are several, they are shown.
    let before = terminal.stdout().len();
    terminal.types("mlcube-ssh run --platform=\t\t");
    eventually("the platforms are shown", || {
        let shown = terminal.stdout()[before..].to_owned();
        shown.contains("gpu1") && shown.contains("docker")
    });
    // Ctrl-U removes the line.
    terminal.types("\u{15}export MLCUBE_SYSTEM_SETTINGS=$HOME/pipe\r");
    for (at, (keys, words)) in TYPED_AT_PIPES.iter().enumerate() {
        becomes(&mut terminal, &noted, TYPED.len() + at + 1, keys, words);
    }
    terminal.kill_all();
    assert_eq!(scene.host.sshd.logins(), 0, "no completion connects");
}

/// Types a line, the one of this number, and compares what its command gets.
fn becomes(terminal: &mut Running, noted: &Path, number: usize, keys: &str, words: &[&str]) {
    terminal.types(&format!("{keys}\r"));
    ends(terminal, noted, number);
    let all = fs::read_to_string(noted).unwrap();
    let last = all.split_terminator("end\n").last().unwrap();
    // zsh takes the slash of a folder away again when the line runs.
    let got = last.lines().map(|word| word.trim_end_matches('/'));
    let got: Vec<&str> = got.filter(|word| !word.is_empty()).collect();
    assert_eq!(got, words, "{keys:?}; on the screen:\n{}", terminal.stdout());
}

/// Waits until so many lines have run.
fn ends(terminal: &mut Running, noted: &Path, lines: usize) {
    eventually("the typed line runs", || {
        let ran = fs::read_to_string(noted).unwrap().matches("end\n").count();
        assert!(!terminal.has_ended(), "the shell has ended:\n{}", terminal.stdout());
        ran == lines
    });
}

/// Types the beginning of every hostile name, bare and in quotes, and runs the line: nothing else runs.
fn runs_no_name(scene: &Scene, shell: &str, quotes: &[(&str, &str)], locale: &str) {
    let noted = scene.home().join("noted");
    for (open, close) in quotes {
        for name in HOSTILE {
            fs::write(&noted, "").unwrap();
            let terminal = scene.sh_at_a_terminal(shell).env("TERM", "xterm").env("LC_ALL", locale);
            let mut terminal = terminal.listens().start();
            let first = &name[..1];
            for option in ["--task ", "--task="] {
                let lines = fs::read_to_string(&noted).unwrap().matches("end\n").count();
                terminal.types(&format!(
                    "mlcube-ssh run --mlcube=cube {option}{open}{first}\t{close}\r"
                ));
                ends(&mut terminal, &noted, lines + 1);
            }
            let ran = scene.home().join("ran").exists();
            assert!(!ran, "{name:?} after {open:?} in {shell}:\n{}", terminal.stdout());
            terminal.kill_all();
        }
    }
}

#[test]
fn in_bash() {
    let scene = scene();
    let functions = noted(|program, first| {
        format!("{program}() {{ printf '%s\\n' {first} \"$@\" end >> ~/noted; }}\n")
    });
    let load = "for file in ~/share/bash-completion/completions/*; do . \"$file\"; done\n";
    fs::write(scene.home().join("rc"), format!("{load}{functions}")).unwrap();
    completes(&scene, "bash --rcfile rc -i");
    for locale in ["C.UTF-8", "C"] {
        runs_no_name(&scene, "bash --rcfile rc -i", &QUOTES, locale);
    }
}

#[test]
fn in_zsh() {
    let scene = scene();
    let functions = noted(|program, first| {
        format!("{program}() {{ printf '%s\\n' {first} \"$@\" end >> ~/noted; }}\n")
    });
    let load =
        "fpath=(~/share/zsh/site-functions $fpath)\nautoload -U compinit && compinit -u -D\n";
    fs::write(scene.home().join(".zshrc"), format!("{load}{functions}")).unwrap();
    completes(&scene, "zsh --no-globalrcs -i");
    runs_no_name(&scene, "zsh --no-globalrcs -i", &QUOTES[..1], "C.UTF-8");
}

#[test]
fn in_fish() {
    let scene = scene();
    let functions = noted(|program, first| {
        format!("function {program}; printf '%s\\n' {first} $argv end >> ~/noted; end\n")
    });
    let load = "set --prepend fish_complete_path ~/share/fish/vendor_completions.d\n";
    let folder = scene.home().join(".config/fish");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.fish"), format!("{load}{functions}")).unwrap();
    completes(&scene, "fish --interactive");
    runs_no_name(&scene, "fish --interactive", &QUOTES[..1], "C.UTF-8");
}
