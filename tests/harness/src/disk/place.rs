//! A temporary folder. Whatever was started in its name ends with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Processes;
use crate::disk::tmpfs::unmount_below;

/// A temporary folder of one test. Its path is in the environment or in the arguments of everything that the test
/// starts, here and on its remote hosts: by that, what is still running is found and ended on drop.
#[derive(Debug)]
pub struct Place {
    dir: TempDir,
}

impl Place {
    /// Makes one with a short and plain name (a control socket's path has 90 bytes at most), which any user can enter.
    pub fn new() -> Place {
        let dir = tempfile::Builder::new().prefix("mlct-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Place { dir }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A folder in it, made if it isn't there.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// What runs in its name now.
    pub fn processes(&self) -> Processes {
        Processes::naming(self.path())
    }
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Killing one may let another be started (a restarted child, a cleanup): until none is left, but not for ever.
        for _ in 0..20 {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            left.kill();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // A container's own cleanup may have mounted its store again after the store was closed.
        unmount_below(self.path());
        if std::env::var_os("MLCUBE_SSH_TEST_KEEP").is_some() {
            eprintln!("kept: {}", self.path().display());
            self.dir.disable_cleanup(true);
        }
    }
}
