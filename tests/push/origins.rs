//! Two cubes of one name don't mix; the same cube from another machine takes its tree over.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mlcube_ssh::text::stable_hash::former;
use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};

fn cube(scene: &Scene, folder: &str, content: &str) -> Cube {
    let cube = Cube::new(&scene.home().join(folder));
    cube.task(&Task::named("train").reads("data", "data.csv")).with_file("data.csv", content)
}

fn push(scene: &Scene, cube: &Cube, words: &[&str]) -> Outcome {
    let document = scene.document(cube, words);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run()
}

fn push_if_changed(scene: &Scene, cube: &Cube) -> Outcome {
    let document = scene.document(cube, &[]);
    let push = scene.tool("mlcube-ssh-push").args(["-q", "--if-changed"]);
    push.reads_document(&document).run()
}

/// This machine forgets all that it knows, as a fresh checkout on another one would.
fn forget(scene: &Scene) {
    fs::remove_dir_all(scene.home().join(".local/state/mlcube-ssh")).unwrap();
}

#[test]
fn another_cube_of_the_same_name_is_refused_with_the_way_out() {
    let scene = Scene::new();
    let (one, two) = (cube(&scene, "one/mlcube", "1"), cube(&scene, "two/mlcube", "2"));
    push(&scene, &one, &[]).succeeds();
    let refused = push(&scene, &two, &[]);
    refused.exits(125).complains(&[
        "there",
        "mlcube",
        one.root().to_str().unwrap(),
        "remote_name",
        "adopt",
    ]);
    let root = scene.host.remote_root();
    assert_eq!(fs::read_to_string(root.join("mlcube/workspace/data.csv")).unwrap(), "1");
    push(&scene, &two, &["-Prunner.remote_name=second"]).succeeds();
    assert_eq!(fs::read_to_string(root.join("second/workspace/data.csv")).unwrap(), "2");
    push(&scene, &one, &[]).succeeds();
}

#[test]
fn no_task_starts_in_a_tree_that_another_cube_has_taken_over() {
    let scene = Scene::new();
    let (one, two) = (cube(&scene, "one/mlcube", "1"), cube(&scene, "two/mlcube", "2"));
    push(&scene, &one, &[]).succeeds();
    push(&scene, &two, &["-Prunner.adopt=true"]).succeeds();
    // Nothing has changed here, so nobody asks the host.
    push_if_changed(&scene, &one).succeeds();
    for verb in ["run", "configure"] {
        let document = scene.document(&one, &[]);
        let started = scene.tool("mlcube-ssh-exec").arg(verb).reads_document(&document).run();
        started.exits(125).complains(&[
            two.root().to_str().unwrap(),
            "has taken it over since the last push of this machine",
            "take back",
            "-Prunner.adopt=true",
        ]);
    }
    let taken_back = push(&scene, &one, &["-Prunner.adopt=true"]).succeeds().document();
    // Whatever image the other one has built.
    assert_eq!(taken_back.at("/steps/push/context_changed"), true);
    // The owner isn't what keeps it from starting now.
    let document = scene.document(&one, &[]);
    let started = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).run();
    started.never_says("has taken it over");
}

#[test]
fn a_fresh_checkout_adopts_and_loses_nothing() {
    let scene = Scene::new();
    let cube = cube(&scene, "digits", "1");
    push(&scene, &cube, &[]).succeeds();
    forget(&scene);
    let there = scene.host.remote_root().join("digits/workspace/data.csv");
    fs::write(&there, "changed there").unwrap();
    push(&scene, &cube, &[]).exits(125).complains(&["-Prunner.adopt=true"]);
    push(&scene, &cube, &["-Prunner.adopt=true"]).succeeds();
    assert_eq!(fs::read_to_string(&there).unwrap(), "changed there", "nobody knows which is right");
    push(&scene, &cube, &[]).succeeds();
    // Another one adopts it, and can remove it: a push made the tree.
    forget(&scene);
    push(&scene, &cube, &["-Prunner.adopt=true"]).succeeds();
    let document = scene.document(&cube, &[]);
    let clean = scene.tool("mlcube-ssh-exec").args(["clean", "--yes=tree", "--force"]);
    clean.reads_document(&document).run().succeeds();
    assert!(!scene.host.remote_root().join("digits").exists());
}

