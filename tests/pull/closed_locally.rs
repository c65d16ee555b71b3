//! Local folders that a pull may not write or read.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{
    Account, Cube, Document, HostOptions, Outcome, Place, Scene, Task, whole_tree,
};

/// A cube of an ordinary user, whose files are on the host.
struct Pushed {
    scene: Scene,
    account: Account,
    cube: Cube,
    document: Document,
    there: PathBuf,
}

fn pushed() -> Option<Pushed> {
    let place = Place::new();
    let account = Account::with_shell(&place.folder("homes"), "sh")?;
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    let disk = scene.place().path().join("disk");
    scene.follows_links_to(&disk);
    fs::create_dir_all(scene.host.remote_root()).unwrap();
    account.owns(&scene.host.remote_root());
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    account.owns(scene.home());
    scene.tool_as(&account, "mlcube-ssh-push").reads_document(&document).run().succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    Some(Pushed { scene, account, cube, document, there })
}

impl Pushed {
    fn pull(&self, words: &[&str]) -> Outcome {
        let pull = self.scene.tool_as(&self.account, "mlcube-ssh-pull").args(words);
        pull.reads_document(&self.document).run()
    }

    /// Makes a file there.
    fn made(&self, name: &str) {
        let path = self.there.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_arrives_where_no_folder_for_its_parts_can_be_made() {
    let Some(pushed) = pushed() else { return };
    let workspace = pushed.cube.workspace();
    let partial = workspace.join(".mlcube-ssh-partial");
    fs::write(&partial, "the user's").unwrap();
    pushed.made("score");
    // What isn't a folder of ours is named and neither used nor removed.
    pushed
        .pull(&[])
        .exits(125)
        .says(".mlcube-ssh-partial, where transfers write, must be a folder that you own");
    assert_eq!(pushed.cube.result(".mlcube-ssh-partial"), "the user's");
    fs::remove_file(partial).unwrap();
    pushed.pull(&[]).succeeds();
    assert_eq!(pushed.cube.result("score"), "score");
    // Root's, but for a folder in it.
    fs::create_dir(workspace.join("out")).unwrap();
    pushed.account.owns(&workspace.join("out"));
    chown(&workspace, Some(0), Some(0)).unwrap();
    pushed.made("out/model");
    pushed.pull(&[]).succeeds();
    assert_eq!(pushed.cube.result("out/model"), "out/model");
}

#[test]
fn a_local_folder_that_cant_be_read_holds_nothing_else_up() {
    let Some(pushed) = pushed() else { return };
    let workspace = pushed.cube.workspace();
    for name in ["ignored/inside", "own/inside", "roots/inside"] {
        fs::create_dir_all(workspace.join(name).parent().unwrap()).unwrap();
        fs::write(workspace.join(name), "edited here").unwrap();
        pushed.made(name);
    }
    for (name, mode) in [("ignored", 0o000), ("own", 0o000), ("roots", 0o700)] {
        if name != "roots" {
            pushed.account.owns(&workspace.join(name));
        }
        set_mode(&workspace.join(name), mode);
    }
    fs::write(pushed.cube.root().join(".mlcubeignore"), "ignored\n").unwrap();
    pushed.made("score");
    let pulled = pushed.pull(&["-q"]);
    pulled
        .exits(125)
        .says("skipped own and everything")
        .says("skipped roots and everything")
        .never_says("ignored");
    pulled.says("can't read 'own' and 1 more locally");
    assert_eq!(pushed.cube.result("score"), "score");
    let left_out = pulled.document().at("/steps/pull/left_out").clone();
    assert_eq!(left_out, serde_json::json!(["own", "roots"]));
    pushed.pull(&["-q", "own/in*"]).exits(125).says("skipped own and everything");
    pushed.pull(&["--verify"]).exits(125).says("and 1 more locally");
    // Neither opened nor replaced.
    for name in ["ignored", "own"] {
        let path = workspace.join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0, "{name}");
        assert_eq!(pushed.cube.result(&format!("{name}/inside")), "edited here");
        set_mode(&path, 0o755);
    }
    pushed.account.owns(&workspace);
    pushed.pull(&["-q"]).succeeds().says("kept own/inside").says("kept roots/inside");
}

#[test]
fn what_lies_behind_a_link_to_a_folder_that_cant_be_read() {
    let Some(pushed) = pushed() else { return };
    let disk = pushed.scene.place().folder("disk");
    set_mode(&disk, 0o700);
    symlink(&disk, pushed.cube.workspace().join("out")).unwrap();
    pushed.made("out/model");
    pushed.made("score");
    pushed.pull(&["-q"]).exits(125).says("skipped out and everything below it");
    assert_eq!(pushed.cube.result("score"), "score");
}

#[test]
fn read_only_folders_come_beside_a_name_that_is_a_pattern() {
    let Some(pushed) = pushed() else { return };
    for name in ["module/a", "module/deep/b", "st*r"] {
        pushed.made(name);
    }
    // Fetched by rsync, and so is the rest then.
    fs::File::create(pushed.there.join("holes")).unwrap().set_len(3_000_000).unwrap();
    for folder in ["module/deep", "module"] {
        set_mode(&pushed.there.join(folder), 0o555);
    }
    pushed.account.owns(&pushed.there);
    pushed.pull(&[]).succeeds();
    assert_eq!(whole_tree(&pushed.cube.workspace()), whole_tree(&pushed.there));
}
