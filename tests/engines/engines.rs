//! Faults of what a job needs: an engine that fails or is killed, a disk on which no program runs or which is full, a
//! file system without locks. Only a failure of the task is reported as the task's.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::PathBuf;

use mlcube_ssh_harness::{
    Account, Cube, Document, Engine, HostOptions, Outcome, Place, Scene, Task, Tmpfs, library,
};
use serde_json::{Value, json};

fn pushed(scene: &Scene, cube: &Cube, words: &[&str]) -> Document {
    let document = scene.document(cube, words);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds().document()
}

/// A document whose files are there, and whose engine does this line of sh for `run`.
fn with_engine(scene: &mut Scene, line: &str) -> (Engine, Document) {
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(line);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = pushed(scene, &scene.cube("digits").task(&Task::named("train")), &[]);
    (engine, document)
}

fn jobs(scene: &Scene) -> Vec<PathBuf> {
    let jobs = scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
    fs::read_dir(jobs).map_or(vec![], |jobs| jobs.map(|job| job.unwrap().path()).collect())
}

/// The folder of cubes lies on a disk from which no program can be run.
fn on_a_noexec_disk(scene: &Scene) -> Option<Tmpfs> {
    let root = scene.host.remote_root();
    let disk = Tmpfs::mount(&root, "20m")?;
    let remount = format!("mount -o remount,noexec '{}'", root.display());
    scene.sh(&remount).run().succeeds();
    Some(disk)
}

#[test]
fn where_no_program_runs_the_shim_is_elsewhere() {
    // That of a session's own is removed at logout, while the job goes on.
    let options = HostOptions::default().variable("XDG_RUNTIME_DIR", "/tmp");
    let mut scene = Scene::with(options.variable("TMPDIR", "/tmp"));
    let Some(_disk) = on_a_noexec_disk(&scene) else { return };
    let (engine, document) = with_engine(&mut scene, "echo \"token: $TOKEN\"; ls /var/tmp");
    let document = document.with("/run/env", json!(["TOKEN"]));
    let run = scene.tool("mlcube-ssh-exec").arg("run").env("TOKEN", "s3cret");
    let ran = run.reads_document(&document).run();
    ran.succeeds().says("token: s3cret");
    let words = engine.run_call();
    assert!(words.windows(2).any(|pair| pair == ["-e", "TOKEN"]), "{words:?}");
    let shims = fs::read_to_string(jobs(&scene)[0].join("shims")).unwrap();
    assert!(shims.starts_with("/var/tmp/"), "{shims}");
    assert!(!PathBuf::from(shims.trim()).exists(), "it is taken away again");
}

#[test]
fn without_its_shim_no_further_task_starts() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs("rm -rf \"$MLCUBE_SSH_SHIMS\"");
    scene.unset("remote");
    scene.set("/remote", json!({"runner": "docker", "docker": "docker"}));
    let cube = scene.cube("digits").task(&Task::named("train")).task(&Task::named("test"));
    let document = pushed(&scene, &cube, &["--task=train,test"]);
    let refused = scene.exec(&document, &["run"]);
    refused.exits(125).says("the folder of the shim is gone").says("run it again");
    assert_eq!(refused.document().at("/failed/kind"), "ours");
    engine.run_call();
}

#[test]
fn an_engine_is_asked_for_containers_only_where_some_were_made() {
    let mut scene = Scene::new();
    let (engine, document) = with_engine(&mut scene, ":");
    let asks = || engine.calls().iter().any(|words| words[0] == "ps");
    scene.exec(&document, &["configure"]).succeeds();
    assert!(!engine.calls().is_empty() && !asks(), "{:?}", engine.calls());
    scene.exec(&document, &["run"]).succeeds();
    assert!(asks(), "{:?}", engine.calls());
}

#[test]
fn without_a_shim_that_runs_no_job_starts() {
    let mut scene = Scene::with(HostOptions::default().without("mktemp"));
    let Some(_disk) = on_a_noexec_disk(&scene) else { return };
    let (engine, document) = with_engine(&mut scene, ":");
    scene.exec(&document, &["run"]).exits(125).complains(&["lets programs run", "TMPDIR"]);
    assert_eq!(engine.calls(), Vec::<Vec<String>>::new());
    assert_eq!(jobs(&scene), [""; 0].map(PathBuf::from), "nothing of it is left");
}

