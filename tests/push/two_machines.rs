//! Two machines that push one cube from one path to one remote tree: laptop and desktop, two runners of a CI.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{
    Cube, HostOptions, Invocation, Running, Scene, Task, eventually, files_below, random,
    whole_tree,
};

/// A push by the machine of this name: what it remembers of the remote is its own, and so are its documents.
fn push(scene: &Scene, cube: &Cube, machine: &str) -> Invocation {
    step(scene, cube, machine, "mlcube-ssh-push").arg("-q")
}

fn step(scene: &Scene, cube: &Cube, machine: &str, step: &str) -> Invocation {
    let state = scene.home().join("machines").join(machine);
    let tool = |name: &str| scene.tool(name).env("XDG_STATE_HOME", &state);
    let config = tool("mlcube-ssh-config").args(["--platform=gpu1", "-Prunner.adopt=true"]);
    let document = config.arg("--mlcube").arg(cube.root()).run().succeeds().document();
    tool(step).reads_document(&document)
}

/// A cube that was pushed and has since got enough in its workspace for an archive,
/// for both machines.
fn many(scene: &Scene) -> Cube {
    let cube = scene.cube("digits").task(&Task::named("train"));
    push(scene, &cube, "laptop").run().succeeds();
    fs::create_dir(cube.workspace().join("many")).unwrap();
    for number in 0..150 {
        let file = cube.workspace().join(format!("many/{number:03}"));
        fs::write(file, random(number, 4_000)).unwrap();
    }
    fs::write(cube.workspace().join("zlarge"), random(7, 3_000_000)).unwrap();
    cube
}

fn incoming(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join(".mlcube-ssh/digits/incoming")
}

