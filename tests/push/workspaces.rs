//! Several workspaces in one cube, and code that somebody changed on the host.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use mlcube_ssh_harness::{Cube, Document, Scene, Task, files_below};

/// The document of a run in a folder of the cube.
fn run_in(scene: &Scene, cube: &Cube, folder: &str) -> Document {
    let workspace = format!("--workspace={}", cube.root().join(folder).display());
    scene.document(cube, &[&workspace, "-Prunner.adopt=true"])
}

/// A cube of which a job wrote in the workspace `runs/1` since that was pulled.
fn trained(scene: &Scene) -> (Cube, PathBuf) {
    let cube = scene.cube("digits").task(&Task::named("train"));
    for name in ["runs/1/model", "runs/1/log"] {
        fs::create_dir_all(cube.root().join("runs/1")).unwrap();
        fs::write(cube.root().join(name), "epoch 1").unwrap();
    }
    scene.push(&run_in(scene, &cube, "runs/1"), &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits");
    fs::write(there.join("runs/1/model"), "epoch 100").unwrap();
    (cube, there)
}

#[test]
fn what_was_ever_a_workspace_is_no_code() {
    let scene = Scene::new();
    let (cube, there) = trained(&scene);
    fs::create_dir_all(cube.root().join("runs/2")).unwrap();
    fs::write(cube.root().join("runs/2/data"), "2").unwrap();
    let second = run_in(&scene, &cube, "runs/2");
    scene.push(&second, &["-q"]).succeeds().is_silent();
    let read = |name: &str| fs::read_to_string(there.join(name)).unwrap();
    assert_eq!((read("runs/1/model").as_str(), read("runs/2/data").as_str()), ("epoch 100", "2"));
    // Also for a machine that has never seen the first one.
    fs::remove_dir_all(scene.home().join(".local/state/mlcube-ssh")).unwrap();
    let second = run_in(&scene, &cube, "runs/2");
    scene.push(&second, &["-q"]).succeeds().is_silent();
    scene.push(&second, &["-q", "--verify"]).succeeds();
    fs::remove_file(cube.root().join("runs/1/log")).unwrap();
    scene.push(&second, &["-q", "--delete"]).succeeds().is_silent();
    assert_eq!(
        (read("runs/1/model").as_str(), read("runs/1/log").as_str()),
        ("epoch 100", "epoch 1")
    );
    scene.masters().kill();
    let unchanged = scene.push(&second, &["-q", "--if-changed"]);
    unchanged.succeeds();
    assert!(scene.masters().is_empty(), "nothing changed here");
}

#[test]
fn a_former_workspace_is_named_and_is_code_again_when_the_user_says_so() {
    let scene = Scene::new();
    let (cube, there) = trained(&scene);
    let document = scene.document(&cube, &["-Prunner.adopt=true"]);
    let push =
        |words: &[&str]| scene.tool("mlcube-ssh-push").args(words).reads_document(&document).run();
    push(&[]).succeeds().says("'runs/1' isn't sent as code").says("--as-code=runs/1");
    push(&["--as-code=workspace"]).exits(125).says("the workspace in use");
    push(&["--as-code=tasks"]).exits(125).says("known as a former workspace");
    let model = || fs::read_to_string(there.join("runs/1/model")).unwrap();
    assert_eq!(model(), "epoch 100");
    // A push that reaches nobody leaves it as it was.
    scene.masters().kill();
    scene.reaches_port(1, "");
    push(&["--as-code=runs/1"]).exits(255);
    scene.has_ssh_config("");
    // What a job wrote there is replaced, as code is, and kept.
    let sent = push(&["--as-code=runs/1/"]);
    sent.succeeds()
        .says("'runs/1/model' on 'there' wasn't known to be what this machine has pushed");
    assert_eq!(model(), "epoch 1");
    assert_eq!(replaced(&scene), [("code/runs/1/model".to_owned(), "epoch 100".to_owned())]);
    push(&[]).succeeds().never_says("--as-code");
}

#[test]
fn a_workspace_that_was_code_before_is_not_deleted() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    fs::create_dir_all(cube.root().join("runs/1")).unwrap();
    fs::write(cube.root().join("runs/1/model"), "epoch 1").unwrap();
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    scene.push(&run_in(&scene, &cube, "runs/1"), &["-q"]).succeeds();
    fs::remove_dir_all(cube.root().join("runs")).unwrap();
    scene.push(&document, &["-q", "--delete"]).succeeds().is_silent();
    let there = scene.host.remote_root().join("digits/runs/1/model");
    assert_eq!(fs::read_to_string(there).unwrap(), "epoch 1");
}