/// A task of a real container that is told by files in the workspace what to do.
fn in_a_container(body: &str) -> (Scene, Document) {
    let scene = Scene::new();
    let task = Task::named("train").writes("model", "model/").does(body);
    let document = scene.configured(&scene.cube("digits").task(&task), &[]);
    (scene, document)
}

const WAITS: &str = "echo started; until [ -e $model/go ]; do sleep 0.1; done; echo done; exit 3";

fn go(scene: &Scene) {
    fs::write(scene.host.remote_root().join("digits/workspace/model/go"), "").unwrap();
}

#[test]
fn a_container_whose_engine_lost_its_files_is_ended_too() {
    let (scene, document) =
        in_a_container("trap '' TERM; echo started; while :; do sleep 0.2; done");
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    let podman = scene.host.folder().join("podman");
    // What the engine knows of its containers; it would say that there is none.
    for folder in ["run", "tmp", "images/overlay-containers", "images/libpod"] {
        let _some_are_mounts = fs::rename(podman.join(folder), podman.join("gone"));
        let _whatever_was_there =
            fs::rename(podman.join("gone"), podman.join(folder.replace('/', "-")));
    }
    let job = jobs(&scene).into_iter().max().unwrap();
    let job = job.file_name().unwrap().to_str().unwrap();
    let stopped = scene.exec(&document, &["stop", "--grace=1", "--job", job]);
    assert!(stopped.succeeds().stdout.contains("\"killed\""), "{}", stopped.stdout);
    assert!(scene.place().processes().with("conmon").is_empty());
    running.wait().exits(143);
}

#[test]
fn a_container_that_outlives_its_job_holds_the_workspace() {
    let (scene, document) = in_a_container(WAITS);
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    // All that leads to the container, but not what holds it: as when the memory of the host is exhausted.
    scene.jobs().without("conmon").kill();
    let lost = running.wait();
    lost.exits(255).says("is lost").says("still run").says("mlcube-ssh stop");
    let listed = scene.exec(&document, &["clean"]);
    assert!(listed.succeeds().stdout.contains("\ncontainers "), "{listed}");
    scene.exec(&document, &["run"]).exits(125).complains(&["still run", "mlcube-ssh stop"]);
    let all = jobs(&scene);
    assert_eq!(all.len(), 2, "configure, and one run");
    let job = all.iter().max().unwrap().file_name().unwrap().to_str().unwrap();
    scene.exec(&document, &["stop", "--job", job]).succeeds();
    assert_eq!(scene.host.containers(), [""; 0]);
    go(&scene);
    scene.exec(&document, &["run"]).exits(3);
}

#[test]
fn a_client_that_is_killed_leaves_a_container_whose_status_counts() {
    let (scene, document) = in_a_container(WAITS);
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    scene.place().processes().with("--cidfile").without("conmon").kill();
    running.says("waiting for its end");
    go(&scene);
    let ended = running.wait();
    ended.exits(3).says("done");
    assert_eq!(ended.document().at("/failed/kind"), "task");
    assert_eq!(scene.host.containers(), [""; 0]);
}

#[test]
fn what_fails_beside_a_container_that_ended_well_is_a_failure() {
    // mlcube joins an entry point into a shell line, which may hold more than the engine.
    let mut scene = Scene::new();
    let (engine, document) = with_engine(&mut scene, "exit 7");
    engine.tells_of_containers("exited 0 2026-11-01T10:00:00Z");
    scene.exec(&document, &["run"]).exits(7);
    // Of a client that is killed the container's own status is the task's.
    engine.runs("kill -KILL $$");
    scene.exec(&document, &["run"]).succeeds();
}

#[test]
fn an_engine_that_makes_no_container_is_not_the_task() {
    let mut scene = Scene::new();
    let (engine, document) = with_engine(
        &mut scene,
        "echo 'docker: Error response from daemon: the disk is on fire.' >&2; echo \"See 'docker run --help'.\" >&2; exit 125",
    );
    engine.makes_no_container();
    let ran = scene.exec(&document, &["run"]);
    let failed = ran.exits(125).says("container engine on 'there' failed").document();
    assert_eq!(failed.at("/failed/kind"), "ours");
    assert!(failed.at("/failed/message").to_string().contains("the disk is on fire"), "{failed}");
    assert!(!failed.to_string().contains("context:"), "{failed}");
}