/// A push of which the remote has unpacked a part of the archive, and goes on when there is a file `go`; other archives
/// are unpacked at once.
fn half_pushed(scene: &Scene, cube: &Cube) -> Running {
    let halting = "import os, sys, time
head = sys.stdin.buffer.read(100000)
sys.stdout.buffer.write(head); sys.stdout.flush()
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
for piece in iter(lambda: sys.stdin.buffer.read(65536), b\"\"):
    sys.stdout.buffer.write(piece)";
    let go = go(scene).display().to_string();
    let version = "case $1 in --version) exec /usr/bin/tar \"$@\" ;; esac";
    let unpack = format!("{version}\npython3 -c '{halting}' '{go}' | /usr/bin/tar \"$@\"");
    scene.host.has_program("tar", &unpack);
    let running = push(scene, cube, "laptop").start();
    eventually("a part of the archive is unpacked", || {
        files_below(&incoming(scene)).iter().any(|path| path.ends_with("many/003"))
    });
    scene.host.loses_program("tar");
    running
}

fn go(scene: &Scene) -> PathBuf {
    scene.place().path().join("go")
}

#[test]
fn two_pushes_at_once_share_nothing_that_is_on_its_way() {
    let scene = Scene::new();
    let cube = many(&scene);
    let workspace = cube.workspace();
    let laptop = half_pushed(&scene, &cube);
    // The desktop has none of it.
    let away = scene.place().folder("away").join("workspace");
    fs::rename(&workspace, &away).unwrap();
    fs::create_dir(&workspace).unwrap();
    fs::write(workspace.join("other"), random(9, 9_000_000)).unwrap();
    push(&scene, &cube, "desktop").run().succeeds().is_silent();
    let there = scene.host.remote_root().join("digits/workspace");
    assert_eq!(whole_tree(&there), whole_tree(&workspace));
    fs::remove_dir_all(&workspace).unwrap();
    fs::rename(&away, &workspace).unwrap();
    fs::write(go(&scene), "").unwrap();
    laptop.wait().succeeds().is_silent();
    fs::remove_file(there.join("other")).unwrap();
    assert_eq!(whole_tree(&there), whole_tree(&workspace));
    assert_eq!(files_below(&incoming(&scene)), [] as [PathBuf; 0]);
}

#[test]
fn a_running_push_keeps_what_it_has_sent_however_old_it_is() {
    let scene = Scene::new();
    let cube = many(&scene);
    let laptop = half_pushed(&scene, &cube);
    for folder in fs::read_dir(incoming(&scene)).unwrap() {
        let aged = format!("touch -d '30 days ago' '{}'", folder.unwrap().path().display());
        scene.sh(&aged).run().succeeds();
    }
    push(&scene, &cube, "desktop").run().succeeds().is_silent();
    fs::write(go(&scene), "").unwrap();
    laptop.wait().succeeds().is_silent();
    let there = scene.host.remote_root().join("digits/workspace");
    assert_eq!(whole_tree(&there), whole_tree(&cube.workspace()));
}

#[test]
fn leftovers_of_a_lost_machine_are_removed_after_a_week() {
    let scene = Scene::new();
    let cube = many(&scene);
    half_pushed(&scene, &cube).kill_all();
    fs::write(go(&scene), "").unwrap();
    eventually("its session has ended", || scene.jobs().is_empty());
    let left = fs::read_dir(incoming(&scene)).unwrap().next().unwrap().unwrap().path();
    push(&scene, &cube, "desktop").run().succeeds().is_silent();
    assert!(left.exists(), "it may come back");
    let aged = format!("touch -d '8 days ago' '{}'", left.display());
    scene.sh(&aged).run().succeeds();
    push(&scene, &cube, "desktop").run().succeeds().is_silent();
    assert!(!left.exists());
}

#[test]
fn a_host_that_takes_one_session_at_a_time_or_has_no_locks() {
    for options in
        [HostOptions::default().config("MaxSessions 1"), HostOptions::default().without("flock")]
    {
        let scene = Scene::with(options);
        let cube = many(&scene);
        push(&scene, &cube, "laptop").run().succeeds().is_silent();
        fs::write(cube.workspace().join("zlarge"), random(8, 3_000_000)).unwrap();
        cube.now_does("train", "echo more");
        push(&scene, &cube, "laptop").run().succeeds().is_silent();
        let there = scene.host.remote_root().join("digits/workspace");
        assert_eq!(whole_tree(&there), whole_tree(&cube.workspace()));
        assert_eq!(files_below(&incoming(&scene)), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_push_with_nothing_to_do_is_noted_where_another_machine_pushed_last() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1");
    let noted = || {
        let state = scene.host.remote_root().join(".mlcube-ssh/digits");
        let files = fs::read_dir(state).unwrap().map(|entry| entry.unwrap());
        let is_noted = |name: &str| name.starts_with("transfer-");
        let mut files = files.filter(|entry| is_noted(entry.file_name().to_str().unwrap()));
        let text = fs::read_to_string(files.next().unwrap().path()).unwrap();
        let ids: Vec<_> = text.lines().take(2).map(|line| line.trim().to_owned()).collect();
        <[String; 2]>::try_from(ids).unwrap()
    };
    push(&scene, &cube, "laptop").run().succeeds();
    fs::write(cube.workspace().join("data.csv"), "22").unwrap();
    push(&scene, &cube, "desktop").args(["--overwrite"]).run().succeeds();
    step(&scene, &cube, "laptop", "mlcube-ssh-pull").args(["--overwrite"]).run().succeeds();
    let [_, of_desktop] = noted();
    push(&scene, &cube, "laptop").run().succeeds();
    let [transfer, pushed] = noted();
    assert_eq!(transfer, pushed);
    assert_ne!(pushed, of_desktop, "a run of the laptop would be refused");
    push(&scene, &cube, "laptop").run().succeeds();
    assert_eq!(noted(), [transfer, pushed], "there is nothing new to note");
}

#[test]
fn a_push_that_is_refused_leaves_no_incoming_folder() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    fs::write(cube.root().join("old.py"), "1").unwrap();
    push(&scene, &cube, "laptop").run().succeeds();
    fs::remove_file(cube.root().join("old.py")).unwrap();
    let refused = push(&scene, &cube, "laptop").args(["--delete", "--max-delete=0"]).run();
    refused.exits(125).complains(&["--max-delete=0"]);
    let left = fs::read_dir(incoming(&scene)).into_iter().flatten().next();
    assert!(left.is_none(), "its folder is removed, or was never made");
}

#[test]
fn a_machine_does_not_follow_a_link_where_the_other_one_made_a_folder() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("cfg", "1");
    push(&scene, &cube, "laptop").run().succeeds();
    let cube = cube.with_file("data/rc", "mine");
    push(&scene, &cube, "desktop").run().succeeds();
    // A task has put a link in its place.
    let place = scene.host.remote_root().join("digits/workspace/data");
    let ssh = scene.host.folder().join("the account's/.ssh");
    fs::create_dir_all(ssh.parent().unwrap()).unwrap();
    fs::rename(&place, &ssh).unwrap();
    std::os::unix::fs::symlink(&ssh, &place).unwrap();
    let cube = cube.with_file("data/authorized_keys", "planted");
    for _ in 0..2 {
        push(&scene, &cube, "laptop").run().exits(125).says("--follow-link=data");
        assert!(!ssh.join("authorized_keys").exists());
    }
}

#[test]
fn a_fresh_checkout_of_the_same_files_is_no_conflict() {
    let scene = Scene::new();
    let task = Task::named("train").reads("data", "in/");
    let cube = scene.cube("digits").task(&task);
    let cube = cube.with_file("in/same it's", "1,2\n").with_file("other", "1,2\n");
    push(&scene, &cube, "laptop").run().succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    let time = |name: &str| fs::metadata(there.join(name)).unwrap().modified().unwrap();
    let then = time("in/same it's");
    let checkout = "touch -d '2020-01-01' in/* ../Dockerfile ../mlcube.yaml; printf '3,4\n' >other";
    scene.sh(&format!("cd '{}' && {checkout}", cube.workspace().display())).run().succeeds();
    let pushed = push(&scene, &cube, "runner").run();
    pushed.succeeds().says("kept other on").never_says("kept in/").never_says("its backup");
    let replaced = scene.host.remote_root().join(".mlcube-ssh/digits/replaced");
    assert!(files_below(&replaced).is_empty(), "the same code");
    // What was compared once is neither sent nor compared again.
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        let again = step(&scene, &cube, "runner", tool).arg("-v").run();
        again.succeeds().says("kept other").never_says("--checksum");
    }
    assert_eq!(time("in/same it's"), then, "nothing is written");
    push(&scene, &cube, "another runner").arg("--inputs").run().succeeds().is_silent();
    let pulled = step(&scene, &cube, "a pull comes first", "mlcube-ssh-pull").run();
    pulled.succeeds().says("kept other").never_says("kept in/");
    push(&scene, &cube, "a pull comes first").arg("--inputs").run().succeeds().is_silent();
    assert_eq!(time("in/same it's"), then);
    // What is edited there now is a change of one side.
    let cube = cube.with_file("in/same it's", "5,6\n");
    push(&scene, &cube, "runner").arg("--inputs").run().succeeds().never_says("kept");
    assert_eq!(fs::read_to_string(there.join("in/same it's")).unwrap(), "5,6\n");
    push(&scene, &cube, "runner").arg("--inputs").run().succeeds().is_silent();
    // The same size doesn't make the same content.
    fs::write(there.join("in/same it's"), "9,9\n").unwrap();
    push(&scene, &cube, "third runner").arg("--inputs").run().exits(125).says("has another input");
}

