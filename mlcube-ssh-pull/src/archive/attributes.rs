//! The permissions and times of entries from an archive.

use std::fs::{File, FileTimes, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use mlcube_ssh::listing::Entry;
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, utimensat};

/// The permissions of an entry. Set-uid, set-gid and sticky bits are dropped: nothing from the remote may run locally
/// with more rights than its user has.
pub(crate) fn permissions(entry: &Entry) -> Permissions {
    Permissions::from_mode(entry.mode & 0o777)
}

/// The time of the last change of the content; a host may send a time that no clock can show.
fn time(entry: &Entry) -> SystemTime {
    let (seconds, nanoseconds) = entry.modified;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    // Nanoseconds count forwards, also before 1970.
    let time = time.and_then(|time| time.checked_add(Duration::from_nanos(nanoseconds.into())));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The times to set for an open file or folder. Both times are set, because a file system made with libfuse 2 may
/// ignore one alone.
pub(crate) fn times(entry: &Entry) -> FileTimes {
    FileTimes::new().set_accessed(SystemTime::now()).set_modified(time(entry))
}

/// Gives an open folder its times and permissions. That its new files inherit its group is kept as it is locally.
pub(crate) fn set_attributes_of_folder(folder: &File, entry: &Entry) -> io::Result<()> {
    folder.set_times(times(entry))?;
    let kept = folder.metadata()?.mode() & 0o7000;
    folder.set_permissions(Permissions::from_mode(kept | entry.mode & 0o777))
}

/// Sets the time of the link `place` in a folder.
pub(crate) fn set_time_of_link(folder: impl AsFd, place: &Path, entry: &Entry) -> io::Result<()> {
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let last_modification = Timespec { tv_sec: entry.modified.0, tv_nsec: entry.modified.1.into() };
    let times = Timestamps { last_access, last_modification };
    Ok(utimensat(folder, place, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use mlcube_ssh::listing::Listing;

    use super::*;

    #[test]
    fn converts_times_before_and_after_1970() {
        let of = |text: &str| {
            let listing = Listing::parse(format!("f 644 1 {text} a\0\0").as_bytes()).unwrap();
            time(&listing.get(Path::new("a")).unwrap())
        };
        let second_and_half = Duration::from_millis(1500);
        assert_eq!(of("-2.500000000"), SystemTime::UNIX_EPOCH - second_and_half);
        assert_eq!(of("1.500000000"), SystemTime::UNIX_EPOCH + second_and_half);
        for never in [i64::MIN, i64::MAX] {
            let _no_panic = of(&format!("{never}.999999999"));
        }
    }
}
