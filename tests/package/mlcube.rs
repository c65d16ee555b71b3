//! `mlcube configure` and `mlcube run` on a remote machine, with the real mlcube and the wheel: the output, the status
//! and the signals are those of mlcube-ssh.

use std::fs;

use mlcube_ssh_harness::{Engine, Scene, Task, eventually};
use rustix::process::Signal;

use crate::user::{RELEASES, User};

#[test]
fn a_cube_is_configured_and_several_tasks_run() {
    for release in RELEASES {
        let user = User::with(Scene::new(), release);
        let train = Task::named("train").reads("data", "data.csv").writes("model", "model/");
        let train = train.does("echo training; echo aside >&2; wc -l < $data > $model/lines");
        let evaluate =
            Task::named("evaluate").reads("model", "model/").writes("score", "score.txt");
        let evaluate = evaluate.does("echo evaluating; cat $model/lines > $score");
        let cube = user.scene.cube("cube").task(&train).task(&evaluate);
        let cube = cube.with_file("other.csv", "1\n2\n").with_file("data.csv", "");

        let configured = user.mlcube(&["configure", "--mlcube=cube", "--platform=gpu1"]).run();
        assert_eq!(configured.succeeds().stdout, "", "{configured}");
        configured.never_says("Traceback").says("mlcube-ssh-push: sent");

        let run = ["run", "--mlcube=cube", "--platform=gpu1", "--task=train,evaluate"];
        let ran = user.mlcube(&run).args(["data=other.csv", "score=other.txt"]).run();
        assert_eq!(ran.succeeds().stdout, "training\naside\nevaluating\n", "{ran}");
        ran.never_says("Traceback").says("mlcube-ssh-pull: fetched");
        assert_eq!(cube.result("other.txt"), "2\n");
        assert_eq!(user.scene.host.sshd.logins(), 1);
    }
}

#[test]
fn overrides_engine_options_and_another_workspace_reach_the_task() {
    let mut user = User::new();
    let engine = Engine::installed_on(&user.scene.host, "engine");
    let remote =
        serde_json::json!({"runner": "docker", "docker": "engine", "build_strategy": "auto"});
    user.scene.set("/remote", remote);
    let cube = user.scene.cube("cube").task(&Task::named("train").reads("data", "data.csv"));
    fs::create_dir(user.scene.home().join("elsewhere")).unwrap();
    fs::write(user.scene.home().join("elsewhere/data.csv"), "1\n").unwrap();
    let place = ["--mlcube=cube", "--platform=gpu1"];
    user.mlcube(&["configure"]).args(place).args(["-P", "docker.image=a/hello:2"]).run().succeeds();
    // Without `--`: mlcube 0.0.9 itself would find `-h` in the word.
    let ran = user.mlcube(&["run"]).args(place).args(["-Pdocker.image=a/hello:2", "--gpus=2"]);
    ran.args(["--memory=1g", "--network=none", "--workspace=elsewhere"]).run().succeeds();
    let words = engine.run_call().join(" ");
    for expected in ["a/hello:2", "--gpus=2", "--memory=1g", "--network=none", "data.csv"] {
        assert!(words.contains(expected), "{words}");
    }
    assert!(!cube.workspace().join("data.csv").exists());
    let sent = user.scene.host.remote_root();
    let found = mlcube_ssh_harness::files_below(&sent);
    assert!(found.iter().any(|path| path.ends_with("data.csv")), "{found:?}");
}

#[test]
fn the_status_is_the_tasks_and_faults_are_told_without_a_traceback() {
    for release in RELEASES {
        let mut user = User::with(Scene::new(), release);
        let task = Task::named("train").writes("log", "log.txt").does("echo half > $log; exit 7");
        let cube = user.scene.cube("cube").task(&task);
        let place = ["--mlcube=cube", "--platform=gpu1"];
        user.mlcube(&["configure"]).args(place).run().succeeds();
        let failed = user.mlcube(&["run"]).args(place).run();
        failed.exits(7).never_says("Traceback").never_says("run failed");
        assert_eq!(cube.result("log.txt"), "half\n");

        let unknown = user.mlcube(&["run", "--task=fly"]).args(place).run();
        unknown.exits(125).complains(&["fly"]);
        user.scene.set("/host", "");
        user.mlcube(&["configure"]).args(place).run().exits(125).complains(&["host"]);
        user.scene.set("/host", "nowhere.invalid");
        user.mlcube(&["configure"]).args(place).run().exits(255).complains(&["nowhere.invalid"]);
    }
}

#[test]
fn ctrl_c_and_sigterm_end_the_remote_job() {
    let user = User::new();
    let task = Task::named("train").writes("log", "log.txt");
    let task =
        task.does("echo half > $log; echo working; trap exit TERM; while :; do sleep 0.1; done");
    let _cube = user.scene.cube("cube").task(&task);
    let place = ["--mlcube=cube", "--platform=gpu1"];
    user.mlcube(&["configure"]).args(place).run().succeeds();
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let run = user.mlcube(&["run"]).args(place).start();
        eventually("the task", || run.stdout().contains("working"));
        if signal == Signal::INT {
            run.ctrl_c();
        } else {
            run.signal(signal);
        }
        let ended = run.wait();
        ended.exits(status).never_says("Traceback").never_says("Aborted");
        assert!(user.scene.host.running_containers().is_empty(), "{ended}");
    }
}

#[test]
fn a_users_comments_stay_in_the_settings_file() {
    let user = User::new();
    let _cube = user.scene.cube("cube").task(&Task::named("greet").does("echo hello"));
    let text = fs::read_to_string(user.scene.settings_file()).unwrap();
    // With the sections that mlcube would add.
    let text = text.trim_end().strip_suffix('}').unwrap().to_owned();
    let text = format!("# my machines\n{text}, \"storage\": {{}}}}\n");
    fs::write(user.scene.settings_file(), &text).unwrap();
    for command in ["configure", "run"] {
        user.mlcube(&[command, "--mlcube=cube", "--platform=gpu1"]).run().succeeds();
    }
    assert_eq!(fs::read_to_string(user.scene.settings_file()).unwrap(), text);
}
