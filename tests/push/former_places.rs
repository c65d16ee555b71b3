//! Links of the remote in places where a push once made something that both sides have removed since.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};

/// A cube whose folder `data/sub` a push has made on the host, and a private folder of the account's.
struct Pushed {
    scene: Scene,
    cube: Cube,
    document: Document,
    place: PathBuf,
    ssh: PathBuf,
}

fn pushed() -> Pushed {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let cube = cube.with_file("data/sub/rc", "mine").with_file("data/cfg", "1");
    let document = scene.document(&cube, &[]);
    let place = scene.host.remote_root().join("digits/workspace/data/sub");
    let ssh = scene.host.folder().join("the account's/.ssh");
    fs::create_dir_all(&ssh).unwrap();
    let pushed = Pushed { scene, cube, document, place, ssh };
    pushed.push(&[]).succeeds();
    pushed
}

impl Pushed {
    fn push(&self, words: &[&str]) -> Outcome {
        self.scene.tool("mlcube-ssh-push").args(words).reads_document(&self.document).run()
    }

    fn remove_on_both_sides(&self) {
        fs::remove_dir_all(self.cube.workspace().join("data/sub")).unwrap();
        fs::remove_dir_all(&self.place).unwrap();
    }

    /// A task has put a link in that place; the folder is back locally, and isn't sent through the link.
    #[track_caller]
    fn is_not_sent_through_a_link(&self) {
        symlink(&self.ssh, &self.place).unwrap();
        let here = self.cube.workspace().join("data/sub");
        fs::create_dir_all(&here).unwrap();
        fs::write(here.join("authorized_keys"), "planted").unwrap();
        for words in [&[] as &[&str], &["--overwrite"], &[]] {
            self.push(words).exits(125).says("`mlcube-ssh-push --follow-link=data/sub`");
            assert_eq!(fs::read_dir(&self.ssh).unwrap().count(), 0);
        }
        self.push(&["--follow-link=data/sub"]).succeeds();
        assert!(self.ssh.join("authorized_keys").exists(), "the user's word");
    }
}

#[test]
fn a_folder_that_both_sides_removed_before_a_push() {
    let pushed = pushed();
    pushed.remove_on_both_sides();
    pushed.push(&[]).succeeds();
    pushed.is_not_sent_through_a_link();
}

#[test]
fn a_folder_that_both_sides_removed_before_a_pull() {
    let pushed = pushed();
    pushed.remove_on_both_sides();
    pushed.scene.tool("mlcube-ssh-pull").reads_document(&pushed.document).run().succeeds();
    pushed.is_not_sent_through_a_link();
}

#[test]
fn a_folder_that_a_push_had_made_before_it_was_cut_off() {
    let pushed = pushed();
    // As that push would have left it.
    let cut = "cd ~/.local/state/mlcube-ssh/digits-*/ && mv workspace going-up && : >workspace";
    pushed.scene.sh(cut).run().succeeds();
    pushed.remove_on_both_sides();
    pushed.is_not_sent_through_a_link();
}

#[test]
fn a_folder_that_clean_removed() {
    let pushed = pushed();
    fs::remove_dir_all(pushed.cube.workspace().join("data/sub")).unwrap();
    let clean = pushed.scene.tool("mlcube-ssh-exec").args(["clean", "--yes=workspaces", "--force"]);
    clean.reads_document(&pushed.document).run().succeeds();
    fs::create_dir_all(pushed.place.parent().unwrap()).unwrap();
    pushed.is_not_sent_through_a_link();
}
