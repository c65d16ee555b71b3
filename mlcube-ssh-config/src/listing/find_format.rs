//! The text form of a listing: the output of the remote's `find`, and the files of the sync state.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::io::{Read, Write};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use memchr::memchr;

use crate::listing::entry::{Entry, EntryKind, RECORDED_MODE};
use crate::listing::interner::{Interner, interner};
use crate::listing::packed_entry::PackedEntry;
use crate::listing::{Listing, PARTIAL};
use crate::pipe::limits;
use crate::pipe::limits::Exceeded;

/// The format of `find -printf` that [`Listing::parse`] reads: kind, mode, size and blocks, time of change, path, link
/// target; the last two end with a NUL.
pub const FIND_FORMAT: &str = r"%y %m %s/%b %T@ %P\0%l\0";

/// As [`FIND_FORMAT`], for a folder in which the user who lists can't make anything.
pub const FIND_FORMAT_UNWRITABLE: &str = r"D %m %s %T@ %P\0%l\0";

/// As [`FIND_FORMAT`], for entries behind a link to a folder, under the link's name.
pub const FIND_FORMAT_LINKED: &str = r"%y %m %s %T@ %p\0%l\0";

/// As [`FIND_FORMAT`], for an entry that the user who lists can't read, with its owner in place of the link target.
pub const FIND_FORMAT_UNREADABLE: &str = r"u %m %s %T@ %P\0%u\0";

/// The path of the separator, an entry without target that precedes a second listing.
const ANOTHER: &[u8] = b"another";

/// Reads a listing in pieces: the output of `find -printf` with [`FIND_FORMAT`]. Entries whose path leads out of the
/// folder are dropped: a genuine `find` writes none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parser {
    /// The start of an incomplete entry.
    open: Vec<u8>,
    /// The entries so far, in any order.
    listing: Listing,
    /// The listing before the separator.
    first: Option<Listing>,
    /// How many entries were read, and the bytes of their names and targets.
    entries: usize,
    names: usize,
    has_rubbish: bool,
    /// How many entries are parts of files, which a transfer has left, or their folders.
    parts: usize,
    /// Whether there was a path that no system call accepts.
    has_long_path: bool,
    /// Whether the local machine wrote the listing, so that it may have as many entries as this machine has files.
    is_our_own: bool,
}

/// The longest path that a listing may have, in bytes. `find` goes down step by step, to paths that no system call
/// accepts.
const LONGEST: usize = 1 << 20;

/// More bytes than the numbers before a path take, and the link target behind it.
const OTHERS: usize = 128 + limits::PATH;

impl Parser {
    /// Reads a piece.
    ///
    /// # Errors
    /// When the listing is longer than a client can hold.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<(), Exceeded> {
        self.feed_in(&mut interner(), piece)
    }

    fn feed_in(&mut self, interner: &mut Interner, piece: &[u8]) -> Result<(), Exceeded> {
        let open = mem::take(&mut self.open);
        if open.is_empty() {
            let read = self.take(interner, piece)?;
            self.open.extend_from_slice(&piece[read..]);
        } else {
            let text = [open.as_slice(), piece].concat();
            let read = self.take(interner, &text)?;
            self.open.extend_from_slice(&text[read..]);
        }
        if self.open.len() > LONGEST + OTHERS { Err(Exceeded::Path) } else { Ok(()) }
    }

    /// Reads the complete entries; returns how many bytes they take.
    fn take(&mut self, interner: &mut Interner, text: &[u8]) -> Result<usize, Exceeded> {
        let mut read = 0;
        while let Some((field, target)) = first_entry(&text[read..]) {
            read += field.len() + target.len() + 2;
            let parsed = parse_entry(field, self.is_our_own);
            let path = parsed.as_ref().map_or(field.len(), |(path, _)| path.len());
            if path > LONGEST || target.len() > limits::PATH {
                return Err(Exceeded::Path);
            }
            self.entries += 1;
            self.names += field.len() + target.len();
            if self.entries > limits::ENTRIES && !self.is_our_own {
                return Err(Exceeded::Entries);
            }
            if self.names > limits::NAMES && !self.is_our_own {
                return Err(Exceeded::Names);
            }
            if field == ANOTHER && target.is_empty() && self.first.is_none() {
                self.first = Some(mem::take(&mut self.listing));
                continue;
            }
            match parsed {
                Some((path, _)) if path.len() > limits::PATH => {
                    self.has_long_path = true;
                    let folder = folder_within(&path, limits::PATH).ok_or(Exceeded::Path)?;
                    if is_of_the_folder(folder) {
                        let closed = Entry::too_long();
                        let reason = closed.target.as_os_str().as_bytes();
                        self.listing.push(PackedEntry::pack(interner, folder, &closed, reason));
                    }
                }
                Some((path, entry)) if is_of_the_folder(&path) => {
                    let known = interner.len();
                    self.listing.push(PackedEntry::pack(interner, &path, &entry, target));
                    if interner.len() > known && !self.is_our_own {
                        interner.count_from_host()?;
                    }
                }
                Some((path, _)) => self.parts += usize::from(is_part(&path)),
                None => self.has_rubbish = true,
            }
        }
        Ok(read)
    }

    /// Removes a trailing `line`; returns whether it did. No entry can start with its first byte.
    pub(crate) fn ends_with_line(&mut self, line: &str) -> bool {
        let ends = self.open.strip_suffix(b"\n") == Some(line.as_bytes());
        if ends {
            self.open.clear();
        }
        ends
    }

    /// Returns whether the folder holds parts of files, which a transfer has left. No listing has them.
    pub(crate) fn has_parts(&self) -> bool {
        self.parts > 0
    }

    /// Returns the listing.
    ///
    /// # Errors
    /// When the text is malformed, ends within an entry, or holds two listings.
    pub(crate) fn finish(self) -> Result<Listing> {
        let (listing, another) = self.finish_both()?;
        ensure!(another.is_none(), "a listing can't be read");
        Ok(listing)
    }

    /// Returns the listing, and the second one if there is one.
    ///
    /// # Errors
    /// When the text is malformed or ends within an entry.
    pub(crate) fn finish_both(self) -> Result<(Listing, Option<Listing>)> {
        ensure!(!self.has_rubbish, "a listing can't be read");
        ensure!(self.open.is_empty(), "a listing is cut off");
        let has_long_path = self.has_long_path;
        let done = |mut listing: Listing| {
            listing.sort();
            if has_long_path {
                listing.empty_closed_folders();
            }
            listing
        };
        let listing = done(self.listing);
        Ok(match self.first {
            Some(first) => (done(first), Some(listing)),
            None => (listing, None),
        })
    }
}

