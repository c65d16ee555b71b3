//! The reply of a script: lines and, after a line `listing`, perhaps a listing.

use anyhow::{Context, ensure};

use crate::listing::Listing;
use crate::listing::find_format::Parser;
use crate::pipe::limits;
use crate::pipe::limits::Exceeded;
use crate::process::script::MORE;
use crate::remote::login::ssh_messages::last_line;
use crate::remote::problem::Problem;

/// The reply of a script.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The script's exit status.
    pub status: i32,
    /// The standard error of the script and the programs that it ran.
    pub errors: String,
    output: Output,
}

/// The standard output of a script, parsed as it comes: a listing may be long, so its text isn't kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// The text before a listing.
    lines: Vec<u8>,
    /// Where the incomplete line starts.
    heard: usize,
    list: Option<Parser>,
    stays_open: bool,
}

impl Output {
    /// Whether the session stays open after this reply.
    pub(crate) fn stays_open(&self) -> bool {
        self.stays_open
    }

    /// The text before a listing.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.lines).into_owned()
    }

    /// Parses a piece; `hear` receives every complete line.
    ///
    /// # Errors
    /// When the remote sends more than it may.
    pub(crate) fn take(
        &mut self,
        piece: &[u8],
        hear: &mut impl FnMut(&str),
    ) -> Result<(), Exceeded> {
        if let Some(list) = &mut self.list {
            list.feed(piece)?;
            self.stays_open = list.ends_with_line(MORE);
            return Ok(());
        }
        self.lines.extend_from_slice(piece);
        while let Some(length) = self.lines[self.heard..].iter().position(|&byte| byte == b'\n') {
            let line = &self.lines[self.heard..self.heard + length];
            let next = self.heard + length + 1;
            if length > limits::LINE {
                return Err(Exceeded::Line);
            }
            if line == b"listing" {
                let list = self.lines.split_off(next);
                self.lines.truncate(self.heard);
                self.list = Some(Parser::default());
                return self.take(&list, hear);
            }
            if line == MORE.as_bytes() {
                self.stays_open = true;
                self.lines.truncate(self.heard);
                return Ok(());
            }
            hear(&String::from_utf8_lossy(line));
            self.heard = next;
        }
        if self.lines.len() - self.heard > limits::LINE {
            return Err(Exceeded::Line);
        }
        if self.lines.len() > limits::LINES { Err(Exceeded::Lines) } else { Ok(()) }
    }
}

impl Reply {
    pub(crate) fn new(status: i32, output: Output, errors: String) -> Self {
        Self { status, errors, output }
    }

    /// Parses the standard output of a script that succeeded, given in pieces.
    ///
    /// # Errors
    /// When it is more than a remote may send.
    pub fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Exceeded> {
        let mut output = Output::default();
        for piece in pieces {
            output.take(piece, &mut |_| ())?;
            if output.stays_open {
                break;
            }
        }
        Ok(Self::new(0, output, String::new()))
    }

    /// The output before a listing, as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.output.text()
    }

    /// The value of the last line `key value` before a listing: a file name in a listing may contain any line.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<String> {
        let mut lines = self.output.lines.rsplit(|&byte| byte == b'\n');
        let value = |line: &[u8]| {
            let value = line.strip_prefix(key.as_bytes())?.strip_prefix(b" ")?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        lines.find_map(value)
    }

    /// The problem that the script reported, if it did.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        self.field("problem").map(|text| Problem::parse(&text))
    }

    /// The path after `key`. It becomes part of commands and messages, so it must be a path.
    ///
    /// # Errors
    /// When it is missing, isn't absolute, or has `..` or control characters in it; the message completes a sentence
    /// about the host.
    pub fn path(&self, key: &str) -> anyhow::Result<String> {
        let path = self.field(key).unwrap_or_default();
        ensure!(is_absolute(&path), "sent '{path}' as its {key}, which isn't an absolute path");
        Ok(path)
    }

    /// Returns whether what is listed holds parts of files, which a transfer has left. No listing has them.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.output.list.as_ref().is_some_and(Parser::has_parts)
    }

    /// The listing after the line `listing`.
    ///
    /// # Errors
    /// When it is missing or cut off.
    pub fn listing(self) -> anyhow::Result<Listing> {
        self.output.list.context("the remote sent no listing")?.finish()
    }

    /// The listing after the line `listing`, and the second one if there is one.
    ///
    /// # Errors
    /// When it is missing or cut off.
    pub fn listings(self) -> anyhow::Result<(Listing, Option<Listing>)> {
        self.output.list.context("the remote sent no listing")?.finish_both()
    }

    /// The last non-empty line of standard error.
    #[must_use]
    pub fn last_error(&self) -> String {
        last_line(&self.errors)
    }
}

/// Returns whether a path that a host sent is absolute and unambiguous.
#[must_use]
pub fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains(char::is_control)
        && !path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a reply in pieces of a few bytes; also returns the lines that were heard.
    fn reply(text: &str, length: usize) -> (Reply, Vec<String>) {
        let (mut output, mut heard) = (Output::default(), Vec::new());
        for piece in text.as_bytes().chunks(length) {
            output.take(piece, &mut |line| heard.push(line.to_owned())).unwrap();
        }
        (Reply::new(0, output, String::new()), heard)
    }

    #[test]
    fn a_listing_follows_the_lines_however_they_are_cut() {
        let text = "base /a\nbase /b\nlisting\nf 644 1 1.0000000000 a\nbase /c\nlisting\n\0\0";
        for length in 1..=text.len() {
            let (reply, heard) = reply(text, length);
            assert_eq!(heard, ["base /a", "base /b"]);
            assert_eq!(reply.field("base").as_deref(), Some("/b"));
            assert_eq!(reply.text(), "base /a\nbase /b\n");
            assert_eq!(reply.listing().unwrap().len(), 1);
        }
    }

    #[test]
    fn a_path_is_absolute() {
        assert_eq!(reply("base /a b/..c\n", 9).0.path("base").unwrap(), "/a b/..c");
        for text in ["", "base \n", "base a\n", "base /a/../b\n", "base /..\n", "base /a\u{1b}\n"] {
            assert!(reply(text, 9).0.path("base").is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_session_continues_after_a_reply() {
        for text in [
            "base /a\n\u{2}more\n",
            "base /a\nlisting\n\u{2}more\n",
            "base /a\nlisting\nf 644 1 1.0000000000 \u{2}more\n\0\0\u{2}more\n",
        ] {
            for length in 1..=text.len() {
                let cut = text.len() - 1;
                assert!(!reply(&text[..cut], length).0.output.stays_open());
                let (reply, _) = reply(text, length);
                assert!(reply.output.stays_open());
                assert_eq!(reply.text(), "base /a\n");
                assert!(!text.contains("listing") || reply.listing().is_ok());
            }
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        let fill = |piece: &[u8]| {
            let mut output = Output::default();
            (0..1_000_000).find_map(|_| output.take(piece, &mut |_| ()).err())
        };
        assert_eq!(fill(&[b'x'; 4096]), Some(Exceeded::Line));
        assert_eq!(fill(&[[b'x'; 4095].as_slice(), b"\n"].concat()), Some(Exceeded::Lines));
    }

    #[test]
    fn a_missing_or_cut_off_listing_is_an_error() {
        let (none, heard) = reply("base /a\nno listing\nlast", 4);
        assert_eq!((none.text().lines().count(), heard.len()), (3, 2));
        assert!(none.listing().is_err());
        assert!(reply("listing\nf 644 1 1.0000000000 a\0", 4).0.listing().is_err(), "cut off");
    }
}
