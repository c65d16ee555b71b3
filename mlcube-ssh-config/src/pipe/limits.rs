//! The limits of what a host may send.
//!
//! A host's output is evidence, not instruction: someone else controls its programs. A client that reads without limits
//! uses gigabytes of memory within seconds. Each limit is far above what real work needs; its comment gives the reason.

use std::fmt;

/// Bytes of one line. The longest lines describe a job in JSON; a path has at most 4,096 bytes (Linux's `PATH_MAX`).
pub const LINE: usize = 64 << 10;

/// Bytes of all lines of a reply: enough for the paths of 100,000 deleted files.
pub const LINES: usize = 16 << 20;

/// Progress messages of one script.
pub const REMARKS: usize = 1000;

/// Bytes on standard error: enough for the errors of rsync and pip about 100,000 files.
pub const ERRORS: usize = 16 << 20;

/// Bytes before a script's first word: no start-up file prints a megabyte.
pub const GREETING: usize = 1 << 20;

/// Bytes of a job's record, which contains a document.
pub const RECORD: usize = 4 << 20;

/// Warnings of a followed job: one about the host, and one for each lost guarantee.
pub const WARNINGS: usize = 100;

/// Entries of one listing, and new entries of all listings of a process, which are kept until it ends. Data sets of a
/// million files are common; with this limit and [`NAMES`], a host can make the client use some 130 MB (SECURITY.md).
pub const ENTRIES: usize = 1_250_000;

/// Bytes of one listing, and of what is kept of the new entries in all listings: 80 for each of [`ENTRIES`].
pub const NAMES: usize = 96 << 20;

/// Bytes of the paths to which the links on the way to a request lead, each with [`LINK`] bytes for itself: enough for
/// 100,000 links.
pub const LINKS: usize = 16 << 20;

/// What such a path takes beside its bytes.
pub const LINK: usize = 64;

/// Bytes of a path or a link target: Linux's `PATH_MAX`. No system call accepts a longer one.
pub const PATH: usize = 4096;

/// Bytes of an extended header in an archive: it holds a path, a link target and a few numbers.
pub const EXTENSION: u64 = 64 << 10;

/// The window in which zstd looks for repetitions, as a power of two: the decoder allocates it. `zstd --fast=1`, which
/// `pack.sh` runs, uses 512 kB; every decoder must support 8 MB (RFC 8878, 3.1.1.1.2).
pub const ZSTD_WINDOW: u32 = 23;

/// A limit that a host exceeded. Its text completes a sentence that begins with the host.
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
    /// [`LINKS`].
    Links,
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
            Self::Links => ("links to paths", mib(LINKS)),
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