impl Listing {
    /// Reads the output of `find -printf` with [`FIND_FORMAT`]. Entries whose path leads out of the folder are dropped:
    /// a genuine `find` writes none.
    ///
    /// # Errors
    /// When the text is malformed.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut parser = Parser::default();
        parser.feed(text)?;
        parser.finish()
    }

    /// As [`Listing::parse`], for text of any length that the local machine wrote, without holding all of it in memory.
    ///
    /// # Errors
    /// When the text can't be read or is malformed.
    pub fn read(mut text: impl Read) -> Result<Self> {
        let mut parser = Parser { is_our_own: true, ..Parser::default() };
        let mut buffer = vec![0; 64 * 1024];
        // The interner is locked to the end of the file: then the order of the listing is that of its record numbers,
        // whatever other threads list meanwhile.
        let mut interner = interner();
        loop {
            match text.read(&mut buffer)? {
                0 => break,
                length => parser.feed_in(&mut interner, &buffer[..length])?,
            }
        }
        drop(interner);
        parser.finish()
    }

    /// Replaces what has a path of more than `longest` bytes by the folder above it that still can be named, as an
    /// unreadable one: a program that names it below another folder would fail for all.
    pub fn close_long_paths(&mut self, longest: usize) {
        let closed = |(path, _): (&'static Path, _)| {
            let path = path.as_os_str().as_bytes();
            let folder = (path.len() > longest).then(|| folder_within(path, longest))??;
            Some((Path::new(OsStr::from_bytes(folder)), Entry::too_long()))
        };
        let closed: Vec<_> = self.iter().filter_map(closed).collect();
        if !closed.is_empty() {
            self.extend(closed);
            self.empty_closed_folders();
        }
    }

    /// Removes what is in folders with too long a path in them.
    fn empty_closed_folders(&mut self) {
        let reason = Entry::too_long();
        let mut closed: Option<PathBuf> = None;
        self.retain(|path, entry| {
            let is_below = closed.as_ref().is_some_and(|closed| path.starts_with(closed));
            if !is_below && *entry == reason {
                closed = Some(path.to_owned());
            }
            !is_below
        });
    }

    /// Writes the form that [`Listing::parse`] reads, in small pieces.
    ///
    /// # Errors
    /// The errors of the writer.
    pub fn write(&self, text: &mut dyn Write) -> io::Result<()> {
        for (path, entry) in self.iter() {
            let kind = match entry.kind {
                EntryKind::File => 'f',
                EntryKind::Folder => 'd',
                EntryKind::Link => 'l',
                EntryKind::Unreadable => 'u',
                EntryKind::Other => 'p',
            };
            let (seconds, nanoseconds) = entry.modified;
            write!(
                text,
                "{kind} {:o} {} {seconds}.{nanoseconds:09} ",
                entry.mode & RECORDED_MODE,
                entry.size
            )?;
            for word in [path, &entry.target] {
                text.write_all(word.as_os_str().as_bytes())?;
                text.write_all(b"\0")?;
            }
        }
        Ok(())
    }
}

