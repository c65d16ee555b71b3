//! Permissions and times of what comes as a stream.

use std::fs::{FileTimes, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use mlcube_ssh::listing::Entry;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

/// The permissions of an entry: nothing that comes from there runs here with more rights than its user has.
pub(crate) fn permissions(entry: &Entry) -> Permissions {
    Permissions::from_mode(entry.mode & 0o777)
}

/// When its content changed; a host may tell a time that no clock has.
fn time(entry: &Entry) -> SystemTime {
    let (seconds, nanoseconds) = entry.modified;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    // Nanoseconds count upwards, before 1970, too.
    let time = time.and_then(|time| time.checked_add(Duration::from_nanos(nanoseconds.into())));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// When its content changed, for a file or a folder that is open. Both times are set: a file system made with libfuse 2
/// may ignore one alone.
pub(crate) fn times(entry: &Entry) -> FileTimes {
    FileTimes::new().set_accessed(SystemTime::now()).set_modified(time(entry))
}

/// The same for a link itself.
pub(crate) fn set_time_of_link(place: &Path, entry: &Entry) -> io::Result<()> {
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let last_modification = Timespec { tv_sec: entry.modified.0, tv_nsec: entry.modified.1.into() };
    let times = Timestamps { last_access, last_modification };
    Ok(utimensat(CWD, place, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use mlcube_ssh::listing::Listing;

    use super::*;

    #[test]
    fn times_of_every_age() {
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