/// Says that what is known of the remote trees was written on other machines: on `other`, except by the machine of the
/// folder that is the cube now.
fn another_machine_was_here(scene: &Scene) {
    let states = scene.home().join(".local/state/mlcube-ssh");
    for about in fs::read_dir(states).unwrap().flatten().map(|entry| entry.path()) {
        if about.extension().is_some_and(|ending| ending == "about") {
            let text = fs::read_to_string(&about).unwrap();
            let (_, folder) = text.split_once(' ').unwrap();
            fs::write(&about, format!("another/machine {folder}")).unwrap();
        }
    }
}

#[test]
fn machines_that_share_a_home_have_a_sync_state_each_and_are_two_owners() {
    let scene = Scene::new();
    let cube = scene.cube("it's a cube").task(&Task::named("train")).with_file("data.csv", "v1");
    fs::write(cube.root().join("k.py"), "code 1").unwrap();
    let document = scene.document(&cube, &["-Prunner.remote_name=digits"]);
    let adopts = scene.document(&cube, &["-Prunner.remote_name=digits", "-Prunner.adopt=true"]);
    let run = |tool: &str| scene.tool(tool).reads_document(&document).run();
    let adopt = || scene.tool("mlcube-ssh-push").reads_document(&adopts).run();
    run("mlcube-ssh-push").succeeds();
    // The other machine has a folder of its own at the same path.
    let (first, second) = (scene.home().join("first"), scene.home().join("second"));
    scene.sh("cp -a \"$0\" \"$1\"").arg(cube.root()).arg(&second).run().succeeds();
    let is_on = |own: &Path, aside: &Path| {
        fs::rename(cube.root(), aside).unwrap();
        fs::rename(own, cube.root()).unwrap();
        another_machine_was_here(&scene);
    };
    is_on(&second, &first);
    run("mlcube-ssh-pull").succeeds().says("nothing to fetch");
    is_on(&first, &second);
    fs::write(cube.workspace().join("data.csv"), "v2, a day's work").unwrap();
    fs::write(cube.root().join("k.py"), "code 2").unwrap();
    run("mlcube-ssh-push").succeeds().never_says("kept").never_says("was changed");
    is_on(&second, &first);
    // Nothing of the other machine's is replaced, and no job starts on it, until the user says so.
    run("mlcube-ssh-push").exits(125).says("belongs to").says("adopt=true");
    let pushed = adopt();
    pushed
        .succeeds()
        .says("'k.py' on")
        .says("its backup on the remote is")
        .never_says("kept data.csv");
    let there = scene.host.remote_root().join("digits");
    let read = |name: &str| fs::read_to_string(there.join(name)).unwrap();
    assert_eq!(read("workspace/data.csv"), "v2, a day's work");
    run("mlcube-ssh-push").succeeds().says("nothing to send");
    run("mlcube-ssh-pull").succeeds().says("fetched 1 file");
    assert_eq!(fs::read_to_string(cube.workspace().join("data.csv")).unwrap(), "v2, a day's work");
    is_on(&first, &second);
    scene.tool("mlcube-ssh-push").arg("--if-changed").reads_document(&document).run().succeeds();
    let started = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).run();
    started.exits(125).says("belongs to").says("has taken it over");
    run("mlcube-ssh-push").exits(125).says("belongs to");
}

