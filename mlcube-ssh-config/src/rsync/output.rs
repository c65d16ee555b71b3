//! What rsync writes on standard output: names of changes, readings of its progress, statistics.

use crate::limits;

/// A line of rsync's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// How many bytes are behind it.
    Progress(u64),
    /// Something changed on the receiving side; a folder's name ends with a slash. Whether its content was sent.
    Changed(&'a str, bool),
    /// One of the statistics at the end, or something else.
    Other(&'a str),
}

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a str) -> Self {
        match (progress(line), changed_name(line)) {
            (Some(bytes), _) => Self::Progress(bytes),
            // What was linked from our own folder there was sent to that before.
            (None, Some(name)) => {
                Self::Changed(name, line.starts_with(['<', '>']) || line.starts_with("hf"))
            }
            (None, None) => Self::Other(line),
        }
    }
}

/// The bytes of `--info=progress2`, `1,234  42%  12.30MB/s    0:01:23 (xfr#…)`; none for another line.
fn progress(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    let bytes = words.next()?;
    let per_cent = words.next()?.strip_suffix('%')?;
    let rate = words.next()?;
    let _time = words.next()?;
    let is_reading = per_cent.bytes().all(|byte| byte.is_ascii_digit()) && rate.ends_with("/s");
    bytes.replace(',', "").parse().ok().filter(|_| is_reading)
}

/// The name in a line of `--out-format='%i %n'` if it stands for a change (rsync(1), `--itemize-changes`); a folder's new
/// time is none.
fn changed_name(line: &str) -> Option<&str> {
    let (code, name) = line.split_at_checked(11)?;
    let name = name.strip_prefix(' ')?;
    let mut kinds = code.chars();
    let (update, kind) = (kinds.next()?, kinds.next()?);
    let itemized = "<>ch.".contains(update) && "fdLDS".contains(kind);
    // Given twice, `--itemize-changes` tells of what is the same, too.
    let unimportant = if kind == 'd' { " .t" } else { " ." };
    let is_the_same = update == '.' && code.chars().skip(2).all(|c| unimportant.contains(c));
    (itemized && !is_the_same).then_some(name)
}

/// Splits what comes into lines that end with a newline or, where one is drawn over, with a carriage return.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Hands over every line that is whole now.
    ///
    /// A line without end is dropped as it comes: rsync's are a path long, and paths are a host's.
    pub(super) fn take(&mut self, bytes: &[u8], mut hear: impl FnMut(&str)) {
        self.0.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(length) =
            self.0[start..].iter().position(|&byte| matches!(byte, b'\n' | b'\r'))
        {
            let line = String::from_utf8_lossy(&self.0[start..start + length]);
            if !line.is_empty() {
                hear(&line);
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
pub(super) fn statistic(line: &str, label: &str) -> Option<u64> {
    let number = line.strip_prefix(label)?.strip_prefix(':')?.trim_start();
    number.split([' ', ',']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, name, was_sent) in [
            ("<f+++++++++ cube/mlcube.yaml", "cube/mlcube.yaml", true),
            ("cd+++++++++ out/", "out/", false),
            (".f...p..... run.sh", "run.sh", false),
            ("hf          model", "model", true),
            (">f+++++++++ 100% of it/s now", "100% of it/s now", true),
        ] {
            assert_eq!(Line::read(line), Line::Changed(name, was_sent));
        }
        for (line, bytes) in [
            ("     12,345,678  42%   12.30MB/s    0:01:23", 12_345_678),
            ("       12345678 100%   12.30MB/s    0:00:01 (xfr#1, to-chk=0/2)", 12_345_678),
        ] {
            assert_eq!(Line::read(line), Line::Progress(bytes));
        }
        for line in [".d..t...... ./", ".d          d/", ".f          f", "Number of files: 3"] {
            assert_eq!(Line::read(line), Line::Other(line));
        }
        assert_eq!(statistic("Number of files: 3 (reg: 1, dir: 2)", "Number of files"), Some(3));
        assert_eq!(statistic("Total bytes sent: 1234", "Number of files"), None);
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::default();
        let mut heard = Vec::new();
        for piece in ["a\nb", "c\r", "\nd"] {
            lines.take(piece.as_bytes(), |line| heard.push(line.to_owned()));
        }
        assert_eq!(heard, ["a", "bc"]);
    }
}
