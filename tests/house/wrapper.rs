//! `scripts/mlcube-ssh`: the steps chained as `mlcube configure` and `mlcube run` would.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mlcube_ssh_harness::{Cube, Document, Scene, Task, eventually};
use rustix::process::Signal;

/// A scene, and a cube in it that is set up there by one `mlcube-ssh configure`.
fn configured(task: &Task) -> (Scene, Cube) {
    let scene = Scene::new();
    let cube = scene.cube("cube").task(task);
    scene.mlcube_ssh(&["configure", "--mlcube=cube", "--platform=gpu1"]).run().succeeds();
    (scene, cube)
}

fn counts() -> Task {
    Task::named("count").reads("data", "data.csv").writes("out", "out/")
}

/// Writes a result, then waits to be ended.
fn lingers() -> Task {
    Task::named("linger").writes("out", "out/").does(
        "echo half > $out/lines.txt; echo working; trap exit TERM; while :; do sleep 0.1; done",
    )
}

#[test]
fn a_run_shows_what_the_task_says_and_brings_back_what_it_made() {
    let scene = Scene::new();
    let task = counts().does("echo counting; echo aside >&2; wc -l < $data > $out/lines.txt");
    let cube = scene.cube("cube").task(&task).with_file("data.csv", "1\n2\n3\n");
    let configured = scene.mlcube_ssh(&["configure", "--mlcube=cube", "--platform=gpu1"]).run();
    assert_eq!(configured.succeeds().stdout, "", "nothing but a task writes to standard output");
    assert_eq!(scene.host.sshd.logins(), 1);

    let words = ["run", "--mlcube=cube", "--platform=gpu1", "--task=count", "--json=ran.json"];
    let ran = scene.mlcube_ssh(&words).run();
    assert_eq!(ran.succeeds().stdout, "counting\naside\n");
    assert_eq!(cube.result("out/lines.txt"), "3\n");
    assert_eq!(scene.host.sshd.logins(), 1, "the run uses the connection that is open");

    let file = scene.home().join("ran.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let document = Document::parse(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(document.at("/steps/exec/status"), 0);
    assert!(document.at("/steps/pull").is_object());
}

#[test]
fn a_failed_task_has_its_workspace_fetched_and_its_status_returned() {
    let (scene, cube) = configured(&counts().does("echo partial > $out/lines.txt; exit 7"));
    let cube = cube.with_file("data.csv", "");
    let words = ["run", "--mlcube=cube", "--platform=gpu1", "--json", "ran.json"];
    scene.mlcube_ssh(&words).run().exits(7);
    assert_eq!(cube.result("out/lines.txt"), "partial\n");
    let document = fs::read_to_string(scene.home().join("ran.json")).unwrap();
    let document = Document::parse(&document).unwrap();
    assert_eq!(document.at("/failed/kind"), "task");
    assert_eq!(document.at("/failed/status"), 7);
}

#[test]
fn what_standard_output_held_is_kept() {
    let (scene, _) = configured(&Task::named("greet").does("echo hello"));
    let line = "exec > log; echo before; mlcube-ssh run --mlcube=cube --platform=gpu1; echo after";
    scene.sh(line).run().succeeds();
    assert_eq!(fs::read_to_string(scene.home().join("log")).unwrap(), "before\nhello\nafter\n");
    let line = "mlcube-ssh run --mlcube=cube --platform=gpu1 --json=/dev/stdout > log";
    scene.sh(line).run().succeeds();
    let log = fs::read_to_string(scene.home().join("log")).unwrap();
    assert!(log.starts_with("hello\n{") && log.contains("mlcube-ssh/v1"), "{log}");
    let nobody_reads = "mlcube-ssh run --mlcube=cube --platform=gpu1";
    scene.sh(&format!("{nobody_reads} >&-")).run().succeeds();
    scene.sh(&format!("{{ {nobody_reads}; echo $? > status; }} | :")).run().succeeds();
    assert_eq!(fs::read_to_string(scene.home().join("status")).unwrap(), "0\n");
}

#[test]
fn without_push_and_pull_nothing_is_moved() {
    let (scene, cube) = configured(&counts().does("wc -l < $data > $out/lines.txt"));
    let cube = cube.with_file("data.csv", "1\n");
    scene.mlcube_ssh(&["run", "--mlcube=cube", "--platform=gpu1"]).run().succeeds();
    assert_eq!(cube.result("out/lines.txt"), "1\n");
    fs::remove_file(cube.workspace().join("out/lines.txt")).unwrap();
    let cube = cube.with_file("data.csv", "1\n2\n");

    let still = ["run", "--mlcube=cube", "--platform=gpu1", "--no-push", "--no-pull"];
    scene.mlcube_ssh(&still).run().succeeds();
    assert!(!cube.workspace().join("out/lines.txt").exists());
    scene.sh("mlcube-ssh config --mlcube=cube --platform=gpu1 | mlcube-ssh pull").run().succeeds();
    assert_eq!(cube.result("out/lines.txt"), "1\n", "the new data wasn't sent");
}

#[test]
fn an_error_of_the_first_step_is_one_line_and_contacts_nobody() {
    let scene = Scene::new();
    let _cube = scene.cube("cube").task(&Task::named("greet"));
    let here = ["--mlcube=cube", "--platform=gpu1"];
    for verb in ["configure", "run"] {
        scene
            .mlcube_ssh(&[verb, "--mlcube=cube", "--platform=nope"])
            .run()
            .exits(125)
            .complains(&["nope"]);
        let json = "--json=nowhere/ran.json";
        scene
            .mlcube_ssh(&[verb, here[0], here[1], json])
            .run()
            .exits(125)
            .complains(&["nowhere/ran.json"]);
    }
    scene
        .mlcube_ssh(&["run", here[0], here[1], "--task=nope"])
        .run()
        .exits(125)
        .complains(&["nope", "greet"]);
    scene.mlcube_ssh(&["frobnicate"]).run().exits(125).complains(&["frobnicate", "--help"]);
    scene.mlcube_ssh(&[]).run().exits(125).complains(&["--help"]);
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn a_dry_run_contacts_nobody_and_words_arrive_unchanged() {
    let scene = Scene::new();
    let odd = "a \"cube\" of $HOME; it's\ntwo lines";
    let cube = scene.cube(odd).task(&Task::named("greet"));
    let mlcube = format!("--mlcube={odd}");
    let words = ["run", "--dry-run", &mlcube, "--platform=gpu1", "--json=it's $HOME.json"];
    let ran = scene.mlcube_ssh(&words).run();
    assert_eq!(ran.succeeds().stdout, "");
    let text = fs::read_to_string(scene.home().join("it's $HOME.json")).unwrap();
    let file = cube.root().join("mlcube.yaml");
    assert_eq!(*Document::parse(&text).unwrap().at("/run/mlcube"), file.to_str().unwrap());
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn show_config_prints_yaml() {
    let scene = Scene::new();
    let _cube = scene.cube("cube").task(&Task::named("one")).task(&Task::named("two"));
    let words = ["show_config", "--resolve", "--mlcube=cube", "--platform=gpu1"];
    let shown = scene.mlcube_ssh(&words).run();
    assert!(shown.succeeds().stdout.contains("\nrunner:\n"), "{}", shown.stdout);
}

#[test]
fn ctrl_c_ends_the_job_and_says_what_fetches_its_results() {
    let (scene, cube) = configured(&lingers());
    let running = scene.mlcube_ssh(&["run", "--mlcube=cube", "--platform=gpu1"]).start();
    eventually("the task works", || running.stdout().contains("working"));
    running.ctrl_c();
    let ended = running.wait();
    ended.exits(130);
    assert!(scene.jobs().is_empty(), "{:?}", scene.jobs());
    assert_eq!(scene.host.running_containers(), Vec::<String>::new());
    assert!(!cube.workspace().join("out/lines.txt").exists(), "nothing is fetched after a signal");

    let line = ended
        .stderr
        .lines()
        .find_map(|line| line.split_once("to fetch what a started task wrote: "))
        .unwrap()
        .1;
    scene.sh(line).run().succeeds();
    assert_eq!(cube.result("out/lines.txt"), "half\n");
}

#[test]
fn ctrl_c_pressed_twice_returns_at_once() {
    let task = Task::named("linger").writes("out", "out/");
    let (scene, _) =
        configured(&task.does("trap '' TERM INT; echo working; while :; do sleep 0.1; done"));
    let mut running = scene.mlcube_ssh(&["run", "--mlcube=cube", "--platform=gpu1"]).start();
    eventually("the task works", || running.stdout().contains("working"));
    running.ctrl_c();
    running.says("another Ctrl-C returns at once");
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.ctrl_c();
    running.wait().exits(130).says("may still run");
    eventually("the first Ctrl-C ends it all the same", || scene.jobs().is_empty());
}

#[test]
fn a_signal_before_any_task_offers_no_results() {
    let scene = Scene::new();
    let _cube = scene.cube("cube").task(&lingers());
    // The signal comes when the step has done its work: staged by a script around the program itself.
    let program = scene.home().join("bin/mlcube-ssh-config");
    let real = fs::canonicalize(&program).unwrap();
    fs::remove_file(&program).unwrap();
    scene.has_program(
        "mlcube-ssh-config",
        &format!("{} \"$@\"; status=$?; kill -INT $PPID; exit $status", real.display()),
    );
    let ended = scene.mlcube_ssh(&["run", "--mlcube=cube", "--platform=gpu1"]).run();
    ended.exits(130).says("SIGINT ended the step config").never_says("started task");
}

#[test]
fn a_signal_to_the_wrapper_alone_ends_the_job_too() {
    let (scene, _) = configured(&lingers());
    for (signal, status) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let running = scene.mlcube_ssh(&["run", "--mlcube=cube", "--platform=gpu1"]).start();
        eventually("the task works", || running.stdout().contains("working"));
        running.signal(signal);
        running.wait().exits(status);
        assert!(scene.jobs().is_empty(), "after {signal:?}: {:?}", scene.jobs());
    }
}

#[test]
fn a_detached_run_is_asked_about_and_taken_up() {
    let task = counts().does("echo counting; echo 4 > $out/lines.txt; exit 3");
    let (scene, cube) = configured(&task);
    let _cube = cube.with_file("data.csv", "1\n");
    let here = ["--mlcube=cube", "--platform=gpu1"];
    let with = |verb: &str, more: &[&str]| {
        scene.mlcube_ssh(&[&[verb, here[0], here[1]], more].concat()).run()
    };
    let detached = with("run", &["--detach", "--json=ran.json"]);
    assert_eq!(detached.succeeds().stdout, "", "the task's output goes to its log");
    assert!(detached.stderr.contains("mlcube-ssh attach "), "{}", detached.stderr);
    let attached = with("attach", &[]);
    assert!(attached.exits(3).stdout.starts_with("counting\n"), "{}", attached.stdout);
    let cube = scene.home().join("cube/workspace/out/lines.txt");
    assert_eq!(fs::read_to_string(cube).unwrap(), "4\n", "attach fetches");
    assert!(with("status", &[]).succeeds().stdout.contains("\"finished\""));
    assert!(with("list", &[]).succeeds().stdout.contains("finished 3"));
    assert!(with("logs", &["--tail", "9"]).succeeds().stdout.starts_with("counting\n"));
    assert!(with("stop", &["--grace=1"]).succeeds().stdout.contains("\"finished\""));
    with("logs", &["--job=$(id)"]).exits(125).complains(&["$(id)"]);
}

#[test]
fn push_and_run_are_refused_while_a_job_holds_the_workspace() {
    let (scene, cube) = configured(&lingers());
    let here = ["--mlcube=cube", "--platform=gpu1"];
    scene.mlcube_ssh(&["run", here[0], here[1], "--detach"]).run().succeeds();
    let logs = scene.mlcube_ssh(&["logs", here[0], here[1], "-f"]).start();
    eventually("the task works", || logs.stdout().contains("working"));
    let second = scene.mlcube_ssh(&["run", here[0], here[1]]).run();
    second.exits(125).complains(&["mlcube-ssh-exec", "attach", "stop", "--wait"]);
    let _changed = cube.with_file("more", "x");
    let second = scene.mlcube_ssh(&["run", here[0], here[1]]).run();
    second.exits(125).complains(&["mlcube-ssh-push", "attach", "stop", "--wait"]);
    let waits = scene.mlcube_ssh(&["run", here[0], here[1], "--wait", "--detach"]).start();
    eventually("it waits", || waits.stderr().contains("waiting: the workspace on"));
    let stop = second.stderr.split('`').find(|text| text.contains(" stop ")).unwrap().to_owned();
    scene.sh(&stop).run().succeeds();
    waits.wait().succeeds();
    scene.mlcube_ssh(&["stop", here[0], here[1], "--force"]).run().succeeds();
    assert!(scene.jobs().is_empty(), "{:?}", scene.jobs());
}

#[test]
fn the_words_of_mlcube_that_only_look() {
    let scene = Scene::new();
    let train = Task::named("train").reads("data", "data.csv").writes("model", "model/");
    let cube = scene.cube("a cube").task(&train);
    let words = ["--mlcube=a cube", "--platform=gpu1"];
    let described = scene.mlcube_ssh(&[&["describe"], &words[..]].concat()).run();
    let file = cube.root().join("mlcube.yaml");
    let run =
        format!("  mlcube-ssh run '--mlcube={}' --platform=gpu1 --task=train\n", file.display());
    let stdout = &described.succeeds().is_silent().stdout;
    assert!(stdout.contains("    name = train, inputs = data, outputs = model\n"), "{stdout}");
    assert!(stdout.ends_with(&run), "{stdout}");
    let inspected = scene.mlcube_ssh(&[&["inspect"], &words[..]].concat()).run();
    let config: serde_json::Value = serde_json::from_str(&inspected.succeeds().stdout).unwrap();
    assert_eq!(&config, scene.document(&cube, &[]).at("/config"));
}

#[test]
fn the_log_level_of_mlcube_may_stand_before_the_verb() {
    let scene = Scene::new();
    let _cube = scene.cube("cube").task(&Task::named("train"));
    let dry_run = ["--dry-run", "--mlcube=cube", "--platform=gpu1"];
    for level in [&["--log-level=error"][..], &["--log-level", "info"], &["--log_level=WARNING"]] {
        scene.mlcube_ssh(&[level, &["run"], &dry_run[..]].concat()).run().succeeds();
    }
    scene.mlcube_ssh(&["--log-level=loud", "run"]).run().exits(125).complains(&["loud", "info"]);
    scene.mlcube_ssh(&["run", "--log-level=info"]).run().exits(125).complains(&["before the verb"]);
    scene.mlcube_ssh(&["--log-level"]).run().exits(125).complains(&["--log-level needs a value"]);
}

#[test]
fn what_it_says_moves_nothing_on_a_terminal() {
    let scene = Scene::new();
    let odd = "a\u{1b}]0;t\u{7}\u{7f}\u{9b}1m\u{202e}b\n";
    for words in [&[odd][..], &["run", "--wait", "--json", odd], &["logs", "--tail", odd]] {
        let ran = scene.mlcube_ssh(words).args(["--json=no/where"]).run();
        assert_eq!(ran.status, 125, "{ran}");
        let dirty = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!ran.stderr.contains(dirty), "{}", ran.stderr.escape_debug());
    }
    let refused = scene.mlcube_ssh(&["logs", "--tail", odd]).run();
    assert!(refused.stderr.contains("--tail: 'a?]0;t???1m?b?'"), "{refused}");
}
