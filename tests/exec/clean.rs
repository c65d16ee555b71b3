//! `clean`: lists what mlcube-ssh keeps on the host, and removes it, but nothing that runs and no result that wasn't
//! fetched.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use mlcube_ssh_harness::{Cube, Document, Engine, Running, Scene, Task, Tmpfs, eventually};

/// A cube that was pushed, and whose task ran there with this line of sh; nothing is fetched.
fn ran(line: &str, words: &[&str]) -> (Scene, Engine, Cube, Document) {
    ran_in(Scene::new(), line, words)
}

/// The same in a scene that was made before.
fn ran_in(mut scene: Scene, line: &str, words: &[&str]) -> (Scene, Engine, Cube, Document) {
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(line);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let task = Task::named("train").writes("model", "model/");
    let cube = scene.cube("digits").task(&task);
    fs::write(cube.root().join("code.py"), "pass").unwrap();
    let document = scene.document(&cube, &[]);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = push.succeeds().document();
    let run = scene.tool("mlcube-ssh-exec").arg("run").args(words).reads_document(&document).run();
    let document = run.succeeds().document();
    (scene, engine, cube, document)
}

fn tree(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join("digits")
}

fn state(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join(".mlcube-ssh/digits")
}

/// The task's result, which only the host has.
fn has_result(scene: &Scene) {
    fs::create_dir_all(tree(scene).join("workspace/model")).unwrap();
    fs::write(tree(scene).join("workspace/model/best"), "0.9").unwrap();
}

#[test]
fn it_lists_what_is_ours_and_removes_nothing() {
    let (scene, _engine, _cube, document) = ran(":", &[]);
    has_result(&scene);
    let listed = scene.exec(&document, &["clean"]);
    let lines: Vec<&str> = listed.succeeds().is_silent().stdout.lines().collect();
    for (what, path) in [("tree", "/digits "), ("workspaces", "/workspace"), ("jobs", "/jobs/")] {
        let line = lines.iter().find(|line| line.starts_with(what));
        assert!(line.is_some_and(|line| line.contains(path) && line.contains("B  ")), "{lines:?}");
    }
    assert!(tree(&scene).join("workspace/model/best").exists());
}

#[test]
fn a_container_that_a_job_left_is_listed_and_removed_and_no_reply_is_not_none() {
    let (scene, engine, _cube, document) = ran(":", &[]);
    let job = state(&scene).join("jobs").join(document.at("/steps/exec/job").as_str().unwrap());
    let program = engine.program().display().to_string();
    // It fails while there is no such file.
    let left = scene.host.folder().join("left");
    let lines =
        "case $* in *status=running*) ;; ps\\ *) cat \"LEFT\" ;; rm\\ *) : >\"LEFT\" ;; esac";
    scene.host.has_program("docker", &lines.replace("LEFT", left.to_str().unwrap()));

    let listed = scene.exec(&document, &["clean"]);
    listed.exits(125).complains(&[&format!("{program} on 'there' doesn't reply"), "repeat clean"]);
    assert!(listed.stdout.contains("jobs  "), "what is known is listed: {listed}");
    let kept = scene.exec(&document, &["clean", "--yes=containers"]);
    kept.exits(125).complains(&["kept on 'there'", &program, "doesn't reply", "repeat clean"]);
    let kept = scene.exec(&document, &["clean", "--yes=jobs"]);
    kept.exits(125).complains(&[job.to_str().unwrap(), "doesn't reply", "--force"]);

    let id = "4b5e9ed6".repeat(8);
    fs::write(&left, format!("{id}\n")).unwrap();
    let listed = scene.exec(&document, &["clean"]);
    let mut lines = listed.succeeds().stdout.lines();
    let line = lines.find(|line| line.starts_with("containers "));
    assert!(line.is_some_and(|line| line.ends_with(&format!("  {id}"))), "{listed}");
    let kept = scene.exec(&document, &["clean", "--yes=jobs"]);
    kept.exits(125).complains(&[
        job.to_str().unwrap(),
        "containers that are left",
        "--yes=containers",
    ]);
    let removed = scene.exec(&document, &["clean", "--yes=containers"]);
    assert!(removed.succeeds().stdout.contains(&format!("removed container {id}\n")), "{removed}");

    // An engine that is gone for good holds nothing up.
    fs::remove_file(left).unwrap();
    scene.exec(&document, &["clean", "--yes=jobs", "--force"]).succeeds();
    assert!(!job.exists());
}

