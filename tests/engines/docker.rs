//! A real Docker daemon, as an account of the socket's group uses it: what its tasks write belongs to root.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Account, Cube, Docker, Document, Outcome, Scene, Task, Tmpfs};
use serde_json::json;

/// A host with a Docker daemon, an ordinary account on it, and the user's machine.
struct Dock {
    docker: Docker,
    scene: Scene,
    account: Account,
}

impl Dock {
    fn new() -> Option<Dock> {
        let (account, mut scene) = Scene::with_an_ordinary_user()?;
        let docker = Docker::of(&mut scene, &account)?;
        Some(Dock { docker, scene, account })
    }

    fn tool(&self, words: &[&str], document: &Document) -> Outcome {
        self.scene.tool(words[0]).args(&words[1..]).reads_document(document).run()
    }

    fn workspace(&self) -> PathBuf {
        self.scene.host.remote_root().join("digits/workspace")
    }

    /// What the hint tells to type on the host, typed there by the account.
    #[track_caller]
    fn does_as_told(&self, told: &Outcome) {
        let is_for_docker = |words: &&str| words.contains("docker run ");
        let command = told.stderr.split('`').find(is_for_docker).unwrap();
        let host = self.scene.host.bin();
        let path = format!("{}:/usr/bin:/bin", host.display());
        let user = self.account.name();
        let setpriv = ["--reuid", user, "--regid", user, "--init-groups", "sh", "-c", command];
        let typed = self.scene.invocation(Path::new("/usr/bin/setpriv")).args(setpriv);
        typed.env("PATH", path).env("HOME", self.account.home()).run().succeeds();
    }
}

fn cube(scene: &Scene, body: &str) -> Cube {
    scene.cube("digits").task(&Task::named("train").writes("model", "model/").does(body))
}

/// A task that leaves what only root can read, and what only root can write.
const ROOTS_OWN: &str = "mkdir -p $model/closed $model/read-only; cat /proc/self/mountinfo >/dev/null; \
    echo $(($(cat $model/count 2>/dev/null || echo 0) + 1)) >$model/count; echo x >$model/closed/x; \
    echo y >$model/read-only/y; chmod 700 $model/closed; chmod 555 $model/read-only";

#[test]
fn results_of_root_are_fetched_replaced_and_removed() {
    let Some(dock) = Dock::new() else { return };
    let cube = cube(&dock.scene, ROOTS_OWN);
    let document = dock.scene.configured(&cube, &[]);
    dock.tool(&["mlcube-ssh-exec", "run"], &document).succeeds();
    let pulled = dock.tool(&["mlcube-ssh-pull"], &document);
    pulled.exits(125).says("model/closed belongs to root").says("docker run");
    assert_eq!(
        (cube.result("model/count"), cube.result("model/read-only/y")),
        ("1\n".into(), "y\n".into())
    );
    dock.does_as_told(&pulled);
    dock.tool(&["mlcube-ssh-pull"], &document).succeeds();
    assert_eq!(cube.result("model/closed/x"), "x\n");

    // The next run writes over the results, and so does a push.
    dock.tool(&["mlcube-ssh-exec", "run"], &document).succeeds();
    dock.tool(&["mlcube-ssh-pull"], &document).succeeds();
    assert_eq!(cube.result("model/count"), "2\n");
    fs::write(cube.workspace().join("model/count"), "40\n").unwrap();
    dock.tool(&["mlcube-ssh-push"], &document).succeeds();
    dock.tool(&["mlcube-ssh-exec", "run"], &document).succeeds();
    dock.tool(&["mlcube-ssh-pull"], &document).succeeds();
    assert_eq!(cube.result("model/count"), "41\n");
    assert_eq!(dock.docker.containers(), [""; 0]);
}

