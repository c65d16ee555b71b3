//! The umask of this user, for what a pull writes: a host, or a container without a umask, may leave files that
//! everybody can write, and other users of this machine would write into what the next push sends.

use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::umask;

use crate::listing::Listing;
use crate::listing::entry::Entry;

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

    /// Takes the permissions from remote entries that they won't have locally. What this user gave to a local entry whose
    /// content is the same stays.
    pub fn limit(self, remote: &mut Listing, local: &Listing) {
        let limited = |(path, entry): (&'static Path, Entry)| {
            let surplus = entry.permissions() & self.0;
            if surplus == 0 {
                return None;
            }
            let local = local.get(path).filter(|local| local.same_content(&entry));
            let surplus = surplus & !local.map_or(0, |local| local.permissions());
            let limited = Entry { mode: entry.mode & !surplus, ..entry };
            (surplus != 0).then_some((path, limited))
        };
        let limited: Vec<_> = remote.iter().filter_map(limited).collect();
        remote.extend(limited);
    }

    /// Returns whether a remote entry has the permissions that both sides agreed on, but for those that pulls take.
    pub(crate) fn explains(self, remote: &Entry, agreed: &Entry) -> bool {
        let taken = self.0 & !agreed.permissions();
        remote.permissions() & !taken == agreed.permissions()
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
    use super::*;

    #[test]
    fn what_the_umask_takes_is_taken_unless_the_user_gave_it() {
        let entry = |kind: &str, mode: &str, size: u8| {
            let text = format!("{kind} {mode} {size} 1.000000001 a\0\0");
            Listing::parse(text.as_bytes()).unwrap()
        };
        let limited = |umask: u32, kind: &str, remote: &str, local: Option<Listing>| {
            let mut listing = entry(kind, remote, 1);
            Umask(umask).limit(&mut listing, &local.unwrap_or_default());
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