#[test]
fn results_that_were_not_fetched_stay() {
    let (scene, _engine, cube, document) = ran(":", &[]);
    has_result(&scene);
    for what in ["--yes=tree", "--yes=workspaces", "--yes=all"] {
        scene
            .exec(&document, &["clean", what])
            .exits(125)
            .complains(&["model/best", "mlcube-ssh pull"]);
        assert!(tree(&scene).join("workspace/model/best").exists(), "{what}");
    }
    scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run().succeeds();
    let removed = scene.exec(&document, &["clean", "--yes=workspaces"]);
    assert!(removed.succeeds().stdout.starts_with("removed workspace /"), "{removed}");
    assert!(!tree(&scene).join("workspace").exists() && tree(&scene).join("code.py").exists());
    assert_eq!(cube.result("model/best"), "0.9");
}

#[test]
fn code_that_was_pushed_and_removed_locally_is_no_result_and_what_a_task_wrote_beside_it_is() {
    let (scene, _engine, cube, document) = ran(":", &[]);
    fs::remove_file(cube.root().join("code.py")).unwrap();
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    fs::write(tree(&scene).join("made.py"), "1").unwrap();
    // A pull doesn't fetch it.
    let kept = scene.exec(&document, &["clean", "--yes=tree"]);
    kept.exits(125).complains(&[
        "has 1 file that this machine doesn't have (made.py)",
        "they are outside the workspace, which is all that a pull fetches: copy what you need",
        "--force",
    ]);
    has_result(&scene);
    let kept = scene.exec(&document, &["clean", "--yes=tree"]);
    kept.exits(125).complains(&["2 files", "pull` fetches 1 of them"]);
    fs::remove_file(tree(&scene).join("made.py")).unwrap();
    // The command of the hint can be typed.
    let kept = scene.exec(&document, &["clean", "--yes=tree"]);
    scene.sh(kept.exits(125).stderr.split('`').nth(1).unwrap()).run().succeeds();
    assert_eq!(cube.result("model/best"), "0.9");
    assert!(tree(&scene).join("code.py").exists());
    scene.exec(&document, &["clean", "--yes=tree"]).succeeds();
    assert!(!tree(&scene).exists());
}

#[test]
fn a_tree_that_is_a_link_keeps_what_was_not_fetched() {
    let scene = Scene::new();
    let disk = scene.place().folder("scratch disk");
    fs::create_dir_all(scene.host.remote_root()).unwrap();
    symlink(&disk, tree(&scene)).unwrap();
    let (scene, _engine, cube, document) = ran_in(scene, ":", &[]);
    fs::create_dir_all(disk.join("workspace/model")).unwrap();
    fs::write(disk.join("workspace/model/best"), vec![b'x'; 1 << 20]).unwrap();
    let listed = scene.exec(&document, &["clean"]);
    assert!(!listed.succeeds().stdout.contains(" 0 bytes"), "{listed}");
    for what in ["--yes=tree", "--yes=all"] {
        scene
            .exec(&document, &["clean", what])
            .exits(125)
            .complains(&["model/best", "mlcube-ssh pull"]);
        assert!(disk.join("workspace/model/best").exists(), "{what}");
    }
    scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run().succeeds();
    scene.exec(&document, &["clean", "--yes=all"]).succeeds();
    assert!(!disk.exists() && !tree(&scene).is_symlink());
    assert_eq!(cube.result("model/best").len(), 1 << 20);
}

#[test]
fn workspaces_behind_a_link_keep_what_was_not_fetched() {
    let (scene, _engine, _cube, document) = ran(":", &[]);
    // Somebody moves the folder of all other workspaces to a larger disk.
    let disk = scene.place().folder("scratch disk");
    fs::create_dir_all(disk.join("other")).unwrap();
    fs::write(disk.join("other/best"), "0.9").unwrap();
    symlink(&disk, state(&scene).join("workspaces")).unwrap();
    scene.exec(&document, &["clean", "--yes=workspaces"]).exits(125).complains(&["best"]);
    assert!(disk.join("other/best").exists());
}