/// From now on the engine says so and fails.
fn engine_fails(scene: &Scene, says: &str) {
    let lines = "case ${1-} in info) echo /srv/images ;; *) echo 'WORDS' >&2; exit 125 ;; esac";
    scene.host.has_program("docker", &lines.replace("WORDS", says));
}

/// A document of a host with such an engine, whose files are there.
fn with_failing_engine(scene: &mut Scene, says: &str) -> Document {
    engine_fails(scene, says);
    scene.set("/remote/docker", scene.host.bin().join("docker").to_str().unwrap());
    pushed(scene, &scene.cube("digits").task(&Task::named("train")), &[])
}

/// It says these words to whoever reads, and in the document.
fn advises(failed: &Outcome, words: &[&str]) {
    failed.exits(125);
    let document = failed.document();
    let message = format!("{} {}", document.at("/failed/message"), document.at("/failed/hint"));
    let message = message.replace("\\\"", "\"");
    for word in words {
        failed.says(word);
        assert!(message.contains(word), "{word:?} isn't in {message}");
    }
}

/// Puts docker into a folder that isn't in PATH, and pushes a cube that uses it.
fn with_docker_elsewhere(scene: &mut Scene) -> (PathBuf, Document) {
    let folder = scene.host.folder().join("opt");
    fs::create_dir(&folder).unwrap();
    scene.host.has_program("docker", ":");
    fs::rename(scene.host.bin().join("docker"), folder.join("docker")).unwrap();
    scene.set("/remote/docker", "docker");
    let document = pushed(scene, &scene.cube("digits").task(&Task::named("train")), &[]);
    (folder, document)
}

#[test]
fn an_engine_that_only_a_login_shell_finds_is_named_with_its_path() {
    let mut scene = Scene::with(HostOptions::default().without("docker"));
    let (folder, document) = with_docker_elsewhere(&mut scene);
    fs::write(scene.host.home().join(".profile"), "exit\n").unwrap();
    let failed = scene.exec(&document, &["configure"]);
    advises(&failed, &["docker: not found on this host", "docker: podman"]);
    let lines = format!("echo hello\nPATH={}:$PATH\nsleep 100 &\n", folder.display());
    fs::write(scene.host.home().join(".profile"), lines).unwrap();
    let failed = scene.exec(&document, &["configure"]);
    advises(&failed, &["docker: not found on this host", "setup: ", folder.to_str().unwrap()]);
}

/// Start-up files of login shells, and how they put a folder into PATH of a login shell alone, or of an interactive
/// one.
const LOGIN_SHELLS: [(&str, &[(&str, &str)]); 3] = [
    ("zsh", &[(".zshrc", "path=(FOLDER $path)")]),
    ("fish", &[(".config/fish/config.fish", "if status is-login; set -gx PATH FOLDER $PATH; end")]),
    (
        "tcsh",
        &[
            (".tcshrc", "if ($?prompt) setenv TOOLS FOLDER"),
            (".login", "setenv PATH ${TOOLS}:$PATH"),
        ],
    ),
];

#[test]
fn whatever_the_login_shell_it_is_asked_for_the_engine() {
    for (shell, files) in LOGIN_SHELLS {
        let place = Place::new();
        let Some(account) = Account::with_shell(&place.folder("homes"), shell) else { return };
        let options = HostOptions::default().account(&account).without("docker");
        let mut scene = Scene::at(place, options);
        fs::create_dir_all(scene.host.remote_root()).unwrap();
        account.owns(&scene.host.remote_root());
        let (folder, document) = with_docker_elsewhere(&mut scene);
        for (file, line) in files {
            let file = account.home().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, line.replace("FOLDER", folder.to_str().unwrap()) + "\n").unwrap();
        }
        account.owns(account.home());
        let failed = scene.exec(&document, &["configure"]);
        advises(&failed, &["docker: not found on this host", "setup: ", folder.to_str().unwrap()]);
    }
}

