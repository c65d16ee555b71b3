//! `scripts/mlcube-ssh.mk`: what make redoes, and what it leaves alone.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use mlcube_ssh_harness::{Cube, Outcome, Scene, Task, eventually, repository};

/// A user's project: a cube `cube`, and a Makefile that includes the rules.
struct Project {
    scene: Scene,
    cube: Cube,
}

impl Project {
    fn with(task: &Task) -> Project {
        let scene = Scene::new();
        let cube = scene.cube("cube").task(task).with_file("data.csv", "1\n");
        let rules = repository().join("scripts/mlcube-ssh.mk");
        let makefile = format!(
            "MLCUBE = cube\nMLCUBE_PLATFORM = gpu1\nreport: mlcube-pull\n\tcp cube/workspace/out/lines.txt $@\ninclude {}\n",
            rules.display()
        );
        fs::write(scene.home().join("Makefile"), makefile).unwrap();
        Project { scene, cube }
    }

    fn make(&self, words: &[&str]) -> Outcome {
        self.scene.sh(r#"exec make "$@""#).arg("make").args(words).run()
    }

    /// What a step wrote. There is one folder below the user's state folder for each cube with a Makefile.
    fn state(&self, step: &str) -> PathBuf {
        let cubes = self.scene.home().join(".local/state/mlcube-ssh/make");
        let mut cubes: Vec<_> =
            fs::read_dir(cubes).unwrap().map(|cube| cube.unwrap().path()).collect();
        assert_eq!(cubes.len(), 1, "{cubes:?}");
        cubes.remove(0).join(format!("gpu1/{step}.json"))
    }

    fn has(&self, step: &str) -> bool {
        self.state(step).exists()
    }
}

fn counts(body: &str) -> Task {
    Task::named("count").reads("data", "data.csv").writes("out", "out/").does(body)
}

/// The steps that make ran, by what it printed of them.
fn steps(outcome: &Outcome) -> Vec<&'static str> {
    let begins =
        |line: &&str| line.contains("mlcube-ssh ") && !line.starts_with(char::is_whitespace);
    let lines = outcome.stdout.lines().filter(begins);
    let ran = lines.map(|line| {
        [
            "interp",
            "push --if-changed",
            "push",
            "exec configure --if-changed",
            "exec configure",
            "exec run",
            "pull",
        ]
        .into_iter()
        .find(|step| line.contains(&format!("mlcube-ssh {step} ")))
        .unwrap_or("config")
    });
    ran.collect()
}

const ALL: [&str; 6] = ["config", "interp", "push", "exec configure", "exec run", "pull"];
const NOTHING: [&str; 2] = ["config", "push --if-changed"];

#[test]
fn a_step_is_redone_when_what_it_depends_on_changed() {
    let project = Project::with(&counts("echo counted; wc -l < $data > $out/lines.txt"));
    assert_eq!(steps(project.make(&["report"]).succeeds()), ALL);
    assert_eq!(fs::read_to_string(project.scene.home().join("report")).unwrap(), "1\n");
    assert_eq!(steps(project.make(&["mlcube-pull"]).succeeds()), NOTHING);

    fs::write(project.cube.workspace().join("data.csv"), "1\n2\n").unwrap();
    let data = ["config", "push --if-changed", "exec configure --if-changed", "exec run", "pull"];
    assert_eq!(steps(project.make(&["mlcube-pull"]).succeeds()), data);
    assert_eq!(project.cube.result("out/lines.txt"), "2\n");
    assert_eq!(steps(project.make(&["mlcube-pull"]).succeeds()), NOTHING);

    project.cube.now_does("count", "echo recounted; wc -l < $data > $out/lines.txt");
    let ran = project.make(&["mlcube-run"]);
    assert!(ran.succeeds().stdout.contains("recounted"), "the image was made anew\n{}", ran.stderr);

    let argument = "MLCUBE_ARGS=out='other folder/'";
    let _refused = project.make(&["mlcube-config", argument]);
    let argument = "MLCUBE_ARGS=out=other/";
    assert_eq!(steps(project.make(&["mlcube-pull", argument]).succeeds()), ALL);
    assert_eq!(project.cube.result("other/lines.txt"), "2\n");
    assert_eq!(steps(project.make(&["mlcube-pull", argument]).succeeds()), NOTHING);
}

