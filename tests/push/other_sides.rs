//! Sides that aren't those of the last agreement: a local folder that is another one by now, a remote that was restored
//! from a backup.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::Path;

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};

/// A cube with an input in a folder with a blank, which was pushed with the code `code 1`.
struct Pushed {
    scene: Scene,
    cube: Cube,
    document: Document,
}

impl Pushed {
    fn new() -> Self {
        let scene = Scene::new();
        let task = Task::named("train").reads("data", "in/");
        let cube = scene.cube("digits").task(&task).with_file("in/a f", "v1");
        fs::write(cube.root().join("k.py"), "code 1").unwrap();
        let document = scene.document(&cube, &[]);
        let pushed = Self { scene, cube, document };
        pushed.run("mlcube-ssh-push", &[]).succeeds();
        pushed
    }

    fn run(&self, tool: &str, words: &[&str]) -> Outcome {
        self.scene.tool(tool).args(words).reads_document(&self.document).run()
    }

    fn edit(&self, version: &str) {
        fs::write(self.cube.workspace().join("in/a f"), format!("v{version}")).unwrap();
        fs::write(self.cube.root().join("k.py"), format!("code {version}")).unwrap();
    }

    fn copy(&self, from: &Path, to: &Path) {
        let copy = "rm -rf \"$1\" && cp -a \"$0\" \"$1\"";
        self.scene.sh(copy).arg(from).arg(to).run().succeeds();
    }

    fn remote(&self, name: &str) -> String {
        fs::read_to_string(self.scene.host.remote_root().join("digits").join(name)).unwrap()
    }

    fn local(&self) -> String {
        fs::read_to_string(self.cube.workspace().join("in/a f")).unwrap()
    }
}

const OTHER_REMOTE: &str = "1 file on 'there' is older than what both sides last agreed on";
const OTHER_FOLDER: &str = "the folder isn't the one of the last transfer";

#[test]
fn a_remote_that_was_put_back_from_a_backup_replaces_nothing_that_is_newer() {
    let pushed = Pushed::new();
    let (there, backup) = (pushed.scene.host.remote_root(), pushed.scene.place().folder("backup"));
    pushed.copy(&there, &backup);
    pushed.edit("2, a day's work");
    pushed.run("mlcube-ssh-push", &[]).succeeds();
    pushed.copy(&backup, &there);
    let pulled = pushed.run("mlcube-ssh-pull", &[]);
    pulled.succeeds().says(OTHER_REMOTE).says("kept in/a f").never_says("fetched 1");
    assert_eq!(pushed.local(), "v2, a day's work");
    let ran = pushed.run("mlcube-ssh-push", &["--inputs"]);
    ran.exits(125).says("has another input train.data").never_says(OTHER_REMOTE);
    // Who changed it is unknown until the user says so, however often both sides meet.
    pushed.run("mlcube-ssh-push", &[]).succeeds().says("kept in/a f").never_says(OTHER_REMOTE);
    pushed.run("mlcube-ssh-push", &["--overwrite"]).succeeds();
    assert_eq!(pushed.remote("workspace/in/a f"), "v2, a day's work");
    assert_eq!(pushed.remote("k.py"), "code 2, a day's work");
    // What a job writes there is fetched, whatever its time.
    let old = "printf 'theirs' >f && touch -d '2001-01-01' f && mv f \"$0\"";
    let place = there.join("digits/workspace/in/a f");
    pushed.scene.sh(old).arg(place).run().succeeds();
    pushed.run("mlcube-ssh-pull", &[]).succeeds().says("fetched 1 file").never_says("kept");
    assert_eq!(pushed.local(), "theirs");
}

#[test]
fn a_local_folder_that_is_another_one_by_now_sends_nothing_that_is_older() {
    let pushed = Pushed::new();
    let root = pushed.cube.root();
    let (first, second) =
        (pushed.scene.place().path().join("first"), pushed.scene.place().path().join("second"));
    pushed.copy(root, &second);
    pushed.edit("2, a day's work");
    pushed.run("mlcube-ssh-push", &[]).succeeds().never_says("kept");
    // A fresh checkout is newer, and what is edited in it is an edit.
    fs::rename(root, &first).unwrap();
    pushed.copy(&first, root);
    pushed.edit("3");
    let fresh = pushed.run("mlcube-ssh-push", &["--inputs"]);
    fresh.succeeds().never_says("kept").never_says(OTHER_FOLDER).never_says("its backup");
    assert_eq!(pushed.remote("workspace/in/a f"), "v3");
    // Another disk with an older copy is mounted there.
    pushed.copy(&second, root);
    let other = pushed.run("mlcube-ssh-push", &[]);
    other.succeeds().says(OTHER_FOLDER).says("kept in/a f").says("'k.py' on").says("its backup");
    assert_eq!(pushed.remote("workspace/in/a f"), "v3");
    pushed.run("mlcube-ssh-pull", &[]).succeeds().says("kept in/a f").never_says(OTHER_FOLDER);
    pushed.run("mlcube-ssh-pull", &["--overwrite"]).succeeds().says("fetched 1 file");
    assert_eq!(pushed.local(), "v3");
    pushed.run("mlcube-ssh-push", &[]).succeeds().says("nothing to send");
}
