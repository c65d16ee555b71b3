//! A local disk that folds case, as a Mac's does: it finds a link of the cube under the name of a folder that the host
//! lists, and a pull writes and makes nothing through it.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, OddDisk, Outcome, Scene, Task, whole_tree};

/// A pushed cube whose workspace is on such a disk, and private files of the user's beside the cube.
struct Folded {
    scene: Scene,
    cube: Cube,
    document: Document,
    private: PathBuf,
    _disk: OddDisk,
}

fn folded(output: &str) -> Option<Folded> {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").writes("out", output));
    fs::create_dir_all(cube.workspace()).unwrap();
    let disk = OddDisk::mount(&cube.workspace(), &["names fold"])?;
    let document = scene.document(&cube, &["--task=train"]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let private = cube.root().join("private");
    fs::create_dir(&private).unwrap();
    fs::write(private.join("keys"), "mine").unwrap();
    Some(Folded { scene, cube, document, private, _disk: disk })
}

impl Folded {
    fn there(&self) -> PathBuf {
        self.scene.host.remote_root().join("digits/workspace")
    }

    /// Large enough that rsync fetches it.
    fn large(&self, name: &str) {
        let path = self.there().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![b'x'; 1_500_000]).unwrap();
    }

    /// From now on the host's find lists these links besides, and none of the folders `without`.
    fn lists(&self, links: &[(&str, &str)], without: &[&str]) {
        let print = |(path, target): &(&str, &str)| {
            format!("  printf 'l 777 1/0 1795783369.7757539100 {path}\\0{target}\\0'\n")
        };
        let printed = links.iter().map(print).collect::<Vec<_>>().concat();
        let drop = |path: &&str| format!("s,(^|\\0)d \\d+ \\S+ \\S+ {path}\\0\\0,$1,; ");
        let dropped = without.iter().map(drop).collect::<Vec<_>>().concat();
        let program = format!(
            r#"case "$*" in *'-mindepth 1 '*%P*) ;; *) exec /usr/bin/find "$@" ;; esac
/usr/bin/find "$@" | perl -0777 -pe '{dropped}'
{printed}"#
        );
        self.scene.host.has_program("find", &program);
    }

    fn pull(&self) -> Outcome {
        self.scene.tool("mlcube-ssh-pull").reads_document(&self.document).run()
    }

    /// A pull is refused, and everything of the user's is as it was.
    #[track_caller]
    fn is_refused(&self, word: &str) {
        let before = whole_tree(&self.private);
        self.pull().exits(125).says(word);
        assert_eq!(whole_tree(&self.private), before);
    }
}

#[test]
fn a_link_of_the_cube_is_no_folder_that_the_host_lists() {
    let Some(folded) = folded("out/") else { return };
    symlink("../private", folded.cube.workspace().join("in")).unwrap();
    folded.large("IN/keys");
    folded.large("IN/new");
    folded.is_refused("skipped IN:");
    // A host that doesn't list the folder, so that nothing tries its name.
    folded.lists(&[], &["IN"]);
    folded.is_refused("listed 'IN/keys' without the folder");
}

#[test]
fn a_link_of_the_cube_is_no_folder_of_an_output() {
    let Some(folded) = folded("IN/private/") else { return };
    symlink("..", folded.cube.workspace().join("in")).unwrap();
    folded.large("IN/private/keys");
    let hidden = folded.scene.host.folder().join("hidden");
    fs::rename(folded.there().join("IN/private"), &hidden).unwrap();
    symlink(&hidden, folded.there().join("IN/private")).unwrap();
    folded.is_refused("skipped IN:");
    folded.lists(&[], &["IN"]);
    folded.is_refused("listed 'IN/private' without the folder");
}

#[test]
fn a_link_that_a_pull_makes_is_no_folder_of_the_next_one() {
    let Some(folded) = folded("out/") else { return };
    folded.large("big");
    // The second one would come to lie in the workspace itself, and the last one in the folder that it leads to.
    let links = [("A", "."), ("a/a/a/a/B", "../private"), ("b/planted", "keys")];
    folded.lists(&links, &[]);
    folded.is_refused("listed 'a/a/a/a/B' without the folder");
    assert!(!folded.cube.workspace().join("B").is_symlink());
    // The same with folders.
    folded.scene.host.loses_program("find");
    symlink(".", folded.there().join("A")).unwrap();
    fs::create_dir(folded.there().join("a")).unwrap();
    symlink("../private", folded.there().join("a/B")).unwrap();
    fs::create_dir(folded.there().join("b")).unwrap();
    symlink("keys", folded.there().join("b/planted")).unwrap();
    folded.is_refused("skipped");
    assert!(!folded.cube.workspace().join("B").is_symlink());
    assert_eq!(fs::read_dir(&folded.private).unwrap().count(), 1);
}

#[test]
fn git_runs_nothing_that_a_host_lists_under_the_name_of_a_link() {
    let Some(folded) = folded("out/") else { return };
    let git = folded.cube.workspace().join(".git/hooks");
    fs::create_dir_all(&git).unwrap();
    symlink(".git", folded.cube.workspace().join("A")).unwrap();
    folded.large("a/hooks/post-checkout");
    folded.pull();
    folded.lists(&[], &["a", "a/hooks"]);
    folded.pull().exits(125);
    assert_eq!(fs::read_dir(&git).unwrap().count(), 0);
    assert!(!Path::new(&folded.cube.workspace().join("a/hooks/post-checkout")).exists());
}