#[test]
fn what_makes_no_file_is_done_every_time() {
    let project = Project::with(&counts(":"));
    let logins = || project.scene.host.sshd.logins();
    for _ in 0..2 {
        project.make(&["mlcube-login"]).succeeds();
    }
    assert_eq!(logins(), 1);
    let told = project.make(&["mlcube-doctor-gpu1", "MLCUBE_PLATFORM="]);
    assert!(told.succeeds().stdout.contains("\nok    login "), "{told}");
    let told = project.make(&["mlcube-doctor", "MLCUBE_ARGS=-Prunner.persist=soon"]);
    assert!(told.exits(2).stdout.contains("\nfail  configuration "), "{told}");
    project.make(&["mlcube-logout"]).succeeds().says("closed the connection");
    project.make(&["mlcube-login"]).succeeds();
    assert_eq!(logins(), 2);
    project.make(&["mlcube-login", "MLCUBE_PLATFORM="]).exits(2).says("MLCUBE_PLATFORM is empty");
}

#[test]
fn after_a_failed_run_the_pull_alone_fetches_and_only_the_run_is_repeated() {
    let project =
        Project::with(&counts("echo part > $out/lines.txt; test -e /mlcube_io0/ready || exit 7"));
    let failed = project.make(&["mlcube-pull"]);
    failed.exits(2).says("Error 7");
    assert!(!project.has("run") && !project.has("pull") && project.has("configure"));
    assert!(!project.cube.workspace().join("out/lines.txt").exists());

    let fetched = project.make(&["mlcube-pull"]);
    assert_eq!(
        steps(fetched.exits(2)),
        ["pull"],
        "no other run, and the task's failure isn't forgotten"
    );
    assert_eq!(project.cube.result("out/lines.txt"), "part\n");
    assert!(!project.has("run") && !project.has("pull"));

    fs::write(project.cube.workspace().join("ready"), "").unwrap();
    project.make(&["mlcube-run", "mlcube-pull"]).succeeds();
    assert!(project.has("run") && project.has("pull") && !project.has("unfinished"));
}