/// A wildcard in a path reaches the remote rsync, which expands it: `runs[1]` is `runs1` there.
#[test]
fn a_workspace_whose_name_has_wildcards_is_no_other_one() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data"));
    let [other, odd] = ["runs1", "runs[1]"].map(|name| {
        let folder = cube.root().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("data"), format!("of {name}")).unwrap();
        scene.push(&run_in(&scene, &cube, name), &["-q"]).succeeds();
        folder
    });
    fs::write(odd.join("data"), "changed").unwrap();
    scene.push(&run_in(&scene, &cube, "runs[1]"), &["-q"]).succeeds();
    let there = |name: &str| scene.host.remote_root().join("digits").join(name).join("data");
    assert_eq!(fs::read_to_string(there("runs1")).unwrap(), "of runs1");
    assert_eq!(fs::read_to_string(there("runs[1]")).unwrap(), "changed");

    fs::write(there("runs[1]"), "trained there").unwrap();
    let pull = scene.tool("mlcube-ssh-pull");
    pull.reads_document(&run_in(&scene, &cube, "runs[1]")).run().succeeds();
    assert_eq!(fs::read_to_string(odd.join("data")).unwrap(), "trained there");
    assert_eq!(fs::read_to_string(other.join("data")).unwrap(), "of runs1");
}

/// What was replaced on the host, without the folders that are named after the time.
fn replaced(scene: &Scene) -> Vec<(String, String)> {
    let top = scene.host.remote_root().join(".mlcube-ssh/digits/replaced");
    let one = |path: PathBuf| {
        let name = path.strip_prefix(&top).unwrap().components().skip(1).collect::<PathBuf>();
        (name.display().to_string(), fs::read_to_string(&path).unwrap())
    };
    let mut all: Vec<_> = files_below(&top).into_iter().map(one).collect();
    all.sort();
    all
}

#[test]
fn code_that_was_changed_on_the_remote_is_backed_up_and_named() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    fs::write(cube.root().join("it's old"), "1").unwrap();
    fs::write(cube.root().join("old"), "1").unwrap();
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits");
    cube.now_does("train", "echo two");
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(replaced(&scene), [], "that was pushed from here");
    fs::write(there.join("tasks/train"), "echo theirs").unwrap();
    fs::write(there.join("entry"), "echo theirs, too").unwrap();
    cube.now_does("train", "echo three");
    fs::write(cube.root().join("Dockerfile"), "FROM scratch").unwrap();
    scene
        .push(&document, &["-q"])
        .succeeds()
        .says("tasks/train")
        .says("entry")
        .never_says("Dockerfile");
    assert_eq!(fs::read_to_string(there.join("tasks/train")).unwrap(), "echo three");
    let kept = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(
        replaced(&scene),
        [kept("code/entry", "echo theirs, too"), kept("code/tasks/train", "echo theirs")]
    );
    fs::remove_dir_all(scene.host.remote_root().join(".mlcube-ssh/digits/replaced")).unwrap();
    for name in ["it's old", "old"] {
        fs::remove_file(cube.root().join(name)).unwrap();
    }
    fs::write(there.join("it's old"), "theirs").unwrap();
    scene.push(&document, &["-q", "--delete"]).succeeds();
    assert!(!there.join("it's old").exists() && !there.join("old").exists());
    assert_eq!(replaced(&scene), [kept("code/it's old", "theirs")]);
}

