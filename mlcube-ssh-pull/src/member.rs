//! What an archive says of an entry.

use std::ffi::OsStr;
use std::io::Read;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mlcube_ssh_config::workspace::{Entry as Planned, Kind};
use tar::{Entry, EntryType};

/// Times that have one spelling, and that every system can set, in seconds since 1970.
const TIMES: RangeInclusive<i64> = 0..=u32::MAX as i64;

/// Its path.
pub(crate) fn path_of(entry: &Entry<impl Read>) -> PathBuf {
    let name = entry.path_bytes();
    // By its components: a folder's name ends with a slash.
    Path::new(OsStr::from_bytes(&name)).components().collect()
}

/// Whether what comes is what was listed; what changed meanwhile is rsync's.
pub(crate) fn is_as_planned(entry: &mut Entry<impl Read>, planned: &Planned) -> bool {
    let kind = entry.header().entry_type();
    TIMES.contains(&planned.modified.0)
        && match planned.kind {
            Kind::File => {
                kind == EntryType::Regular
                    && entry.size() == planned.size
                    && modified(entry) == Some(planned.modified)
            }
            Kind::Folder => kind == EntryType::Directory,
            Kind::Link => {
                let target = entry.link_name_bytes();
                kind == EntryType::Symlink
                    && target.as_deref() == Some(planned.target.as_os_str().as_bytes())
            }
            Kind::Unreadable | Kind::Other => false,
        }
}

/// When the content of an entry changed: seconds since 1970, and nanoseconds. Those are in an extended header.
fn modified(entry: &mut Entry<impl Read>) -> Option<(i64, u32)> {
    let whole = entry.header().mtime().ok()?;
    let extensions = entry.pax_extensions().ok()?;
    let mtime = extensions
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .find(|extension| extension.key_bytes() == b"mtime");
    let Some(mtime) = mtime else { return Some((i64::try_from(whole).ok()?, 0)) };
    let (seconds, fraction) =
        mtime.value().ok()?.split_once('.').unwrap_or((mtime.value().ok()?, ""));
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some((seconds.parse().ok()?, nanoseconds))
}