#[test]
fn a_workspace_behind_a_link_that_a_task_made_is_not_removed() {
    let scene = Scene::new();
    let lab = scene.home().join("lab");
    let cube = Cube::built_from(&lab.join("cube"), "../project").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    let push = scene.tool("mlcube-ssh-push").reads_document(&document).run();
    let document = push.succeeds().document();
    let there = scene.host.remote_root().join("lab/cube");
    let elsewhere = scene.host.folder().join("elsewhere");
    fs::create_dir_all(elsewhere.join("workspace")).unwrap();
    fs::write(elsewhere.join("workspace/thesis"), "mine").unwrap();
    fs::rename(&there, there.with_file_name("moved")).unwrap();
    symlink(&elsewhere, &there).unwrap();
    for words in ["--yes=workspaces", "--yes=tree", "--yes=all"] {
        let _whatever_it_removes = scene.exec(&document, &["clean", words, "--force"]);
        assert!(elsewhere.join("workspace/thesis").exists(), "{words}");
    }
}

#[test]
fn clean_keeps_a_result_that_changed_since_it_was_fetched() {
    let (scene, _engine, _cube, document) = ran(":", &[]);
    has_result(&scene);
    scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run().succeeds();
    fs::write(tree(&scene).join("workspace/model/best"), "0.95").unwrap();
    scene.exec(&document, &["clean", "--yes=workspaces"]).exits(125).says("model/best");
    scene.exec(&document, &["clean", "--yes=workspaces", "--force"]).succeeds();
    assert!(!tree(&scene).join("workspace").exists());
}

#[test]
fn clean_keeps_a_fetched_result_that_was_lost_or_edited_locally() {
    let (scene, _engine, cube, document) = ran(":", &[]);
    has_result(&scene);
    let there = tree(&scene).join("workspace/model");
    fs::write(there.join("last"), "0.8").unwrap();
    let pull = || scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run();
    pull().succeeds();
    let here = cube.workspace().join("model");
    fs::remove_file(here.join("best")).unwrap();
    let kept = scene.exec(&document, &["clean", "--yes=workspaces"]);
    kept.exits(125).complains(&[
        "has 1 file that this machine doesn't have (model/best)",
        "pull` fetches them",
    ]);
    // The hint holds.
    scene.sh(kept.stderr.split('`').nth(1).unwrap()).run().succeeds();
    assert_eq!(cube.result("model/best"), "0.9");
    fs::write(here.join("last"), "edited").unwrap();
    let kept = scene.exec(&document, &["clean", "--yes=all"]);
    kept.exits(125).complains(&["1 file", "(model/last)", "a pull replaces no edit: copy"]);
    assert_eq!(fs::read_to_string(there.join("last")).unwrap(), "0.8");
    scene.exec(&document, &["clean", "--yes=all", "--force"]).succeeds();
}

#[test]
fn all_leaves_nothing_and_a_push_begins_anew() {
    let (scene, _engine, cube, document) = ran(":", &[]);
    scene.exec(&document, &["clean", "--yes=all"]).succeeds();
    assert!(!tree(&scene).exists() && !state(&scene).exists());
    assert!(cube.root().join("code.py").exists());
    scene.exec(&document, &["clean", "--yes=all"]).exits(125).says("no files of this cube");
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    push.succeeds();
    assert!(tree(&scene).join("code.py").exists());
}

#[test]
fn a_running_job_keeps_what_it_uses() {
    let line = "until [ -e \"$folder/go\" ]; do sleep 0.05; done";
    let (scene, _engine, _cube, document) = ran(line, &["--detach"]);
    let job = document.at("/steps/exec/job").as_str().unwrap().to_owned();
    let refused = scene.exec(&document, &["clean", "--yes=all", "--force"]);
    refused.exits(125).complains(&["in use by job", &job]);
    assert!(
        tree(&scene).join("workspace").is_dir() && state(&scene).join("jobs").join(&job).is_dir()
    );
    let listed = scene.exec(&document, &["clean"]);
    assert!(listed.succeeds().stdout.contains(&format!("{job} (running)")), "{listed}");
    scene.tool("mlcube-ssh-exec").arg("stop").reads_document(&document).run().succeeds();
    scene.exec(&document, &["clean", "--yes=all", "--force"]).succeeds();
    assert!(!tree(&scene).exists() && !state(&scene).exists());
}

