//! What the tests of disks share: a cube that was pushed once, and its transfers.

use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task, files_below};

/// A cube whose files are on the host, and the folder of its workspace there.
pub(crate) fn pushed(scene: &Scene) -> (Cube, Document, PathBuf) {
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    push(scene, &document).succeeds();
    (cube, document, scene.host.remote_root().join("digits/workspace"))
}

pub(crate) fn push(scene: &Scene, document: &Document) -> Outcome {
    scene.tool("mlcube-ssh-push").reads_document(document).run()
}

pub(crate) fn pull(scene: &Scene, document: &Document) -> Outcome {
    scene.tool("mlcube-ssh-pull").reads_document(document).run()
}

/// The contents of files that were kept aside.
pub(crate) fn kept_aside(folder: &Path) -> Vec<String> {
    let aside = files_below(folder);
    let aside = aside
        .iter()
        .filter(|path| path.iter().any(|part| part == "replaced") && !path.is_symlink());
    aside.map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
}