#[test]
fn who_it_was_is_for_its_owner_alone() {
    let scene = Scene::new();
    let cube = cube(&scene, "digits", "1");
    push(&scene, &cube, &[]).succeeds();
    let there = scene.host.remote_root().join(".mlcube-ssh/digits/origin");
    assert!(fs::read_to_string(&there).unwrap().contains(cube.root().to_str().unwrap()));
    for file in [there, scene.home().join(".local/state/mlcube-ssh/id")] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn the_same_cube_by_another_name_of_the_host_is_the_same() {
    let mut scene = Scene::new();
    let cube = cube(&scene, "digits", "1");
    push(&scene, &cube, &[]).succeeds();
    let config = fs::read_to_string(scene.home().join(".ssh/config")).unwrap();
    fs::write(scene.home().join(".ssh/config"), config.replace("Host there", "Host there alias"))
        .unwrap();
    scene.set("/host", "alias");
    push(&scene, &cube, &[]).succeeds();
}

/// Renames the only thing in a folder whose name is accepted.
fn rename_only(folder: &Path, accepted: impl Fn(&str) -> bool, name: &str) -> PathBuf {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut accepted = names.filter(|name| accepted(name.to_str().unwrap()));
    let (Some(only), None) = (accepted.next(), accepted.next()) else {
        panic!("{}", folder.display())
    };
    fs::rename(folder.join(&only), folder.join(name)).unwrap();
    folder.join(only)
}

/// Puts all under the names that versions before the stable hash would have given it, and returns the stable ones and
/// the workspace's former one.
fn as_an_earlier_version(
    scene: &Scene,
    document: &Document,
    base: &Path,
    workspace: &Path,
) -> ([PathBuf; 2], PathBuf) {
    let remote = |key: &str| document.at(&format!("/remote/{key}")).as_str().unwrap().to_owned();
    let own = scene.host.remote_root().join(".mlcube-ssh/digits");
    let state = scene.home().join(".local/state/mlcube-ssh");

    let place = format!("data-{:08x}", former::hash(&workspace) & 0xffff_ffff);
    let former_workspace = format!("{}/{place}", remote("workspace").rsplit_once('/').unwrap().0);
    let (host, user) = (remote("host"), None::<String>);
    let tree = former::hash(&(&host, &user, remote("base"), base));
    let pair = former::hash(&(host, user, remote("base"), former_workspace, base, workspace));
    let is_pair = |name: &str| name.starts_with("digits-") && !name.contains('.');
    let about = rename_only(&state, |name| name.contains(".about"), "unknown then");
    assert!(!about.exists());
    fs::remove_file(state.join("unknown then")).unwrap();
    let now = [
        rename_only(&own.join("workspaces"), |_| true, &place),
        rename_only(&state, is_pair, &format!("digits-{pair:016x}")),
    ];
    fs::write(state.join(format!("digits-{tree:016x}.workspaces")), "runs/1\n").unwrap();

    let machine = fs::read_to_string(state.join("id")).unwrap();
    let origin = fs::read_to_string(own.join("origin")).unwrap();
    let (id, rest) = origin.split_once(' ').unwrap();
    assert!(id.starts_with(machine.trim()));
    let id = format!("{}-{:016x}", machine.trim(), former::hash(&base));
    fs::write(own.join("origin"), format!("{id} {rest}")).unwrap();
    (now, own.join("workspaces").join(place))
}

#[test]
fn what_an_earlier_version_named_is_found_and_moved_once() {
    let scene = Scene::new();
    let cube = cube(&scene, "digits", "1");
    let workspace = scene.home().join("big disk/data");
    fs::create_dir_all(&workspace).unwrap();
    fs::write(workspace.join("data.csv"), "1").unwrap();
    let document = scene.document(&cube, &["--workspace", workspace.to_str().unwrap()]);
    let step = |name| scene.tool(name).reads_document(&document).run();
    step("mlcube-ssh-push").succeeds();

    let (now, former) = as_an_earlier_version(&scene, &document, cube.root(), &workspace);
    fs::write(workspace.join("data.csv"), "edited").unwrap();
    step("mlcube-ssh-push").succeeds();
    assert_eq!(fs::read_to_string(now[0].join("data.csv")).unwrap(), "edited", "no conflict");
    assert!(now.iter().all(|place| place.exists()) && !former.exists());
    let state = scene.home().join(".local/state/mlcube-ssh");
    let places = rename_only(&state, |name| name.ends_with(".workspaces"), "places");
    assert_eq!(fs::read_to_string(state.join("places")).unwrap(), "runs/1\n", "{places:?}");

    // A pull finds the workspace, too.
    let (_, former) = as_an_earlier_version(&scene, &document, cube.root(), &workspace);
    fs::write(former.join("result"), "1").unwrap();
    step("mlcube-ssh-pull").succeeds();
    assert_eq!(fs::read_to_string(workspace.join("result")).unwrap(), "1");
    assert!(now.iter().all(|place| place.exists()) && !former.exists());
}