/// Starts a push that stands still in the middle until the file `go` is in the home folder; its rsync has begun.
fn push_stands_still(scene: &Scene, document: &Document) -> Running {
    let waits = "echo >\"$HOME/pushing\"; until [ -e \"$HOME/go\" ]; do sleep 0.05; done; exec /usr/bin/rsync \"$@\"";
    scene.has_program("rsync", waits);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(document).start();
    eventually("the push has begun", || scene.home().join("pushing").exists());
    push
}

fn go(scene: &Scene) {
    fs::write(scene.home().join("go"), "").unwrap();
}

#[test]
fn a_push_of_this_machine_is_waited_for() {
    let (scene, _engine, cube, document) = ran(":", &[]);
    fs::write(cube.root().join("code.py"), "pass # again").unwrap();
    let push = push_stands_still(&scene, &document);
    let clean = scene.tool("mlcube-ssh-exec").args(["clean", "--yes=all", "--force"]);
    let mut clean = clean.reads_document(&document).start();
    clean.says("waiting for another transfer");
    assert!(tree(&scene).join("code.py").exists());
    go(&scene);
    push.wait().succeeds();
    clean.wait().succeeds();
    assert!(!tree(&scene).exists() && !state(&scene).exists());
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    assert!(tree(&scene).join("code.py").exists(), "it is known that nothing is there");
}

#[test]
fn a_push_of_another_pair_keeps_what_it_fills() {
    let (scene, _engine, cube, document) = ran(":", &[]);
    let other = scene.place().folder("here/other data");
    let other = scene.document(&cube, &["--workspace", other.to_str().unwrap()]);
    fs::write(cube.root().join("code.py"), "pass # again").unwrap();
    let push = push_stands_still(&scene, &other);
    let refused = scene.exec(&document, &["clean", "--yes=all", "--force"]);
    refused.exits(125).complains(&["digits is in use by a push", "when the push has ended"]);
    assert!(tree(&scene).join("code.py").exists());
    go(&scene);
    push.wait().succeeds();
    scene.exec(&document, &["clean", "--yes=all", "--force"]).succeeds();
    assert!(!tree(&scene).exists() && !state(&scene).exists());
}

/// Starts a clean that stands still, with the tree in its hands, until the file `go` is on the host; from then on
/// `asked` is there once another one asks the host for the lock.
fn clean_stands_still(scene: &Scene, document: &Document) -> Running {
    let at = scene.host.folder().display().to_string();
    let waits = format!(
        "case $* in *cubes/digits) echo >'{at}/removing'; until [ -e '{at}/go' ]; do sleep 0.05; done ;; esac; exec /bin/rm \"$@\""
    );
    scene.host.has_program("rm", &waits);
    let clean = scene.tool("mlcube-ssh-exec").args(["clean", "--yes=all", "--force"]);
    let clean = clean.reads_document(document).start();
    eventually("the tree is about to go", || scene.host.folder().join("removing").exists());
    let asks = format!("[ \"$*\" != 9 ] || echo >'{at}/asked'; exec /usr/bin/flock \"$@\"");
    scene.host.has_program("flock", &asks);
    clean
}

/// Waits until a program waits for the lock of the clean, or has ended without; then lets that go on.
fn lets_clean_go_on(scene: &Scene, other: &mut Running) {
    let there = scene.host.folder();
    eventually("it waits", || there.join("asked").exists() || other.has_ended());
    fs::write(there.join("go"), "").unwrap();
}

#[test]
fn a_push_that_begins_while_clean_removes_waits_and_begins_anew() {
    let (scene, _engine, cube, document) = ran(":", &[]);
    let other = scene.place().folder("here/other data");
    fs::write(other.join("data"), "1").unwrap();
    let other = scene.document(&cube, &["--workspace", other.to_str().unwrap()]);
    let clean = clean_stands_still(&scene, &document);
    let mut push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&other).start();
    lets_clean_go_on(&scene, &mut push);
    clean.wait().succeeds();
    push.wait().succeeds();
    assert!(tree(&scene).join("code.py").exists(), "what was sent is there");
    let workspaces = fs::read_dir(state(&scene).join("workspaces")).unwrap();
    let kept: Vec<PathBuf> = workspaces.map(|entry| entry.unwrap().path()).collect();
    assert!(kept.len() == 1 && kept[0].join("data").exists(), "{kept:?}");
    assert!(state(&scene).join("origin").exists(), "it has an owner");
}

