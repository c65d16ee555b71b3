//! Reads a tar archive that a host sends.
//!
//! The tar crate parses the headers. It would read a long name or an extended header of any size into memory, so these
//! are read in this module, within [`limits::EXTENSION`].

use std::ffi::OsStr;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entries, Entry, EntryType, Header, PaxExtensions};

use crate::listing;
use crate::pipe::limits;
use crate::pipe::limits::Exceeded;

/// Iterates over the members of an archive.
#[expect(missing_debug_implementations, reason = "the tar crate's iterator has none")]
pub struct Members<'a, R: Read>(Entries<'a, R>);

/// A member of an archive; reading it returns its content.
#[expect(missing_debug_implementations, reason = "the tar crate's entry has none")]
pub struct Member<'a, R: Read> {
    entry: Entry<'a, R>,
    extensions: Extensions,
}

/// What the extended headers before a member say about it.
#[derive(Debug, Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    modified: Option<Vec<u8>>,
}

impl<'a, R: Read> Members<'a, R> {
    /// Reads the members of `archive`.
    ///
    /// # Errors
    /// When some of it was read already.
    pub fn of(archive: &'a mut Archive<R>) -> io::Result<Self> {
        // Raw: every header is returned by itself.
        Ok(Self(archive.entries()?.raw(true)))
    }

    /// The next member; `None` at the end.
    ///
    /// # Errors
    /// When the archive is cut off or malformed; with [`Exceeded`] inside when a header is too long.
    #[expect(clippy::should_implement_trait, reason = "after an error there is no next one")]
    pub fn next(&mut self) -> io::Result<Option<Member<'a, R>>> {
        let mut extensions = Extensions::default();
        for entry in self.0.by_ref() {
            let mut entry = entry?;
            match entry.header().entry_type() {
                EntryType::GNULongName => {
                    extensions.path = Some(without_nul(extension(&mut entry)?));
                }
                EntryType::GNULongLink => {
                    extensions.target = Some(without_nul(extension(&mut entry)?));
                }
                EntryType::XHeader => extensions.read(&extension(&mut entry)?)?,
                // Global headers set nothing that is read.
                EntryType::XGlobalHeader => drop(extension(&mut entry)?),
                _ => return Ok(Some(Member { entry, extensions })),
            }
        }
        Ok(None)
    }
}

/// The content of an extended header.
fn extension(entry: &mut Entry<impl Read>) -> io::Result<Vec<u8>> {
    if entry.size() > limits::EXTENSION {
        return Err(Exceeded::Extension.into());
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    Ok(content)
}

/// Cuts a long name at its terminating NUL.
fn without_nul(mut name: Vec<u8>) -> Vec<u8> {
    name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
    name
}

impl Extensions {
    /// Reads the records of an extended header (pax(1), "pax Extended Header").
    fn read(&mut self, records: &[u8]) -> io::Result<()> {
        for record in PaxExtensions::new(records) {
            let record = record?;
            let place = match record.key_bytes() {
                b"path" => &mut self.path,
                b"linkpath" => &mut self.target,
                b"mtime" => &mut self.modified,
                _ => continue,
            };
            *place = Some(record.value_bytes().to_vec());
        }
        Ok(())
    }
}

impl<R: Read> Member<'_, R> {
    /// The path, normalised by its components: a folder's name ends with a slash.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let name =
            self.extensions.path.clone().unwrap_or_else(|| self.entry.path_bytes().into_owned());
        let components = Path::new(OsStr::from_bytes(&name)).components();
        // The names begin with `./`, as they were requested.
        components.filter(|component| *component != Component::CurDir).collect()
    }

    /// Returns whether the member is as it was listed; it isn't if it changed meanwhile. Times are compared only from
    /// 1970 to 2106, where listing and archive spell them alike; outside that range the result is `false`.
    #[must_use]
    pub fn is(&self, listed: &listing::Entry) -> bool {
        let kind = self.header().entry_type();
        (0..=i64::from(u32::MAX)).contains(&listed.modified.0)
            && match listed.kind {
                listing::EntryKind::File => {
                    kind == EntryType::Regular
                        && self.entry.size() == listed.size
                        && self.modified() == Some(listed.modified)
                }
                listing::EntryKind::Folder => kind == EntryType::Directory,
                listing::EntryKind::Link => {
                    kind == EntryType::Symlink
                        && self.target().as_deref() == Some(listed.target.as_os_str().as_bytes())
                }
                listing::EntryKind::Unreadable | listing::EntryKind::Other => false,
            }
    }

    /// The target, if the member is a link.
    fn target(&self) -> Option<Vec<u8>> {
        let short = || self.entry.link_name_bytes().map(std::borrow::Cow::into_owned);
        self.extensions.target.clone().or_else(short)
    }

    /// The time of the last change: seconds since 1970, and nanoseconds, which are in an extended header.
    #[must_use]
    pub fn modified(&self) -> Option<(i64, u32)> {
        let Some(text) = &self.extensions.modified else {
            return Some((i64::try_from(self.header().mtime().ok()?).ok()?, 0));
        };
        let text = std::str::from_utf8(text).ok()?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        Some((seconds.parse().ok()?, nanoseconds))
    }

    fn header(&self) -> &Header {
        self.entry.header()
    }
}

impl<R: Read> Read for Member<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.entry.read(buffer)
    }
}

/// The limit that a host exceeded, if that is why its archive can't be read.
#[must_use]
pub fn exceeded(problem: &io::Error) -> Option<Exceeded> {
    problem.get_ref()?.downcast_ref().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a header of `kind` with a name and a size.
    fn header(kind: EntryType, name: &str, size: u64) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_mtime(7);
        header.set_cksum();
        header.as_bytes().to_vec()
    }

    /// Makes a header and its content, padded to whole blocks.
    fn member(kind: EntryType, name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = header(kind, name, content.len() as u64);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    #[test]
    fn extended_headers_count_for_the_next_member_alone() {
        let bytes = [
            member(EntryType::XHeader, "x", b"12 path=a/b\n19 mtime=1.5000001\n"),
            member(EntryType::Regular, "short", b"one"),
            member(EntryType::GNULongName, "L", b"c/d/\0\0"),
            member(EntryType::Regular, "short", b"two"),
            member(EntryType::Regular, "e", b""),
        ];
        let bytes = bytes.concat();
        let mut archive = Archive::new(bytes.as_slice());
        let mut members = Members::of(&mut archive).unwrap();
        let mut found = Vec::new();
        while let Some(mut member) = members.next().unwrap() {
            let mut content = String::new();
            member.read_to_string(&mut content).unwrap();
            found.push((member.path().display().to_string(), member.modified(), content));
        }
        let one = ("a/b".to_owned(), Some((1, 500_000_100)), "one".to_owned());
        let two = ("c/d".to_owned(), Some((7, 0)), "two".to_owned());
        assert_eq!(found, [one, two, ("e".to_owned(), Some((7, 0)), String::new())]);
    }

    #[test]
    fn a_header_that_is_too_long_is_refused_unread() {
        for kind in [EntryType::XHeader, EntryType::GNULongName, EntryType::XGlobalHeader] {
            let bytes = header(kind, "bomb", u64::MAX >> 32);
            let mut archive = Archive::new(bytes.as_slice());
            let problem = Members::of(&mut archive).unwrap().next().err().unwrap();
            assert_eq!(exceeded(&problem), Some(Exceeded::Extension));
        }
    }
}
