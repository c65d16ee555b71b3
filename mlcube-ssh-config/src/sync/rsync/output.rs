//! Parses rsync's standard output: names of changes, progress, statistics.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::pipe::limits;

/// An entry that changed on the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    /// The name as rsync writes it; a folder's name ends with a slash.
    name: &'a [u8],
    /// Whether the content was sent.
    pub(crate) was_sent: bool,
    /// Whether it replaced another entry.
    pub(crate) has_replaced: bool,
}

impl Change<'_> {
    /// The path: rsync writes a control character as `\#` and three octal digits, and a backslash likewise where it
    /// would look like one of these.
    pub(crate) fn path(&self) -> PathBuf {
        let (mut path, mut rest) = (Vec::new(), self.name);
        while let Some((&first, after)) = rest.split_first() {
            let written = rest.strip_prefix(br"\#").and_then(|code| code.split_at_checked(3));
            match written.and_then(|(digits, after)| Some((octal(digits)?, after))) {
                Some((byte, after)) => (path.push(byte), rest = after),
                None => (path.push(first), rest = after),
            };
        }
        PathBuf::from(OsString::from_vec(path))
    }

    /// The name as text.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name)
    }
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

/// A line of rsync's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// The number of bytes done so far.
    Progress(u64),
    /// A change on the receiver; a folder's name ends with a slash.
    Changed(Change<'a>),
    /// A statistic at the end, or something else.
    Other(Cow<'a, str>),
}

impl<'a> Line<'a> {
    pub(crate) fn read(line: &'a [u8]) -> Self {
        let text = String::from_utf8_lossy(line);
        match (progress(&text), changed_name(line)) {
            (Some(bytes), _) => Self::Progress(bytes),
            (None, Some(name)) => Self::Changed(Change {
                name,
                // A file that is hard-linked from our incoming folder on the remote was sent to that folder before.
                was_sent: matches!(line[..2], [b'<' | b'>', _] | [b'h', b'f']),
                has_replaced: matches!(line[0], b'<' | b'>' | b'c') && line[2] != b'+',
            }),
            (None, None) => Self::Other(text),
        }
    }
}

/// The bytes in a line of `--info=progress2`, `1,234  42%  12.30MB/s    0:01:23 (xfr#…)`; `None` for another line.
fn progress(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    let bytes = words.next()?;
    let per_cent = words.next()?.strip_suffix('%')?;
    let rate = words.next()?;
    let _time = words.next()?;
    let is_reading = per_cent.bytes().all(|byte| byte.is_ascii_digit()) && rate.ends_with("/s");
    bytes.replace(',', "").parse().ok().filter(|_| is_reading)
}

/// The name in a line of `--out-format='%i %n'` that stands for a change (rsync(1), `--itemize-changes`); a folder's
/// new time isn't a change.
fn changed_name(line: &[u8]) -> Option<&[u8]> {
    let (code, name) = line.split_at_checked(11)?;
    let name = name.strip_prefix(b" ")?;
    let code = std::str::from_utf8(code).ok()?;
    let mut kinds = code.chars();
    let (update, kind) = (kinds.next()?, kinds.next()?);
    let itemized = "<>ch.".contains(update) && "fdLDS".contains(kind);
    // `--itemize-changes` given twice lists unchanged entries, too.
    let unimportant = if kind == 'd' { " .t" } else { " ." };
    let is_the_same = update == '.' && code.chars().skip(2).all(|c| unimportant.contains(c));
    (itemized && !is_the_same).then_some(name)
}

/// Splits output into lines that end with a newline or, where a line is drawn over, with a carriage return.
#[derive(Default)]
pub(crate) struct Lines(Vec<u8>);

impl Lines {
    /// Passes every complete line to `hear`.
    ///
    /// A line without end is dropped: rsync's lines are as long as a path, and the paths come from the host.
    pub(crate) fn take(&mut self, bytes: &[u8], mut hear: impl FnMut(&[u8])) {
        self.0.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(length) =
            self.0[start..].iter().position(|&byte| matches!(byte, b'\n' | b'\r'))
        {
            let line = &self.0[start..start + length];
            if !line.is_empty() {
                hear(line);
            }
            start += length + 1;
        }
        self.0.drain(..start);
        if self.0.len() > limits::LINE {
            self.0.clear();
        }
    }
}

/// The number in a line of `--stats` with this label.
pub(crate) fn statistic(line: &str, label: &str) -> Option<u64> {
    let number = line.strip_prefix(label)?.strip_prefix(':')?.trim_start();
    number.split([' ', ',']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, name, was_sent, has_replaced) in [
            ("<f+++++++++ cube/mlcube.yaml", "cube/mlcube.yaml", true, false),
            ("<f.st...... cube/mlcube.yaml", "cube/mlcube.yaml", true, true),
            ("cLc........ link", "link", false, true),
            ("cd+++++++++ out/", "out/", false, false),
            (".f...p..... run.sh", "run.sh", false, false),
            ("hf          model", "model", true, false),
            (">f+++++++++ 100% of it/s now", "100% of it/s now", true, false),
        ] {
            let name = name.as_bytes();
            let change = Line::Changed(Change { name, was_sent, has_replaced });
            assert_eq!(Line::read(line.as_bytes()), change);
        }
        for (line, bytes) in [
            ("     12,345,678  42%   12.30MB/s    0:01:23", 12_345_678),
            ("       12345678 100%   12.30MB/s    0:00:01 (xfr#1, to-chk=0/2)", 12_345_678),
        ] {
            assert_eq!(Line::read(line.as_bytes()), Line::Progress(bytes));
        }
        for line in [".d..t...... ./", ".d          d/", ".f          f", "Number of files: 3"] {
            assert_eq!(Line::read(line.as_bytes()), Line::Other(line.into()));
        }
        assert_eq!(statistic("Number of files: 3 (reg: 1, dir: 2)", "Number of files"), Some(3));
        assert_eq!(statistic("Total bytes sent: 1234", "Number of files"), None);
    }

    #[test]
    fn names_as_rsync_writes_them() {
        let path = |name: &[u8]| {
            let change = Change { name, was_sent: true, has_replaced: false };
            change.path().into_os_string().into_vec()
        };
        assert_eq!(path(br"a\#012b\#134#012c"), b"a\nb\\#012c");
        assert_eq!(path(b"\xff\\#08\\"), b"\xff\\#08\\");
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::default();
        let mut heard = Vec::new();
        for piece in ["a\nb", "c\r", "\nd"] {
            lines.take(piece.as_bytes(), |line| {
                heard.push(String::from_utf8_lossy(line).into_owned());
            });
        }
        assert_eq!(heard, ["a", "bc"]);
    }
}
