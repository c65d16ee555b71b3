//! A disk with oddities: one that fails to read, folds the case of names, rounds times.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::disk::tmpfs::unmount_below;
use crate::program::{am_root, built, command};
use crate::skip::skip;
use crate::wait::eventually;

/// A folder shown as an odd disk would show it, through FUSE, by the program `mlcube-ssh-odd-disk`. Taken away on drop.
#[derive(Debug)]
pub struct OddDisk {
    path: PathBuf,
    /// Holds the folder behind it, and the file with its oddities: not beside it, where they could be taken for a
    /// cube's.
    store: TempDir,
    program: Option<Child>,
}

impl OddDisk {
    /// Shows the folder at `path`, which is made where it is missing, as such a disk, in its own place; what was in the
    /// folder is on the disk. `oddities` are as in [`OddDisk::has`]. None where it can't be mounted, which CI takes for
    /// a failure.
    pub fn mount(path: &Path, oddities: &[&str]) -> Option<OddDisk> {
        let store = tempfile::Builder::new().prefix("mlct-disk-").tempdir().unwrap();
        let mut disk = OddDisk { path: path.to_owned(), store, program: None };
        fs::create_dir_all(path).unwrap();
        fs::rename(path, disk.behind()).unwrap();
        fs::create_dir(path).unwrap();
        disk.has(oddities);
        if let Err(why) = disk.start() {
            fs::remove_dir(path).and_then(|()| fs::rename(disk.behind(), path)).unwrap();
            skip(&format!("no odd disk can be mounted: {why}"));
            return None;
        }
        Some(disk)
    }

    /// From now on it has these oddities and no others: `names fold`, `names nfd`, `names nfc`, `name-bytes 100`, `eio
    /// some/path`, `eio-content some/path`, `two-seconds`, `both-times`, `no-times`, `no-modes`, `no-links`, `no-statfs`,
    /// `no-locks`, `quota`; paths are relative to its top. `tests/odd-disk/src/switches.rs` says what each does.
    pub fn has(&self, oddities: &[&str]) {
        let new = self.store.path().join("new");
        fs::write(&new, oddities.join("\n")).unwrap();
        fs::rename(new, self.switches()).unwrap();
    }

    /// Its mount point.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder behind it, which has no oddities.
    pub fn behind(&self) -> PathBuf {
        self.store.path().join("behind")
    }

    fn switches(&self) -> PathBuf {
        self.store.path().join("switches")
    }

    fn start(&mut self) -> Result<(), String> {
        let program = built().join("mlcube-ssh-odd-disk");
        assert!(
            program.exists(),
            "mlcube-ssh-odd-disk isn't built; first: cargo build --workspace"
        );
        if !am_root() {
            return Err("only root can".to_owned());
        }
        // It dies with the thread of the test, even when the test is killed and nothing is dropped.
        let mut command = command("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program).arg(self.behind()).arg(&self.path);
        command.arg(self.switches()).stderr(Stdio::piped());
        let mut program = command.spawn().unwrap();
        let mut is_over = false;
        eventually("the odd disk is mounted, or can't be", || {
            is_over = program.try_wait().unwrap().is_some();
            is_over || is_mounted(&self.path)
        });
        if is_over {
            let ended = program.wait_with_output().unwrap();
            return Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned());
        }
        self.program = Some(program);
        Ok(())
    }
}

impl Drop for OddDisk {
    fn drop(&mut self) {
        if let Some(mut program) = self.program.take() {
            unmount_below(&self.path);
            // Where something still uses it, it isn't unmounted: it goes with the program.
            let _gone_already = program.kill();
            program.wait().unwrap();
            unmount_below(&self.path);
        }
    }
}

fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(1) == path.to_str())
}