#[test]
fn a_job_that_starts_while_clean_removes_finds_no_cube() {
    let (scene, _engine, _cube, document) = ran(":", &[]);
    let clean = clean_stands_still(&scene, &document);
    let run = scene.tool("mlcube-ssh-exec").args(["run", "--detach"]);
    let mut run = run.reads_document(&document).start();
    lets_clean_go_on(&scene, &mut run);
    clean.wait().succeeds();
    run.wait().exits(125).complains(&["digits", "configure"]);
    assert!(!state(&scene).join("jobs").exists());
}

#[test]
fn clean_does_not_report_a_partly_removed_tree_as_removed() {
    let scene = Scene::new();
    let disk = scene.place().folder("scratch disk");
    fs::create_dir_all(scene.host.remote_root()).unwrap();
    symlink(&disk, tree(&scene)).unwrap();
    let (scene, _engine, _cube, document) = ran_in(scene, ":", &[]);
    fs::create_dir(disk.join("mounted")).unwrap();
    // A mount point can't be removed.
    let Some(_mounted) = Tmpfs::mount(&disk.join("mounted"), "1m") else { return };
    let kept = scene.exec(&document, &["clean", "--yes=tree", "--force"]);
    kept.exits(125).says("can't be removed as a whole").never_says("removed tree");
    assert!(!kept.stdout.contains("removed tree"), "{kept}");
    assert!(tree(&scene).is_symlink() && !disk.join("code.py").exists());
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    assert!(disk.join("code.py").exists(), "what was removed is sent again");
}

#[test]
fn the_wrapper_cleans_by_the_same_words() {
    let (scene, _engine, cube, _document) = ran(":", &[]);
    let root = cube.root().to_str().unwrap();
    let words = |more: &'static str| ["clean", "--mlcube", root, "--platform=gpu1", more];
    let listed = scene.mlcube_ssh(&words("-q")).run();
    assert!(listed.succeeds().stdout.contains("/digits "), "{listed}");
    let removed = scene.mlcube_ssh(&words("--yes=jobs,replaced")).run();
    assert!(removed.succeeds().stdout.starts_with("removed job /"), "{removed}");
    assert!(tree(&scene).exists() && !state(&scene).join("jobs").exists());
    scene.mlcube_ssh(&words("--yes=everything")).run().exits(125).says("everything");
}

#[test]
fn names_with_newlines_are_no_paths_of_other_folders() {
    let (scene, _engine, _cube, document) = ran(":", &[]);
    let thesis = scene.host.folder().join("thesis");
    fs::create_dir(&thesis).unwrap();
    let workspace = tree(&scene).join("workspace");
    let planted = format!("a\n{}\n/.mlcube-ssh-partial", thesis.display());
    fs::create_dir_all(workspace.join(planted)).unwrap();
    fs::create_dir_all(workspace.join("model/.mlcube-ssh-partial")).unwrap();
    // What a push has sent that was killed.
    let sent = state(&scene).join("incoming/0123456789abcdef/workspace/half");
    fs::create_dir_all(sent.parent().unwrap()).unwrap();
    fs::write(&sent, "x".repeat(2_000_000)).unwrap();
    let listed = scene.exec(&document, &["clean"]);
    assert!(!listed.succeeds().stdout.contains("thesis "), "{listed}");
    let listed: Vec<_> = listed.stdout.lines().filter(|it| it.contains("/incoming/")).collect();
    assert!(
        matches!(listed[..], [line] if line.starts_with("partial") && line.contains("2.0 MB")),
        "{listed:?}"
    );
    scene.exec(&document, &["clean", "--yes=partial"]).succeeds();
    assert!(thesis.exists());
    assert!(!workspace.join("model/.mlcube-ssh-partial").exists() && !sent.exists());
}

#[test]
fn a_clean_that_refuses_leaves_no_lock() {
    let (scene, _engine, _cube, document) = ran(":", &[]);
    // Meanwhile another machine starts a job.
    let job = state(&scene).join("jobs/9999999999999-0123456789ab");
    let begins =
        format!("[ \"$*\" != 9 ] || mkdir '{}'; exec /usr/bin/flock \"$@\"", job.display());
    scene.host.has_program("flock", &begins);
    let refused = scene.exec(&document, &["clean", "--yes=all", "--force"]);
    refused.exits(125).complains(&["a job was started on 'there' meanwhile"]);
    assert!(!state(&scene).join("locks/removing").exists());
}