#[test]
fn files_of_a_containers_root_are_named_with_the_command_that_helps() {
    let Some(dock) = Dock::new() else { return };
    let cube = cube(&dock.scene, ROOTS_OWN);
    let document = dock.scene.configured(&cube, &[]);
    dock.tool(&["mlcube-ssh-exec", "run"], &document).succeeds();
    fs::create_dir_all(cube.workspace().join("model/read-only")).unwrap();
    fs::write(cube.workspace().join("model/read-only/mine"), "mine\n").unwrap();
    let pushed = dock.tool(&["mlcube-ssh-push"], &document);
    pushed.exits(125).says("model/read-only/mine").says("docker run");
    let verified = dock.tool(&["mlcube-ssh-push", "--verify"], &document);
    verified.exits(125).says("model/read-only/mine differs");
    dock.does_as_told(&pushed);
    // Its mode is the task's.
    dock.scene
        .sh("chmod u+w \"$FOLDER\"")
        .env("FOLDER", dock.workspace().join("model/read-only"))
        .run()
        .succeeds();
    dock.tool(&["mlcube-ssh-push"], &document).succeeds();

    dock.tool(&["mlcube-ssh-exec", "run"], &document).succeeds();
    dock.tool(&["mlcube-ssh-pull"], &document).succeeds();
    dock.scene.sh("chown -R 0 \"$WORKSPACE\"").env("WORKSPACE", dock.workspace()).run().succeeds();
    let cleaned = dock.tool(&["mlcube-ssh-exec", "clean", "--yes=tree", "--force"], &document);
    cleaned
        .exits(125)
        .says("can't be removed as a whole")
        .says("belongs to root")
        .says("docker run");
    dock.does_as_told(&cleaned);
    dock.tool(&["mlcube-ssh-exec", "clean", "--yes=all", "--force"], &document).succeeds();
    assert!(!dock.scene.host.remote_root().join("digits").exists());
}

/// Says so, waits for a file in the output, and ends with 3.
const WAITS: &str = "echo started; until [ -e $model/go ]; do sleep 0.1; done; echo done; exit 3";

fn start(dock: &Dock, body: &str) -> (Document, mlcube_ssh_harness::Running) {
    let document = dock.scene.configured(&cube(&dock.scene, body), &[]);
    let run = dock.scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document);
    let mut running = run.start();
    running.says("started");
    (document, running)
}

#[test]
fn a_client_that_is_killed_leaves_a_container_whose_status_counts() {
    let Some(dock) = Dock::new() else { return };
    let (_, mut running) = start(&dock, WAITS);
    dock.scene.place().processes().with("docker run --cidfile").kill();
    running.says("waiting for its end");
    fs::write(dock.workspace().join("model/go"), "").unwrap();
    let ended = running.wait();
    ended.exits(3).says("done");
    assert_eq!(ended.document().at("/failed/kind"), "task");
    assert_eq!(dock.docker.containers(), [""; 0]);
}

#[test]
fn a_daemon_that_is_restarted_and_ends_the_container_is_not_the_task() {
    let Some(mut dock) = Dock::new() else { return };
    // What ignores TERM is killed after a while by a daemon that stops.
    let (_, running) = start(&dock, "echo started; while :; do sleep 0.1; done");
    dock.docker.stop();
    dock.docker.start();
    let ended = running.wait();
    ended.exits(125).says("failed with status 137: the engine's daemon restarted");
    assert_eq!(ended.document().at("/failed/began"), true);
    assert_eq!(ended.document().at("/failed/kind"), "ours");
    assert_eq!(dock.docker.containers(), [""; 0]);
}

#[test]
fn a_daemon_that_is_killed_leaves_a_container_whose_status_counts() {
    let Some(mut dock) = Dock::new() else { return };
    dock.docker.keeps_containers();
    let (_, mut running) = start(&dock, WAITS);
    dock.docker.kill();
    dock.docker.start();
    running.says("waiting for its end");
    fs::write(dock.workspace().join("model/go"), "").unwrap();
    let ended = running.wait();
    ended.exits(3).says("done");
    assert_eq!(ended.document().at("/failed/kind"), "task");
}

