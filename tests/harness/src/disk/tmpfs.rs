//! A small disk, which is soon full.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{am_root, command, must};
use crate::skip::skip;

/// A small file system of its own, taken away on drop.
#[derive(Debug)]
pub struct Tmpfs {
    path: PathBuf,
}

impl Tmpfs {
    /// Mounts one of this size (as `mount -o size=` takes it) at a new folder; none unless root.
    pub fn mount(path: &Path, size: &str) -> Option<Tmpfs> {
        if !am_root() {
            skip("only root can mount a small disk");
            return None;
        }
        fs::create_dir_all(path).unwrap();
        must(
            command("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0755"), "tmpfs"])
                .arg(path),
        );
        Some(Tmpfs { path: path.to_owned() })
    }

    /// Mounts a file on itself: nothing can take its name (EBUSY). None unless root.
    pub fn pin(file: &Path) -> Option<Tmpfs> {
        if !am_root() {
            skip("only root can mount a file on itself");
            return None;
        }
        must(command("mount").arg("--bind").args([file, file]));
        Some(Tmpfs { path: file.to_owned() })
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        unmount_below(&self.path);
    }
}

/// Takes away what is mounted at a path or below it, the latest first.
pub(crate) fn unmount_below(path: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)).map(unescaped);
    for place in places.filter(|place| Path::new(place).starts_with(path)) {
        let _best_effort = command("umount").arg(place).output();
    }
}

/// A place as it is: `/proc/self/mounts` writes blanks, newlines and backslashes as three octal digits
/// (`proc_pid_mounts(5)`).
fn unescaped(place: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(place.to_owned(), |place, (escaped, plain)| place.replace(escaped, plain))
}