#[test]
fn a_step_that_failed_is_not_taken_for_done() {
    let project = Project::with(&counts("wc -l < $data > $out/lines.txt"));
    project.cube.has_dockerfile("FROM scratch\nCOPY nothing /nothing\n");
    project.make(&["mlcube-configure"]).exits(2);
    assert!(project.has("push") && !project.has("configure"));
    project.make(&["mlcube-configure"]).exits(2);
    let entry = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY entry /entry\nCOPY tasks /tasks\nENTRYPOINT [\"/entry\"]\n";
    project.cube.has_dockerfile(entry);
    project.make(&["mlcube-run"]).succeeds();
}

#[test]
fn a_run_that_was_cut_off_can_be_fetched_and_is_repeated() {
    let project = Project::with(&counts(
        "echo half > $out/lines.txt; echo working; trap exit TERM; while :; do sleep 0.1; done",
    ));
    let running = project.scene.sh("exec make mlcube-run").start();
    eventually("the task works", || running.stdout().contains("\nworking\n"));
    running.ctrl_c();
    let _make_died_of_it = running.wait();
    assert!(project.scene.jobs().is_empty(), "{:?}", project.scene.jobs());
    assert!(!project.has("run"));

    let fetched = project.make(&["mlcube-pull"]);
    assert_eq!(steps(fetched.exits(2)), ["pull"]);
    assert_eq!(project.cube.result("out/lines.txt"), "half\n");
    assert!(!project.has("pull"));
}

#[test]
fn several_platforms_run_in_parallel() {
    let project = Project::with(&counts("wc -l < $data > $out/lines.txt"));
    let settings = fs::read_to_string(project.scene.settings_file()).unwrap();
    let mut settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
    settings["platforms"]["gpu2"] = settings["platforms"]["gpu1"].clone();
    settings["platforms"]["gpu2"]["remote_name"] = "second".into();
    fs::write(project.scene.settings_file(), settings.to_string()).unwrap();

    project.make(&["-j4", "mlcube-run", "MLCUBE_PLATFORM=gpu1 gpu2"]).succeeds();
    assert!(project.has("run"));
    assert!(project.state("run").parent().unwrap().with_file_name("gpu2/run.json").exists());
    assert_eq!(project.scene.host.sshd.logins(), 1);
    assert_eq!(steps(project.make(&["mlcube-run-gpu2"]).succeeds()), NOTHING);
}

#[test]
fn the_targets_can_be_named_otherwise_and_a_missing_platform_is_said() {
    let project = Project::with(&counts("wc -l < $data > $out/lines.txt"));
    project.make(&["MLCUBE_PREFIX=cube.", "cube.config"]).succeeds();
    assert!(project.has("config"));
    project.make(&["mlcube-config", "MLCUBE_PLATFORM="]).exits(2).says("MLCUBE_PLATFORM is empty");
    assert_eq!(project.scene.host.sshd.logins(), 0);
}

/// An archive keeps times, git keeps names and links, and this is the folder where make once kept its state.
#[test]
fn nothing_that_a_cube_brought_is_believed_run_or_written_through() {
    let project = Project::with(&counts("echo 1 > $out/lines.txt"));
    let home = project.scene.home();
    let beside = home.join(".mlcube-ssh/gpu1");
    fs::create_dir_all(&beside).unwrap();
    fs::write(home.join("profile"), "mine").unwrap();
    std::os::unix::fs::symlink("../../profile", beside.join("config.json.new")).unwrap();
    let planted = project.scene.document(&project.cube, &["--task=count"]);
    let planted = planted.with("/run/env", vec!["SECRET"]).with("/seal", serde_json::Value::Null);
    let later = std::time::SystemTime::now() + Duration::from_secs(1_000_000);
    for step in ["interp", "push", "configure", "unfinished"] {
        let mut file = fs::File::create(beside.join(format!("{step}.json"))).unwrap();
        write!(file, "{planted}").unwrap();
        file.set_modified(later).unwrap();
    }
    let runs = home.join(".mlcube-ssh/x:;touch$${IFS}by-make;#");
    fs::create_dir_all(&runs).unwrap();
    fs::write(runs.join("unfinished.json"), "{}").unwrap();

    let pull = project.make(&["-n", "mlcube-pull"]);
    assert_eq!(steps(pull.succeeds()), ALL);
    assert!(!pull.stdout.contains("by-make"), "{}", pull.stdout);
    project.make(&["mlcube-config"]).succeeds();
    assert_eq!(fs::read_to_string(home.join("profile")).unwrap(), "mine");

    // Nor does the user's word bring the state back into the cube, by whatever path.
    std::os::unix::fs::symlink("cube", home.join("same")).unwrap();
    for place in ["cube", "cube/state", "same/.mlcube-ssh", "no/../cube/state"] {
        let refused = project.make(&["mlcube-config", &format!("MLCUBE_STATE={place}")]);
        refused.exits(2).says(&format!("the folder {place} lies in the cube"));
        project
            .make(&["mlcube-config", "MLCUBE=cube/mlcube.yaml", &format!("MLCUBE_STATE={place}")])
            .exits(2);
    }
    project
        .make(&["mlcube-config", "MLCUBE_STATE=two words"])
        .exits(2)
        .says("set MLCUBE_STATE to another");
    project.make(&["mlcube-config", "MLCUBE_STATE=cubes"]).succeeds();
    assert!(home.join("cubes/gpu1/config.json").exists());
}

#[test]
fn a_cubes_path_may_have_blanks_and_whatever_a_shell_reads() {
    let project = Project::with(&counts("echo 1 > $out/lines.txt"));
    let home = project.scene.home();
    let odd = home.join("it's a $(touch by-make) `cube`");
    fs::rename(home.join("cube"), &odd).unwrap();
    fs::copy(home.join("Makefile"), odd.join("Makefile")).unwrap();
    let made = project.scene.sh(r#"cd "$0" && exec make mlcube-config MLCUBE=."#).arg(&odd).run();
    assert_eq!(steps(made.succeeds()), ["config"]);
    assert!(project.has("config") && !odd.join("by-make").exists());
    let state = project.state("config");
    let state = fs::metadata(state.parent().unwrap()).unwrap();
    assert_eq!(state.permissions().mode() & 0o777, 0o700);
}