#[test]
fn only_files_that_were_changed_on_the_remote_are_kept_and_named() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    let folder = cube.root().join("lib");
    fs::create_dir(&folder).unwrap();
    let mut names: Vec<OsString> =
        (0..1010).map(|number| format!("it's {number}").into()).collect();
    names.push(OsString::from_vec(b"a\xff\xfe".to_vec()));
    for text in ["1", "one more"] {
        for name in &names {
            fs::write(folder.join(name), text).unwrap();
        }
        scene.push(&document, &["-q"]).succeeds().is_silent();
        assert_eq!(replaced(&scene), [], "all of it was pushed from here");
    }
    let there = scene.host.remote_root().join("digits/lib");
    for name in [&names[1009], &names[1010]] {
        fs::write(there.join(name), "theirs").unwrap();
    }
    for name in &names {
        fs::write(folder.join(name), "the last").unwrap();
    }
    scene.push(&document, &["-q"]).succeeds().says("lib/it's 1009' on").never_says("lib/it's 1'");
    assert_eq!(replaced(&scene).len(), 2);
}

#[test]
fn checksum_keeps_a_backup_of_all_replaced_code() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    cube.now_does("train", "echo 1");
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits/tasks/train");
    let pushed = fs::metadata(&there).unwrap().modified().unwrap();
    // As a write through a memory map may leave it.
    fs::write(&there, "echo 2").unwrap();
    fs::File::open(&there).unwrap().set_modified(pushed).unwrap();
    cube.now_does("train", "echo 3 and more");
    scene.push(&document, &["-q", "--checksum"]).succeeds();
    assert_eq!(fs::read_to_string(&there).unwrap(), "echo 3 and more");
    assert_eq!(replaced(&scene), [("code/tasks/train".to_owned(), "echo 2".to_owned())]);
}

#[test]
fn code_that_an_interrupted_push_by_content_replaced_is_not_said_to_be_of_the_next_one() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    cube.now_does("train", "echo 1");
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    cube.now_does("train", "echo 2 and more");
    scene.after_rsync("exit 12");
    scene.push(&document, &["-q", "--checksum"]).exits(125);
    scene.real_rsync();
    let next = scene.push(&document, &[]);
    next.succeeds().says("the code that a push that was cut off replaced").never_says("this push");
    assert_eq!(replaced(&scene), [("code/tasks/train".to_owned(), "echo 1".to_owned())]);
}

#[test]
fn what_an_interrupted_push_has_sent_is_not_named_as_changed() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    for round in 2..5 {
        cube.now_does("train", &format!("echo {round} and more"));
        scene.after_rsync("exit 12");
        scene.push(&document, &["-q"]).exits(125).never_says("last push");
    }
    cube.now_does("train", "echo");
    scene.real_rsync();
    scene.push(&document, &["-q"]).succeeds().is_silent();
}

#[test]
fn a_run_may_be_the_first_to_name_a_workspace() {
    let scene = Scene::new();
    let task = Task::named("count").reads("data", "data.csv").writes("out", "out.txt");
    let cube = scene.cube("digits").task(&task.does("wc -l < $data > $out"));
    let other = scene.home().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("data.csv"), "1\n2\n").unwrap();
    let words = |verb| [verb, "--mlcube=digits", "--platform=gpu1"];
    let run = || scene.mlcube_ssh(&words("run")).arg("--workspace=other").run();
    // Nothing of the cube is on the remote: that isn't a new workspace.
    run().exits(125).complains(&["isn't configured on 'there'", "--workspace="]);

    scene.mlcube_ssh(&words("configure")).run().succeeds();
    run().succeeds();
    assert_eq!(fs::read_to_string(other.join("out.txt")).unwrap(), "2\n");
    assert!(!cube.workspace().join("out.txt").exists());
}