#[test]
fn an_engine_that_bypasses_the_shim_is_noticed_too() {
    let mut scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    scene.set("/remote/docker", "nerdctl");
    let document = pushed(&scene, &cube, &[]);
    advises(&scene.exec(&document, &["configure"]), &["nerdctl: not found", "has podman"]);
    let failed = scene.exec(&document, &["run"]);
    advises(&failed, &["nerdctl: not found", "has podman"]);
    scene.set("/remote/docker", "sudo docker");
    scene.host.has_program("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    let document = pushed(&scene, &cube, &[]);
    let failed = scene.exec(&document, &["configure"]);
    advises(&failed, &["sudo: a password is required", "NOPASSWD"]);
    // One that only the command line names.
    let document = pushed(&scene, &cube, &["-Pdocker.docker=nope"]);
    let failed = scene.exec(&document, &["run"]);
    advises(&failed, &["nope: not found", "has podman"]);
}

#[test]
fn a_daemon_that_is_not_reached_is_started_or_is_where_a_login_shell_has_it() {
    let says = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
    let mut scene = Scene::new();
    let document = with_failing_engine(&mut scene, says);
    let failed = scene.exec(&document, &["configure"]);
    advises(&failed, &["unix:///var/run/docker.sock", "systemctl start docker"]);
    fs::write(scene.host.home().join(".profile"), "export DOCKER_HOST=unix:///run/mine.sock\n")
        .unwrap();
    let failed = scene.exec(&document, &["configure"]);
    advises(&failed, &["unix:///var/run/docker.sock", "environment: ", "unix:///run/mine.sock"]);
}

#[test]
fn an_engine_that_lacks_room_a_right_or_its_registry_gets_a_hint() {
    let mut scene = Scene::new();
    let document = with_failing_engine(&mut scene, "");
    for (says, words) in [
        (
            "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
            ["usermod -aG docker", "mlcube-ssh logout"],
        ),
        (
            "write /var/tmp/blob: no space left on device",
            ["make room", "the file system of /var/tmp/blob"],
        ),
        ("Error: no space left on device", ["make room", "the file system of /srv/images"]),
        (
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
            ["curl -I https://registry-1.docker.io/v2/", "https_proxy"],
        ),
    ] {
        engine_fails(&scene, says);
        let failed = scene.exec(&document, &["configure"]);
        advises(&failed, &words);
        advises(&failed, &[says.split('"').next_back().unwrap()]);
    }
}

#[test]
fn a_container_that_never_started_is_not_the_task() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    cube.has_dockerfile("FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/nowhere\"]\n");
    let document = scene.configured(&cube, &[]);
    let ran = scene.exec(&document, &["run"]);
    let failed = ran.exits(125).says("/nowhere").document();
    assert_eq!(failed.at("/failed/kind"), "ours", "{failed}");
    assert_eq!(scene.host.containers(), [""; 0], "and it is removed");
}

#[test]
fn results_are_fetched_when_a_later_tasks_engine_fails() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(
        "case $* in *' evaluate'*) rm -f \"$3\"; echo no room >&2; exit 125 ;; *) echo best >\"$RESULT\" ;; esac",
    );
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let result = scene.host.remote_root().join("digits/workspace/best");
    scene.set("/environment", json!({"RESULT": result}));
    let cube = scene.cube("digits").task(&Task::named("train")).task(&Task::named("evaluate"));
    let document = pushed(&scene, &cube, &["--task=train,evaluate"]);
    let failed = scene.exec(&document, &["run"]);
    let failed = failed.exits(125).says("no room").document();
    assert_eq!(
        (failed.at("/failed/kind"), failed.at("/failed/began")),
        (&json!("ours"), &json!(true))
    );
    scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&failed).run().exits(125);
    assert_eq!(cube.result("best"), "best\n");
}

/// Puts an engine there whose client dies in the middle of a task that has written a result; returns the cube.
fn with_engine_that_dies(scene: &mut Scene, daemon: &str) -> (Cube, Document) {
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs("echo started; echo best >\"$RESULT\"; kill -KILL $$");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let result = scene.host.remote_root().join("digits/workspace/best");
    scene.set("/environment", json!({"RESULT": result}));
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = pushed(scene, &cube, &[]);
    let client = fs::read_to_string(engine.program()).unwrap();
    let client = client.replacen("case ${1-} in\n", &format!("case ${{1-}} in\n{daemon}\n"), 1);
    fs::write(engine.program(), client).unwrap();
    (cube, document)
}

