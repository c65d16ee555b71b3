//! A user who has mlcube and the wheel in one environment, and types `mlcube`.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::PathBuf;

use mlcube_ssh_harness::{Installed, Invocation, Scene};

/// The releases of mlcube that people have.
pub(crate) const RELEASES: [&str; 2] = ["0.0.9", "0.0.10rc2"];

/// A scene's user.
pub(crate) struct User {
    pub(crate) scene: Scene,
    mlcube: PathBuf,
}

impl User {
    /// One with mlcube 0.0.9 in an environment of its own.
    pub(crate) fn new() -> User {
        User::with(Scene::new(), RELEASES[0])
    }

    /// The user of this scene.
    pub(crate) fn with(scene: Scene, release: &str) -> User {
        without_programs(&scene);
        User { scene, mlcube: Installed::beside_mlcube(release).program("mlcube") }
    }

    /// Types `mlcube` with these words.
    pub(crate) fn mlcube(&self, words: &[&str]) -> Invocation {
        self.scene.invocation(&self.mlcube).args(words)
    }
}

/// Takes the programs out of the user's PATH: there are only those of the wheel.
pub(crate) fn without_programs(scene: &Scene) {
    for entry in fs::read_dir(scene.home().join("bin")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("mlcube-ssh") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}
