//! The umask of this user, for what a pull writes: a host, or a container without a umask, may leave files that
//! everybody can write, and other users of this machine would write into what the next push sends.

use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::umask;

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};
use crate::listing::packed_entry::PackedEntry;

static OF_PROCESS: OnceLock<Umask> = OnceLock::new();

/// The permissions that this user gives to neither the group nor others.
#[derive(Clone, Copy, Debug)]
pub struct Umask(u32);

impl Umask {
    /// The umask of this process.
    #[must_use]
    pub fn of_process() -> Self {
        *OF_PROCESS.get_or_init(|| {
            // No call reads it without a change (umask(2)); what another thread makes in this moment is private.
            let was = umask(Mode::RWXG | Mode::RWXO);
            umask(was);
            Self(was.as_raw_mode() & 0o077)
        })
    }

    /// Withholds the permissions from remote entries that they won't have locally. What this user gave to a local entry
    /// whose content is the same stays. Where the remote's are those that were agreed on, the local entry has its share
    /// already, whatever the umask was then.
    pub fn limit(self, remote: &mut Listing, local: &Listing, agreed: &Listing) {
        let (mut local, mut agreed) = (local.cursor(), agreed.cursor());
        let limited = |packed: PackedEntry| {
            let (path, entry) = packed.unpack();
            // A link has no permissions of its own.
            let surplus =
                if entry.kind == EntryKind::Link { 0 } else { entry.permissions() & self.0 };
            let agreed = agreed.find(packed).map(PackedEntry::entry);
            if surplus == 0 && agreed.as_ref().is_none_or(|agreed| agreed.withheld() == 0) {
                return None;
            }
            let local = local.find(packed).map(PackedEntry::entry);
            let local = local.filter(|local| local.kind == entry.kind);
            let agreed = agreed.filter(|agreed| entry.has_agreed_permissions(agreed));
            let surplus = match (local, agreed) {
                (Some(_), Some(agreed)) => agreed.withheld(),
                (Some(local), None) if local.same_content(&entry) => surplus & !local.permissions(),
                _ => surplus,
            };
            (surplus != 0).then(|| (path, entry.withholding(surplus)))
        };
        let limited: Vec<_> = remote.packed().filter_map(limited).collect();
        remote.extend(limited);
    }

    /// Returns whether a file that rsync fetches gets other permissions than those that `entry` has locally.
    pub(crate) fn gives_others(self, entry: &Entry) -> bool {
        (entry.permissions() | entry.withheld()) & !self.0 & 0o777 != entry.permissions() & 0o777
    }

    /// The option with which rsync does the same; `None` if it takes nothing.
    #[must_use]
    pub fn option(self) -> Option<String> {
        let of_class = |(class, shift): (char, u32)| {
            let taken = [('r', 4), ('w', 2), ('x', 1)];
            let taken = taken.into_iter().filter(|(_, bit)| self.0 >> shift & bit != 0);
            let taken: String = taken.map(|(letter, _)| letter).collect();
            (!taken.is_empty()).then(|| format!("{class}-{taken}"))
        };
        let classes: Vec<_> = [('g', 3), ('o', 0)].into_iter().filter_map(of_class).collect();
        (!classes.is_empty()).then(|| format!("--chmod={}", classes.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn entry(kind: &str, mode: &str, size: u8) -> Listing {
        let text = format!("{kind} {mode} {size} 1.000000001 a\0\0");
        Listing::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_both_sides_agreed_on_stays_under_another_umask() {
        // What a pull agrees on, as the sync state keeps it.
        let agreed = |umask: u32, remote: &str| {
            let mut listing = entry("f", remote, 1);
            Umask(umask).limit(&mut listing, &Listing::default(), &Listing::default());
            let mut text = Vec::new();
            listing.write(&mut text).unwrap();
            Listing::read(text.as_slice()).unwrap()
        };
        let next = |umask: u32, remote: &str, size: u8, local: &str, agreed: &Listing| {
            let mut listing = entry("f", remote, size);
            Umask(umask).limit(&mut listing, &entry("f", local, 1), agreed);
            let entry = listing.get(Path::new("a")).unwrap();
            (entry.permissions(), Umask(umask).gives_others(&entry))
        };
        let private = agreed(0o077, "644");
        assert_eq!(next(0o022, "644", 1, "600", &private), (0o600, true));
        assert_eq!(next(0o022, "644", 2, "600", &private), (0o600, true), "it comes anew");
        assert_eq!(next(0o077, "644", 1, "600", &private), (0o600, false));
        assert_eq!(next(0o022, "755", 1, "600", &private), (0o755, false), "changed there");
        let public = agreed(0o022, "666");
        assert_eq!(next(0o077, "666", 1, "644", &public), (0o644, true));
        assert_eq!(next(0o077, "666", 1, "600", &public), (0o644, true), "closed by the user");
        assert!(Listing::parse(b"f 22000644 1 1.000000001 a\0\0").unwrap() == entry("f", "644", 1));
    }

    #[test]
    fn what_the_umask_takes_is_taken_unless_the_user_gave_it() {
        let limited = |umask: u32, kind: &str, remote: &str, local: Option<Listing>| {
            let mut listing = entry(kind, remote, 1);
            Umask(umask).limit(&mut listing, &local.unwrap_or_default(), &Listing::default());
            listing.get(Path::new("a")).unwrap().permissions()
        };
        assert_eq!(limited(0o022, "f", "666", None), 0o644);
        assert_eq!(limited(0o022, "d", "777", None), 0o755);
        assert_eq!(limited(0o077, "f", "755", None), 0o700);
        assert_eq!(limited(0, "f", "666", None), 0o666);
        assert_eq!(limited(0o022, "f", "666", Some(entry("f", "664", 1))), 0o664);
        assert_eq!(limited(0o022, "f", "666", Some(entry("f", "664", 2))), 0o644, "it comes anew");
        assert_eq!(limited(0o022, "d", "777", Some(entry("d", "775", 1))), 0o775);
    }

    #[test]
    fn rsync_takes_the_same() {
        let option = |umask| Umask(umask).option();
        assert_eq!(option(0o022).unwrap(), "--chmod=g-w,o-w");
        assert_eq!(option(0o027).unwrap(), "--chmod=g-w,o-rwx");
        assert_eq!(option(0), None);
    }
}