#[test]
fn a_daemon_that_ends_under_a_task_is_the_cause_and_the_results_are_fetched() {
    let mut scene = Scene::new();
    let daemon = "inspect) echo exited 137 2026-11-01T10:00:00Z; exit ;; --version) echo Docker ;;";
    let (cube, document) = with_engine_that_dies(&mut scene, daemon);
    let failed = scene.exec(&document, &["run"]);
    failed.exits(125).says("failed with status 137: the engine's daemon restarted");
    let failed = failed.document();
    assert_eq!(
        (failed.at("/failed/kind"), failed.at("/failed/began")),
        (&json!("ours"), &json!(true))
    );
    let message = failed.at("/failed/message").to_string();
    assert!(message.contains("ended container") && !message.contains("started\""), "{message}");
    scene.exec(&document, &["attach"]).exits(125).says("137: the engine's daemon restarted");
    scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&failed).run().exits(125);
    assert_eq!(cube.result("best"), "best\n");
}

#[test]
fn a_mark_in_an_environment_is_no_running_job() {
    let mut scene = Scene::new();
    let (_engine, document) = with_engine(&mut scene, ":");
    let ran = scene.exec(&document, &["run"]).succeeds().document();
    let id = ran.at("/steps/exec/job").as_str().unwrap().to_owned();
    // What rootless podman's pause process does.
    let place = scene.place().path().display().to_string();
    let line = "exec sh -c 'sleep 30; : \"$PLACE\"' >/dev/null 2>&1 &";
    scene.sh(line).env("MLCUBE_SSH_JOB", &id).env("PLACE", place).run().succeeds();
    scene.exec(&document, &["clean", "--yes=all"]).succeeds();
    assert_eq!(jobs(&scene), [""; 0].map(PathBuf::from));
}

/// A host on which flock(2) does this.
fn with_locks(what: &str) -> Scene {
    let place = Place::new();
    let lines = format!(
        "#include <errno.h>\n#include <unistd.h>\nint flock(int fd, int operation) {{ (void)fd; (void)operation; {what} }}\n"
    );
    let library = library(&place, "locks", &lines).display().to_string();
    Scene::at(place, HostOptions::default().variable("LD_PRELOAD", &library))
}

#[test]
fn without_file_locks_one_job_runs_at_a_time_all_the_same() {
    for error in ["ENOSYS", "ENOLCK"] {
        let mut scene = with_locks(&format!("errno = {error}; return -1;"));
        let line = "echo started; until [ -e \"$folder/go\" ]; do sleep 0.05; done";
        let (_engine, document) = with_engine(&mut scene, line);
        let start = || {
            let run = scene.tool("mlcube-ssh-exec").args(["run", "--detach"]);
            run.reads_document(&document).start()
        };
        let many: Vec<_> = (0..3).map(|_| start()).collect();
        let mut statuses: Vec<i32> = many.into_iter().map(|one| one.wait().status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [0, 125, 125], "{error}");
        fs::write(scene.host.bin().join("go"), "").unwrap();
        scene.exec(&document, &["attach"]).succeeds();
        scene.exec(&document, &["run"]).succeeds();
    }
}

#[test]
fn a_file_lock_that_hangs_is_not_waited_for_without_end() {
    let mut scene = with_locks("for (;;) pause();");
    let (_engine, document) = with_engine(&mut scene, ":");
    scene.exec(&document, &["run"]).exits(125).complains(&["file lock", "there", "remote_root"]);
    assert_eq!(jobs(&scene), [""; 0].map(PathBuf::from));
}

#[test]
fn a_detached_job_that_does_not_start_is_no_success() {
    let mut scene = Scene::new();
    let (_engine, document) = with_engine(&mut scene, ":");
    scene.host.has_program("setsid", "echo 'setsid: Cannot allocate memory' >&2; exit 1");
    let refused = scene.exec(&document, &["run", "--detach"]);
    refused.exits(125).complains(&["didn't start on 'there'", "Cannot allocate memory"]);
    scene.host.loses_program("setsid");
    scene.exec(&document, &["run"]).succeeds();
}

