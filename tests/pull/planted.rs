//! What a cube can bring in its workspace: a pull writes, makes and removes nothing behind it.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};

/// A pushed cube, and a folder of the user's beside it that holds `photos/one`.
struct Planted {
    scene: Scene,
    cube: Cube,
    document: Document,
    victim: PathBuf,
}

fn planted() -> Planted {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").writes("out", "out/"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let victim = scene.home().join("victim");
    fs::create_dir_all(victim.join("photos")).unwrap();
    fs::write(victim.join("photos/one"), "mine").unwrap();
    fs::create_dir_all(cube.workspace()).unwrap();
    Planted { scene, cube, document, victim }
}

impl Planted {
    fn there(&self) -> PathBuf {
        self.scene.host.remote_root().join("digits/workspace")
    }

    fn partial(&self, name: &str) -> PathBuf {
        let path = self.cube.workspace().join(".mlcube-ssh-partial").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn pull(&self) -> Outcome {
        fs::write(self.before(), "").unwrap();
        self.scene.tool("mlcube-ssh-pull").reads_document(&self.document).run()
    }

    /// A file that was written just before the pull.
    fn before(&self) -> PathBuf {
        self.scene.home().join("before")
    }

    /// Nothing was added to the user's folder or removed from it, not even for a moment.
    #[track_caller]
    fn is_untouched(&self) {
        let names = |folder: &Path| -> Vec<_> {
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        };
        assert_eq!(names(&self.victim), ["photos"]);
        assert_eq!(fs::read_to_string(self.victim.join("photos/one")).unwrap(), "mine");
        let changed = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        assert!(changed(&self.victim) <= changed(&self.before()));
    }
}

#[test]
fn the_lock_of_a_dead_pull_is_no_link_and_no_pipe() {
    let planted = planted();
    let made = planted.scene.home().join("made by the cube");
    symlink(&made, planted.partial("pull-1/lock")).unwrap();
    let pipe = planted.partial("pull-2/lock");
    planted.scene.sh("mkfifo \"$PIPE\"").env("PIPE", &pipe).run().succeeds();
    fs::write(planted.there().join("score"), "1").unwrap();
    planted.pull().succeeds();
    assert_eq!(planted.cube.result("score"), "1");
    assert!(!made.exists());
}

#[test]
fn nobody_knows_the_name_of_the_stage() {
    let planted = planted();
    let lines = "case $1 in
  --version) echo 'rsync  version 3.2.3  protocol version 31' ;;
  *) exec /usr/bin/rsync \"$@\" ;;
esac";
    planted.scene.has_program("rsync", lines);
    // Earlier versions named it after the folder of the sync state, which a cube can work out.
    for state in fs::read_dir(planted.scene.home().join(".local/state/mlcube-ssh")).unwrap() {
        let name = state.unwrap().file_name().into_string().unwrap();
        symlink(&planted.victim, planted.partial(&format!("stage-{name}"))).unwrap();
    }
    fs::write(planted.there().join("score"), vec![b'x'; 2_000_000]).unwrap();
    planted.pull().succeeds();
    assert_eq!(planted.cube.result("score").len(), 2_000_000);
    planted.is_untouched();
}

#[test]
fn nothing_is_made_behind_a_link_through_which_a_pull_does_not_write() {
    let planted = planted();
    let out = planted.cube.workspace().join("out");
    let _absent = fs::remove_dir_all(&out);
    symlink(&planted.victim, &out).unwrap();
    let scratch = planted.scene.host.folder().join("scratch");
    fs::create_dir(&scratch).unwrap();
    fs::write(scratch.join("model"), "theirs").unwrap();
    let out = planted.there().join("out");
    let _absent = fs::remove_dir_all(&out);
    symlink(&scratch, &out).unwrap();
    fs::write(planted.there().join("score"), vec![b'x'; 2_000_000]).unwrap();
    planted.pull().exits(125).says("out");
    assert_eq!(planted.cube.result("score").len(), 2_000_000);
    planted.is_untouched();
}

#[test]
fn a_link_where_the_parts_of_a_file_lie_is_neither_read_nor_removed_through() {
    let planted = planted();
    let place = "sub/.mlcube-ssh-partial";
    let sub = planted.cube.workspace().join("sub");
    for folder in [&sub, &planted.there().join("sub")] {
        fs::create_dir_all(folder).unwrap();
    }
    // A cube's: rsync looks beside every file that it fetches.
    symlink(planted.victim.join("photos"), sub.join(".mlcube-ssh-partial")).unwrap();
    fs::write(planted.there().join("sub/one"), vec![b'x'; 2_000_000]).unwrap();
    fs::write(planted.before(), "").unwrap();
    let run = |tool: &str| planted.scene.tool(tool).reads_document(&planted.document).run();
    run("mlcube-ssh-pull").exits(125).complains(&[place, "a folder that you own", "remove it"]);
    fs::remove_file(sub.join(".mlcube-ssh-partial")).unwrap();
    run("mlcube-ssh-pull").succeeds();
    // A task's.
    let link = planted.there().join(place);
    symlink(planted.victim.join("photos"), &link).unwrap();
    fs::write(sub.join("one"), vec![b'y'; 2_000_001]).unwrap();
    run("mlcube-ssh-push").succeeds();
    assert_eq!(fs::read(planted.there().join("sub/one")).unwrap().len(), 2_000_001);
    assert!(fs::symlink_metadata(&link).is_err(), "it is removed before rsync looks there");
    planted.is_untouched();
}
