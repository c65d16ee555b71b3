//! Permissions and times of what comes as a stream.

use std::fs::{FileTimes, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use mlcube_ssh_config::workspace::Entry;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

/// The permissions of an entry: nothing that comes from there runs here with more rights than its user has.
pub(crate) fn permissions(entry: &Entry) -> Permissions {
    Permissions::from_mode(entry.mode & 0o777)
}

fn time(entry: &Entry) -> Duration {
    Duration::new(entry.modified.0.unsigned_abs(), entry.modified.1)
}

/// When its content changed, for a file or a folder that is open. Both times are set: a file system made with libfuse 2
/// may ignore one alone.
pub(crate) fn times(entry: &Entry) -> FileTimes {
    FileTimes::new()
        .set_accessed(SystemTime::now())
        .set_modified(SystemTime::UNIX_EPOCH + time(entry))
}

/// The same for a link itself.
pub(crate) fn set_time_of_link(place: &Path, entry: &Entry) -> io::Result<()> {
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let last_modification = time(entry).try_into().map_err(io::Error::other)?;
    let times = Timestamps { last_access, last_modification };
    Ok(utimensat(CWD, place, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}
