//! A disk that is soon full.

use std::path::{Path, PathBuf};

use crate::podman::unmount;
use crate::program::{am_root, command, must};

/// A small file system of its own, taken away on drop.
#[derive(Debug)]
pub struct Tmpfs {
    path: PathBuf,
}

impl Tmpfs {
    /// Mounts one of this size (as `mount -o size=` takes it) at a new folder; none unless root.
    pub fn mount(path: &Path, size: &str) -> Option<Tmpfs> {
        if !am_root() {
            eprintln!("skipped: only root can mount a small disk");
            return None;
        }
        std::fs::create_dir_all(path).unwrap();
        must(
            command("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
                .arg(path),
        );
        Some(Tmpfs { path: path.to_owned() })
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        unmount(&self.path);
    }
}