#[test]
fn unused_sync_states_of_machines_that_share_a_home_are_removed() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "v1");
    let document = scene.document(&cube, &[]);
    let run = |tool: &str| scene.tool(tool).reads_document(&document).run();
    run("mlcube-ssh-push").succeeds();
    let states = scene.home().join(".local/state/mlcube-ssh");
    let all = || -> Vec<PathBuf> {
        let all = fs::read_dir(&states).unwrap().flatten().map(|entry| entry.path());
        let mut all: Vec<_> =
            all.filter(|path| path.to_str().unwrap().contains("/digits-")).collect();
        all.sort();
        all
    };
    let first = all();
    // A container with another name and a folder of its own, each time.
    for left in ["left", "left with a backup", "new"] {
        another_machine_was_here(&scene);
        let aside = scene.place().path().join(left);
        scene
            .sh("mv \"$0\" \"$1\" && cp -a \"$1\" \"$0\"")
            .arg(cube.root())
            .arg(aside)
            .run()
            .succeeds();
        if left == "new" {
            let aged = "cd \"$0\" && touch -d '100 days ago' digits-*.*.about";
            scene.sh(aged).arg(&states).run().succeeds();
        }
        run("mlcube-ssh-pull").succeeds();
        if left == "left with a backup" {
            let state = all()
                .into_iter()
                .filter(|path| path.is_dir())
                .max_by_key(|path| fs::metadata(path.join("lock")).unwrap().modified().unwrap());
            fs::create_dir_all(state.unwrap().join("replaced/1/data.csv")).unwrap();
        }
    }
    let now = all();
    assert_eq!(first.len(), 3, "{first:?}");
    assert!(first.iter().all(|path| now.contains(path)), "the first machine's stay: {now:?}");
    // Those with a backup, and those of the new machine, each of which has a file beside it.
    assert_eq!(now.len(), first.len() + 4, "{now:?}");
    assert!(now.iter().any(|path| path.join("replaced/1/data.csv").exists()), "{now:?}");
}