/// Splits off the first entry of a text: its fields up to the path, and the target; `None` if it isn't complete.
fn first_entry(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = |text: &[u8]| memchr(0, text);
    let path = end(text)?;
    let rest = &text[path + 1..];
    Some((&text[..path], &rest[..end(rest)?]))
}

/// The last folder above `path` whose path has at most `longest` bytes; `None` if there is none.
fn folder_within(path: &[u8], longest: usize) -> Option<&[u8]> {
    let end = path.get(..=longest)?.iter().rposition(|&byte| byte == b'/')?;
    Some(&path[..end])
}

/// Returns whether a path stays in the folder, and isn't a remainder of a transfer that was cut off.
fn is_of_the_folder(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b".."))
        && !is_part(path)
}

/// Returns whether a path is that of a folder with parts of files, or below one.
fn is_part(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| name == PARTIAL.as_bytes())
}

/// Parses `kind mode size seconds.fraction path`, without the target.
fn parse_entry(field: &[u8], is_our_own: bool) -> Option<(Cow<'_, [u8]>, Entry)> {
    let mut words = field.splitn(5, |&byte| byte == b' ');
    let mut word = || std::str::from_utf8(words.next()?).ok();
    let letter = word()?;
    let kind = match letter {
        "f" => EntryKind::File,
        "d" | "D" => EntryKind::Folder,
        "l" => EntryKind::Link,
        "u" => EntryKind::Unreadable,
        _ => EntryKind::Other,
    };
    // The bits above the permissions are this program's marks; a host must not set them.
    let kept = if is_our_own { RECORDED_MODE } else { 0o7777 };
    let mode = u32::from_str_radix(word()?, 8).ok()? & kept;
    // The files of the sync state have no blocks.
    let size = word()?;
    let (size, blocks) = size.split_once('/').map_or((size, None), |(a, b)| (a, Some(b)));
    let size = size.parse().ok()?;
    let (seconds, fraction) = word()?.split_once('.')?;
    // GNU find writes ten digits; nine are significant.
    let nanoseconds = fraction.get(..9)?.parse().ok()?;
    let path = words.next()?;
    let path = without_doubled_slashes(path.strip_prefix(b"./").unwrap_or(path));
    let modified = (seconds.parse().ok()?, nanoseconds);
    let mut entry = Entry { kind, mode, size, modified, target: PathBuf::new() };
    if let Some(blocks) = blocks {
        entry = entry.with_blocks(blocks.parse().ok()?);
    }
    if letter == "D" {
        entry = entry.unwritable();
    }
    Some((path, entry))
}

