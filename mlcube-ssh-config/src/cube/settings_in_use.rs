//! The settings file in use, and the ssh configuration that it names. They say which programs run locally, so a pull never
//! replaces them, nor a link that leads to them; and they are about other platforms, too, so a push never sends them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path;
use std::path::{Component, Path, PathBuf};

use crate::cube::Cube;
use crate::cube::paths::home_expanded;
use crate::cube::trust::settings_file;

/// Why such a file is skipped.
pub const WHY: &str = "it is, or leads to, your settings file or your ssh configuration";

/// As many links on the way to a file are followed by the system (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Such files, under whatever name or link they are met.
#[derive(Debug, Default)]
pub struct SettingsInUse {
    files: Vec<Metadata>,
    /// The links on the way to these files from the paths that name them.
    links: Vec<Metadata>,
}

impl SettingsInUse {
    /// Finds those of a cube's platform.
    #[must_use]
    pub fn of(cube: &Cube) -> Self {
        let Cube { layout, runner } = cube;
        let ssh_config = runner.ssh_config.iter().map(|path| home_expanded(path));
        let settings = settings_file().ok().map(PathBuf::from);
        let named: Vec<PathBuf> = settings.into_iter().chain(ssh_config).collect();
        let links = named.iter().flat_map(|path| links_on_the_way(path)).collect();
        let found = named.iter().filter_map(|at| fs::metadata(at).ok());
        // The remote mlcube reads the cube's own file, which may be the settings file, too.
        let of_cube = fs::metadata(layout.base.join(&layout.root).join(&layout.file)).ok();
        let is_of_cube = |file: &Metadata| of_cube.as_ref().is_some_and(|it| is_one(it, file));
        Self { files: found.filter(|file| !is_of_cube(file)).collect(), links }
    }

    /// Returns whether the local file at `place`, which has this size, is one of them.
    #[must_use]
    pub fn has(&self, place: &Path, size: u64) -> bool {
        self.files
            .iter()
            .any(|it| it.len() == size && fs::metadata(place).is_ok_and(|file| is_one(it, &file)))
    }

    /// Returns whether the local link at `place` is on the way to one of them.
    #[must_use]
    pub fn is_behind(&self, place: &Path) -> bool {
        !self.links.is_empty()
            && fs::symlink_metadata(place)
                .is_ok_and(|link| self.links.iter().any(|it| is_one(it, &link)))
    }
}

/// Finds the links that the system follows to open a path.
fn links_on_the_way(path: &Path) -> Vec<Metadata> {
    let parts = |path: &Path| -> Vec<OsString> {
        path.components().map(|part| part.as_os_str().to_owned()).collect()
    };
    let mut ahead: VecDeque<OsString> =
        path::absolute(path).map_or_else(|_| VecDeque::new(), |path| parts(&path).into());
    let (mut at, mut links) = (PathBuf::from("/"), Vec::new());
    while let Some(part) = ahead.pop_front() {
        if Path::new(&part).components().next() == Some(Component::ParentDir) {
            at.pop();
            continue;
        }
        // The root replaces what came before.
        let place = at.join(&part);
        match fs::read_link(&place) {
            Ok(target) if links.len() < MOST_LINKS => {
                links.extend(fs::symlink_metadata(&place));
                for part in parts(&target).into_iter().rev() {
                    ahead.push_front(part);
                }
            }
            _ => at = place,
        }
    }
    links
}

fn is_one(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
