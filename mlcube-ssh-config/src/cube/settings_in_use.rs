//! The settings file in use, and the ssh configuration that it names. They say which programs run locally, so a pull never
//! replaces them; and they are about other platforms, too, so a push never sends them.

use std::fs;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cube::Cube;
use crate::cube::paths::home_expanded;
use crate::cube::trust::settings_file;

/// Why such a file is skipped.
pub const WHY: &str = "it is your settings file, or your ssh configuration";

/// Such files, under whatever name or link they are met.
#[derive(Debug, Default)]
pub struct SettingsInUse(Vec<Metadata>);

impl SettingsInUse {
    /// Finds those of a cube's platform.
    #[must_use]
    pub fn of(cube: &Cube) -> Self {
        let Cube { layout, runner } = cube;
        let ssh_config = runner.ssh_config.iter().map(|path| home_expanded(path));
        let settings = settings_file().ok().map(PathBuf::from);
        let found = settings.into_iter().chain(ssh_config).filter_map(|at| fs::metadata(at).ok());
        // The remote mlcube reads the cube's own file, which may be the settings file, too.
        let of_cube = fs::metadata(layout.base.join(&layout.root).join(&layout.file)).ok();
        let is_of_cube = |file: &Metadata| of_cube.as_ref().is_some_and(|it| is_one(it, file));
        Self(found.filter(|file| !is_of_cube(file)).collect())
    }

    /// Returns whether the local file at `place`, which has this size, is one of them.
    #[must_use]
    pub fn has(&self, place: &Path, size: u64) -> bool {
        self.0
            .iter()
            .any(|it| it.len() == size && fs::metadata(place).is_ok_and(|file| is_one(it, &file)))
    }
}

fn is_one(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
