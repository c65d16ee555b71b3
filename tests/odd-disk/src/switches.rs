//! The oddities of a disk, as a file names them, one a line:
//!
//! | line | oddity |
//! |---|---|
//! | `names fold` | names that differ only in case or normal form are one; the first form is kept (ext4's casefold, APFS) |
//! | `names nfd`, `names nfc` | names are kept in that normal form, whatever form they are given in (HFS+) |
//! | `name-bytes N` | a longer name is refused (ENAMETOOLONG), as by eCryptfs |
//! | `eio PATH` | nothing can be said of the entry at that path, nor of what is below it: EIO |
//! | `eio-content PATH` | the content of that file, or the list of that folder, can't be read: EIO |
//! | `two-seconds` | times are kept in steps of two seconds (FAT) |
//! | `both-times` | setting one of the two times is ignored (libfuse 2 without `utimens`) |
//! | `no-times` | setting times is ignored: each write sets them |
//! | `no-modes` | permissions and owners aren't kept, and setting them is ignored (FAT) |
//! | `no-links` | there are no links of either kind: EPERM (FAT) |
//! | `no-statfs` | the free space can't be asked for: ENOSYS |
//! | `no-locks` | files can't be locked, if the disk was mounted so: ENOSYS (NFS without lockd) |
//! | `quota` | the account may keep nothing more: EDQUOT |
//!
//! Paths are relative to the top of the disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::names::Form;

/// What is switched on.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Switches {
    pub(crate) form: Form,
    pub(crate) name_bytes: Option<usize>,
    pub(crate) eio: Vec<PathBuf>,
    pub(crate) eio_content: Vec<PathBuf>,
    pub(crate) has_two_seconds: bool,
    pub(crate) needs_both_times: bool,
    pub(crate) has_no_times: bool,
    pub(crate) has_no_modes: bool,
    pub(crate) has_no_links: bool,
    pub(crate) has_no_statfs: bool,
    pub(crate) has_no_locks: bool,
    pub(crate) has_used_its_quota: bool,
}

impl Switches {
    /// Reads the file; a line that it doesn't know ends the program: a test must not pass without its oddity.
    pub(crate) fn read(file: &Path) -> Self {
        let mut switches = Self::default();
        let text = fs::read_to_string(file).unwrap_or_default();
        for line in text.lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("names", "fold") => switches.form = Form::Folded,
                ("names", "nfd") => switches.form = Form::Decomposed,
                ("names", "nfc") => switches.form = Form::Composed,
                ("name-bytes", number) => switches.name_bytes = number.parse().ok(),
                ("eio", path) => switches.eio.push(path.into()),
                ("eio-content", path) => switches.eio_content.push(path.into()),
                ("two-seconds", "") => switches.has_two_seconds = true,
                ("both-times", "") => switches.needs_both_times = true,
                ("no-times", "") => switches.has_no_times = true,
                ("no-modes", "") => switches.has_no_modes = true,
                ("no-links", "") => switches.has_no_links = true,
                ("no-statfs", "") => switches.has_no_statfs = true,
                ("no-locks", "") => switches.has_no_locks = true,
                ("quota", "") => switches.has_used_its_quota = true,
                _ => {
                    eprintln!("no such oddity: {line}");
                    std::process::exit(2);
                }
            }
        }
        switches
    }
}
