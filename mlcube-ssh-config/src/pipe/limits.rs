//! The limits of what a host may send.
//!
//! A host is evidence, not instruction: somebody else decides what its programs write. A client that reads whatever comes
//! takes gigabytes of memory in seconds. Each limit is far above what real work needs, and says why.

use std::fmt;

/// Bytes of a line. The longest lines describe a job in JSON; a path has at most 4,096 bytes (Linux's `PATH_MAX`).
pub const LINE: usize = 64 << 10;

/// Bytes of all lines of a reply: the paths of 100,000 deleted files.
pub const LINES: usize = 16 << 20;

/// Remarks of a script about what it does now.
pub const REMARKS: usize = 1000;

/// Bytes on standard error: rsync's and pip's complaints about 100,000 files.
pub const ERRORS: usize = 16 << 20;

/// Bytes before a script's first word: no start-up file greets with a megabyte.
pub const GREETING: usize = 1 << 20;

/// Bytes of a job's record, which holds a document.
pub const RECORD: usize = 4 << 20;

/// Warnings of a followed job: it has one about the host, and one a lost guarantee.
pub const WARNINGS: usize = 100;

/// Entries of a listing, and those of all listings of a process that are new in them: they are kept to its end. Data sets of
/// a million files are common; with this many, and [`NAMES`], a host makes the client take less than 200 MB.
pub const ENTRIES: usize = 1_500_000;

/// Bytes of all names and link targets of a listing, and of what is new in all of them: 64 for each of [`ENTRIES`].
pub const NAMES: usize = 96 << 20;

/// Bytes of a path or a link target: Linux's `PATH_MAX`. No system call takes a longer one.
pub const PATH: usize = 4096;

/// Bytes of an extended header in an archive: a path, a link target and a few numbers.
pub const EXTENSION: u64 = 64 << 10;

/// Size of the window in which zstd looks for repetitions, as a power of two: the decoder allocates it. `zstd --fast=1`,
/// which `pack.sh` runs, uses 512 kB; 8 MB is what every decoder has to support (RFC 8878, 3.1.1.1.2).
pub const ZSTD_WINDOW: u32 = 23;

/// A limit that a host exceeded; reads as the end of a sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// [`LINE`].
    Line,
    /// [`LINES`].
    Lines,
    /// [`REMARKS`].
    Remarks,
    /// [`ERRORS`].
    Errors,
    /// [`GREETING`].
    Greeting,
    /// [`RECORD`].
    JobRecord,
    /// [`WARNINGS`].
    Warnings,
    /// [`ENTRIES`].
    Entries,
    /// [`NAMES`].
    Names,
    /// [`PATH`].
    Path,
    /// [`EXTENSION`].
    Extension,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = |bytes: usize| format!("{} KiB", bytes >> 10);
        let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
        let (what, limit) = match self {
            Self::Line => ("a line", kib(LINE)),
            Self::Lines => ("a reply", mib(LINES)),
            Self::Errors => ("text on standard error", mib(ERRORS)),
            Self::Greeting => ("a greeting before the first word of a script", mib(GREETING)),
            Self::JobRecord => ("a job's record", mib(RECORD)),
            Self::Remarks => {
                return write!(f, "sent more than {REMARKS} remarks about what it does");
            }
            Self::Warnings => return write!(f, "sent more than {WARNINGS} warnings about one job"),
            Self::Entries => return write!(f, "sent listings of more than {ENTRIES} entries"),
            Self::Names => ("the names of its listings", mib(NAMES)),
            Self::Path => ("a path in a listing", format!("{PATH} bytes")),
            Self::Extension => {
                ("an extended header in an archive", kib(usize::try_from(EXTENSION).unwrap_or(0)))
            }
        };
        write!(f, "sent {what} of more than {limit}")
    }
}

impl std::error::Error for Exceeded {}

impl From<Exceeded> for std::io::Error {
    fn from(exceeded: Exceeded) -> Self {
        Self::other(exceeded)
    }
}
