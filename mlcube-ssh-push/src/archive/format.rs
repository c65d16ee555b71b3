//! The format of an archive, as GNU tar reads it: names byte by byte, times to the nanosecond.

use std::io;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use mlcube_ssh::listing::{Entry, Listing};
use tar::{EntryType, Header};

/// The size of the blocks that an archive consists of, in bytes.
const BLOCK: usize = 512;

/// An archive that is being written.
pub(crate) struct Archive<W>(W);

impl<W: Write> Archive<W> {
    pub(crate) fn new(to: W) -> Self {
        Self(to)
    }

    /// Writes the headers that precede the content of an entry.
    pub(crate) fn header(&mut self, name: &[u8], entry: &Entry, kind: EntryType) -> io::Result<()> {
        let (seconds, nanoseconds) = entry.modified;
        let whole = u64::try_from(seconds).ok().filter(|_| nanoseconds == 0);
        if whole.is_none() {
            let record = record("mtime", &decimal(seconds, nanoseconds));
            self.block_of(b"pax", EntryType::XHeader, record.as_bytes())?;
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(entry.permissions());
        header.set_mtime(u64::try_from(seconds).unwrap_or(0));
        header.set_size(if entry.is_file() { entry.size } else { 0 });
        if kind == EntryType::Symlink {
            let target = entry.target.as_os_str().as_bytes();
            self.long(target, EntryType::GNULongLink)?;
            begin(&mut header.as_old_mut().linkname, target);
        }
        self.write_header(header, name)
    }

    /// Writes a part of an entry's content.
    pub(crate) fn content(&mut self, content: &[u8]) -> io::Result<()> {
        self.0.write_all(content)
    }

    /// Pads the last block of a content of `size` bytes.
    pub(crate) fn end_content(&mut self, size: u64) -> io::Result<()> {
        let block = BLOCK as u64;
        let missing = size.next_multiple_of(block) - size;
        io::copy(&mut io::Read::take(io::repeat(0), missing), &mut self.0).map(drop)
    }

    /// Writes a file that isn't part of the transfer.
    pub(crate) fn file(&mut self, name: &[u8], content: &[u8]) -> io::Result<()> {
        self.block_of(name, EntryType::Regular, content)
    }

    /// Ends the archive with two zero blocks.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.write_all(&[0; 2 * BLOCK])?;
        self.0.flush()
    }

    fn block_of(&mut self, name: &[u8], kind: EntryType, content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        self.write_header(header, name)?;
        self.content(content)?;
        self.end_content(content.len() as u64)
    }

    fn write_header(&mut self, mut header: Header, name: &[u8]) -> io::Result<()> {
        self.long(name, EntryType::GNULongName)?;
        begin(&mut header.as_old_mut().name, name);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        self.0.write_all(header.as_bytes())
    }

    /// Writes a text that is too long for a header field as an entry before that header.
    fn long(&mut self, text: &[u8], kind: EntryType) -> io::Result<()> {
        if text.len() <= Header::new_old().as_old().name.len() {
            return Ok(());
        }
        self.block_of(b"././@LongLink", kind, &[text, b"\0"].concat())
    }
}

/// Copies as much of a text into a field as fits.
fn begin(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
}

/// A record of an extended header (POSIX, pax Extended Header). It begins with its own length, which includes the
/// digits of that length.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

/// Seconds since 1970 as a decimal number. The nanoseconds count forwards, also before 1970.
fn decimal(seconds: i64, nanoseconds: u32) -> String {
    if seconds < 0 && nanoseconds > 0 {
        return format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds);
    }
    format!("{seconds}.{nanoseconds:09}")
}

/// The number of bytes that an archive needs for headers: per entry a header, two blocks for its time in nanoseconds,
/// and the padding of its content.
pub(crate) fn header_bytes(entries: &Listing) -> u64 {
    let padding = |entry: &Entry| entry.size.next_multiple_of(BLOCK as u64) - entry.size;
    let header =
        |entry: &Entry| 3 * BLOCK as u64 + if entry.is_file() { padding(entry) } else { 0 };
    entries.iter().map(|(_, entry)| header(&entry)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_lengths_include_their_own_digits() {
        assert_eq!(record("mtime", "1.5"), "13 mtime=1.5\n");
        for length in 0..200 {
            let record = record("k", &"a".repeat(length));
            assert_eq!(record.split(' ').next().unwrap(), record.len().to_string());
        }
    }

    #[test]
    fn times_before_1970() {
        assert_eq!(decimal(1, 5), "1.000000005");
        assert_eq!(decimal(-2, 500_000_000), "-1.500000000");
        assert_eq!(decimal(-1, 500_000_000), "-0.500000000");
        assert_eq!(decimal(-1, 0), "-1.000000000");
    }
}