#[test]
fn a_full_disk_for_the_log_does_not_fail_the_task() {
    let mut scene = Scene::new();
    let jobs = scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
    // A folder of jobs that others can write is refused.
    let Some(_disk) = Tmpfs::mount(&jobs, "1m,mode=700") else { return };
    let (engine, _) = with_engine(&mut scene, ":");
    let result = scene.host.remote_root().join("digits/workspace/best");
    engine.runs(&format!(
        "yes 'a long line' | head -c 3000000 || exit 9; echo best >'{}'",
        result.display()
    ));
    let cube = scene.cube("digits").task(&Task::named("train").writes("best", "best"));
    let document = pushed(&scene, &cube, &[]);
    let ran = scene.exec(&document, &["run"]);
    ran.succeeds().says("bytes of the job's log are missing: No space left on device");
    scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&ran.document()).run().succeeds();
    assert_eq!(cube.result("best"), "best\n");
}

#[test]
fn a_log_has_a_limit_and_says_so() {
    let mut scene = Scene::new();
    scene.set("/log_limit", "1k");
    let (_engine, document) =
        with_engine(&mut scene, "yes 'a long line' | head -c 100000 || exit 9; exit 7");
    let ran = scene.exec(&document, &["run"]);
    ran.exits(7).says("the log ends at runner.log_limit; the task continues");
    let log = fs::metadata(jobs(&scene)[0].join("log")).unwrap().len();
    assert!(log < 1200, "{log}");
    scene.set("/log_limit", "many");
    let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube=digits"]).run();
    config.exits(125).complains(&["runner.log_limit", "many"]);
}

#[test]
fn a_folder_that_can_not_be_read_is_not_an_empty_one() {
    let Some((account, mut scene)) = Scene::with_an_ordinary_user() else { return };
    let (_engine, document) = with_engine(&mut scene, ":");
    let jobs = scene.host.remote_root().join(".mlcube-ssh/digits/jobs");
    fs::create_dir_all(&jobs).unwrap();
    account.owns(&jobs);
    scene.sh(&format!("chmod 0 '{}'", jobs.display())).run().succeeds();
    for verb in ["status", "list", "stop", "attach"] {
        scene.exec(&document, &[verb]).exits(125).says("can't read").never_says("no job");
    }
    scene.exec(&document, &["clean"]).exits(125).says("can't read");
    // Nor is one that lies in such a folder.
    let own = scene.host.remote_root().join(".mlcube-ssh");
    scene
        .sh(&format!("chmod 700 '{}' && chmod 0 '{}'", jobs.display(), own.display()))
        .run()
        .succeeds();
    for words in [&["status"][..], &["status", "--all"], &["list"], &["clean"]] {
        scene.exec(&document, words).exits(125).says("can't read").never_says("no job");
    }
}

#[test]
fn an_engine_past_the_shim_is_handed_no_empty_variable() {
    let mut scene = Scene::new();
    let (engine, document) = with_engine(&mut scene, "echo ran");
    // Settings of the account's own name the engine by its path.
    let settings: Value = json!({
        "runners": {"docker": {"pkg": "mlcube_docker"}},
        "platforms": {"docker": {"runner": "docker", "docker": engine.program()}},
    });
    scene
        .set("/environment", json!({"MLCUBE_SYSTEM_SETTINGS": scene.host.home().join("own.yaml")}));
    fs::create_dir_all(scene.host.home()).unwrap();
    fs::write(scene.host.home().join("own.yaml"), settings.to_string()).unwrap();
    scene.unset("remote");
    let cube = scene.cube("digits").task(&Task::named("train"));
    let own = pushed(&scene, &cube, &[]);
    drop(document);
    scene.exec(&own, &["run"]).succeeds().says("ran").says("can't end the containers");
    let run = scene.tool("mlcube-ssh-exec").arg("run").env("TOKEN", "s3cret");
    let with_variable = own.with("/run/env", json!(["TOKEN"]));
    let refused = run.reads_document(&with_variable).run();
    refused.exits(125).says("can't pass variables").never_says("ran\n");
}