/// It fails, and says these words.
fn advises(dock: &Dock, words: &[&str], document: &Document, said: &[&str]) {
    let failed = dock.tool(words, document);
    failed.exits(125);
    for words in said {
        failed.says(words);
    }
    assert_eq!(failed.document().at("/failed/kind"), "ours");
    assert!(failed.document().at("/failed/hint").is_string(), "{failed}");
}

#[test]
fn what_a_daemon_says_is_answered_with_what_helps() {
    let Some(mut dock) = Dock::new() else { return };
    let cube = cube(&dock.scene, "echo hello");
    let document = dock.scene.configured(&cube, &[]);
    let run = &["mlcube-ssh-exec", "run"][..];
    let configure = &["mlcube-ssh-exec", "configure"][..];

    let with_gpus = dock.scene.document(&cube, &["--gpus=all"]);
    advises(&dock, run, &with_gpus, &["could not select device driver", "nvidia-ctk"]);

    // An image of another registry, and no recipe.
    let image = json!({"image": "127.0.0.1:9/none/none:1"});
    let other = dock.scene.cube("other").task(&Task::named("train")).section("docker", image);
    fs::remove_file(other.root().join("Dockerfile")).unwrap();
    let pulls = dock.scene.document(&other, &["-Pdocker.build_strategy=pull"]);
    let pulls = dock.tool(&["mlcube-ssh-push"], &pulls).succeeds().document();
    let registry = ["connection refused", "curl -I http", "127.0.0.1:9/v2/"];
    advises(&dock, configure, &pulls, &registry);

    fs::set_permissions(dock.docker.socket(), fs::Permissions::from_mode(0o600)).unwrap();
    advises(&dock, run, &document, &["permission denied while trying", "usermod -aG docker"]);
    fs::set_permissions(dock.docker.socket(), fs::Permissions::from_mode(0o660)).unwrap();

    dock.docker.stop();
    advises(&dock, run, &document, &["Is the docker daemon running", "systemctl start docker"]);
    // The recipe is there, but a build wouldn't go better.
    let pulls = dock.scene.document(&cube, &["-Pdocker.build_strategy=pull"]);
    let pulls = dock.tool(&["mlcube-ssh-push"], &pulls).succeeds().document();
    advises(&dock, configure, &pulls, &["Is the docker daemon running", "systemctl start docker"]);
    for words in
        [&["mlcube-ssh-exec", "clean"][..], &["mlcube-ssh-exec", "clean", "--yes=containers"]]
    {
        dock.tool(words, &document).exits(125).complains(&["docker", "doesn't reply"]);
    }

    let Some(_disk) = Tmpfs::mount(&dock.docker.data(), "3m") else { return };
    dock.docker.start();
    cube.now_does("train", "echo another image");
    let document = dock.tool(&["mlcube-ssh-push"], &document).succeeds().document();
    advises(&dock, configure, &document, &["no space left on device", "make room"]);
    dock.docker.stop();
}

#[test]
fn a_container_that_never_started_is_not_the_task() {
    let Some(dock) = Dock::new() else { return };
    let cube = cube(&dock.scene, "");
    // The engine's statuses for these are 127 and 126.
    for entry in ["/nowhere", "/tasks"] {
        cube.has_dockerfile(&format!(
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY tasks /tasks\nENTRYPOINT [\"{entry}\"]\n"
        ));
        let document = dock.scene.configured(&cube, &[]);
        let ran = dock.tool(&["mlcube-ssh-exec", "run"], &document);
        let failed = ran.exits(125).says(entry).document();
        assert_eq!(failed.at("/failed/kind"), "ours", "{failed}");
    }
    assert_eq!(dock.docker.containers(), [""; 0]);
}

#[test]
fn ctrl_c_ends_a_container_that_ignores_it() {
    let Some(dock) = Dock::new() else { return };
    let (_, running) = start(
        &dock,
        "trap '' TERM INT; (trap '' TERM; sleep 1000) & echo started; while :; do sleep 0.1; done",
    );
    running.ctrl_c();
    running.wait().exits(130).says("with all its processes and containers");
    assert_eq!(dock.docker.containers(), [""; 0]);
}