/// Removes a doubled slash, which `find` writes after a link to a folder.
fn without_doubled_slashes(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return Cow::Borrowed(path);
    }
    let mut path = path.to_owned();
    path.dedup_by(|one, other| (*one, *other) == (b'/', b'/'));
    Cow::Owned(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn text_and_back() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a b")).unwrap();
        fs::write(folder.path().join("a b/new\nline"), "x").unwrap();
        symlink("a b", folder.path().join("link")).unwrap();
        let listing = Listing::of_folder(folder.path(), &|_, _| Ok(false)).unwrap();
        assert_eq!(listing.len(), 3);
        let mut text = Vec::new();
        listing.write(&mut text).unwrap();
        assert_eq!(Listing::parse(&text).unwrap(), listing);
        let mut parser = Parser::default();
        text.chunks(7).for_each(|piece| parser.feed(piece).unwrap());
        assert_eq!(parser.finish().unwrap(), listing, "in pieces");
        assert_eq!(Listing::read(text.as_slice()).unwrap(), listing);
    }

    #[test]
    fn paths_that_lead_out_are_dropped() {
        let text =
            b"f 644 1 1.000000000 ../x\0\0f 644 1 1.000000000 /etc/x\0\0f 644 1 1.000000000 ok\0\0";
        assert_eq!(Listing::parse(text).unwrap().len(), 1);
        for path in ["", ".", "a/..", "a/../b", "/", "//"] {
            let text = format!("f 644 1 1.000000000 {path}\0\0");
            assert!(Listing::parse(text.as_bytes()).unwrap().is_empty(), "{path}");
        }
        assert!(Listing::parse(b"rubbish").is_err());
        assert!(Listing::parse(b"f 644 1 1.000000000 a").is_err(), "cut off");
        assert!(Listing::parse(b"f 644 1 1.000000000 a\0to").is_err(), "in a target");
    }

    #[test]
    fn what_find_tells_besides() {
        let text = b"D 555 9 1.0 d\0\0f 644 1000000/8 1.0000000000 holes\0\0f 644 100/0 1.0000000000 inline\0\0";
        let text = String::from_utf8_lossy(text).replace("1.0 d", "1.0000000000 d");
        let listing = Listing::parse(text.as_bytes()).unwrap();
        let get = |path: &str| listing.get(Path::new(path)).unwrap();
        assert!(get("d").is_unwritable() && get("d").is_folder() && !get("holes").is_unwritable());
        assert!(get("holes").is_sparse() && !get("inline").is_sparse());
        let mut text = Vec::new();
        listing.write(&mut text).unwrap();
        assert!(text.starts_with(b"d 555 9 1.000000000 d\0"), "the record holds none of it");
    }

    #[test]
    fn two_lists() {
        let read = |text: &str| {
            let mut parser = Parser::default();
            text.as_bytes().chunks(5).for_each(|piece| parser.feed(piece).unwrap());
            parser
        };
        let [a, b] = ["f 644 1 1.000000001 a\0\0", "f 644 1 1.000000001 b\0\0"];
        let two = read(&format!("{b}{a}another\0\0{b}"));
        assert!(two.clone().finish().is_err());
        let (first, another) = two.finish_both().unwrap();
        assert_eq!((first.len(), another.unwrap().len()), (2, 1));
        assert_eq!(read(a).finish_both().unwrap().1, None);
        assert!(read(&"another\0\0".repeat(2)).finish_both().is_err());
    }

    #[test]
    fn what_find_writes_behind_a_link() {
        let listing = Listing::parse(b"f 644 1 1.0000000000 ./link//x\0\0").unwrap();
        assert!(listing.get(Path::new("link/x")).is_some());
    }

    #[test]
    fn a_record_of_ours_has_no_limit_and_a_path_has_all_that_linux_gives_it() {
        let entry = |length: usize| format!("f 644 1 1.000000000 {}\0\0", "x".repeat(length));
        assert_eq!(Listing::parse(entry(limits::PATH - 1).as_bytes()).unwrap().len(), 1);
        assert!(Listing::parse(entry(limits::PATH + 1).as_bytes()).is_err());
        // The folder that holds what no system call reaches is unreadable; the rest is listed.
        let deep = "a folder/".repeat(limits::PATH / 4);
        let folder = deep[..=limits::PATH].rsplit_once('/').unwrap().0.to_owned();
        let text = |paths: &[&str]| {
            let line = |path: &&str| format!("d 755 1 1.000000000 {path}\0\0");
            paths.iter().map(line).collect::<String>()
        };
        let kinds = |listing: &Listing| -> Vec<_> {
            listing.iter().map(|(path, entry)| (path.to_owned(), entry.kind)).collect()
        };
        let listed =
            text(&["above", &folder, &format!("{folder}/b"), &format!("{deep}x"), "beside"]);
        let mut listing = Listing::parse(listed.as_bytes()).unwrap();
        let mut expected = vec![
            (folder.into(), EntryKind::Unreadable),
            ("above".into(), EntryKind::Folder),
            ("beside".into(), EntryKind::Folder),
        ];
        assert_eq!(kinds(&listing), expected);
        listing.close_long_paths(20);
        expected[0].0 = "a folder/a folder".into();
        assert_eq!(kinds(&listing), expected, "what fits below a longer path");
        let too_deep = "a/".repeat(LONGEST);
        assert!(Listing::parse(text(&[&too_deep]).as_bytes()).is_err());
        // A local listing has no limit on its entries.
        let full = Parser { entries: limits::ENTRIES, ..Parser::default() };
        assert!(full.clone().feed(entry(1).as_bytes()).is_err());
        assert!(Parser { is_our_own: true, ..full }.feed(entry(1).as_bytes()).is_ok());
    }

    #[test]
    fn what_is_new_in_several_listings_has_one_limit() {
        let mut interner = Interner::default();
        // Leaves room for two such entries.
        interner.bytes_from_hosts = limits::NAMES - 40;
        let entry = |mode: u32| format!("f {mode} 1 1.000000000 0123456789\0\0");
        let mut feed =
            |mut parser: Parser, mode: u32| parser.feed_in(&mut interner, entry(mode).as_bytes());
        for _ in 0..3 {
            assert_eq!(feed(Parser::default(), 644), Ok(()), "what is known already");
        }
        assert_eq!(feed(Parser::default(), 755), Ok(()));
        let ours = Parser { is_our_own: true, ..Parser::default() };
        assert_eq!(feed(ours, 700), Ok(()), "a record of ours");
        assert_eq!(feed(Parser::default(), 700), Ok(()), "which the host may have, too");
        assert_eq!(feed(Parser::default(), 711), Err(Exceeded::Names));
    }
}
