//! What a script answers: lines, and perhaps, behind a line `listing`, a list of files.

use anyhow::{Context, ensure};

use crate::listing::Listing;
use crate::listing::find_format::Parser;
use crate::pipe::limits;
use crate::pipe::limits::Exceeded;
use crate::process::script::MORE;
use crate::remote::login::ssh_messages::last_line;

/// What a script answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The script's exit status.
    pub status: i32,
    /// What it and the programs that it ran wrote on standard error.
    pub errors: String,
    output: Output,
}

/// What a script writes on standard output, taken in as it comes: a list may be long, and its text isn't kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// What came before a list.
    lines: Vec<u8>,
    /// Where the line begins that isn't whole yet.
    heard: usize,
    list: Option<Parser>,
    goes_on: bool,
}

impl Output {
    /// Whether the session goes on behind the answer, of which nothing more comes.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// What came before a list, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.lines).into_owned()
    }

    /// Takes in a piece; `hear` gets every line that is whole now.
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
            self.goes_on = list.ends_with_line(MORE);
            return Ok(());
        }
        self.lines.extend_from_slice(piece);
        while let Some(length) = self.lines[self.heard..].iter().position(|&byte| byte == b'\n') {
            let line = &self.lines[self.heard..self.heard + length];
            let behind = self.heard + length + 1;
            if length > limits::LINE {
                return Err(Exceeded::Line);
            }
            if line == b"listing" {
                let list = self.lines.split_off(behind);
                self.lines.truncate(self.heard);
                self.list = Some(Parser::default());
                return self.take(&list, hear);
            }
            if line == MORE.as_bytes() {
                self.goes_on = true;
                self.lines.truncate(self.heard);
                return Ok(());
            }
            hear(&String::from_utf8_lossy(line));
            self.heard = behind;
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

    /// Reads the standard output of a script that succeeded, in the pieces in which it comes.
    ///
    /// # Errors
    /// When it is more than a remote may send.
    pub fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Exceeded> {
        let mut output = Output::default();
        for piece in pieces {
            output.take(piece, &mut |_| ())?;
            if output.goes_on {
                break;
            }
        }
        Ok(Self::new(0, output, String::new()))
    }

    /// The output before a list of files, as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.output.text()
    }

    /// The value of the last line `key value` of the output, before a list of files: a name in that may hold any line.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<String> {
        let mut lines = self.output.lines.rsplit(|&byte| byte == b'\n');
        let value = |line: &[u8]| {
            let value = line.strip_prefix(key.as_bytes())?.strip_prefix(b" ")?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        lines.find_map(value)
    }

    /// The path behind `key`. What the remote tells goes into commands and messages, and is a path or nothing.
    ///
    /// # Errors
    /// When it told none, or one that isn't absolute, has `..` in it or control characters; reads as the end of a sentence
    /// about the host.
    pub fn path(&self, key: &str) -> anyhow::Result<String> {
        let path = self.field(key).unwrap_or_default();
        ensure!(is_absolute(&path), "told '{path}' for its {key}, which isn't an absolute path");
        Ok(path)
    }

    /// The list of files behind the line `listing`.
    ///
    /// # Errors
    /// When there is none, or it is cut off.
    pub fn listing(self) -> anyhow::Result<Listing> {
        self.output.list.context("the remote sent no list of files")?.finish()
    }

    /// The list of files behind the line `listing`, and another one behind it if there is one.
    ///
    /// # Errors
    /// When there is none, or it is cut off.
    pub fn listings(self) -> anyhow::Result<(Listing, Option<Listing>)> {
        self.output.list.context("the remote sent no list of files")?.finish_both()
    }

    /// The last line on standard error that says something.
    #[must_use]
    pub fn last_error(&self) -> String {
        last_line(&self.errors)
    }
}

/// Whether a path that a host tells is one that nothing can misread.
#[must_use]
pub fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains(char::is_control)
        && !path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer that comes in pieces of a few bytes, and the lines that were heard.
    fn answer(text: &str, length: usize) -> (Reply, Vec<String>) {
        let (mut output, mut heard) = (Output::default(), Vec::new());
        for piece in text.as_bytes().chunks(length) {
            output.take(piece, &mut |line| heard.push(line.to_owned())).unwrap();
        }
        (Reply::new(0, output, String::new()), heard)
    }

    #[test]
    fn a_list_comes_behind_the_lines_however_they_are_cut() {
        let text = "base /a\nbase /b\nlisting\nf 644 1 1.0000000000 a\nbase /c\nlisting\n\0\0";
        for length in 1..=text.len() {
            let (answer, heard) = answer(text, length);
            assert_eq!(heard, ["base /a", "base /b"]);
            assert_eq!(answer.field("base").as_deref(), Some("/b"));
            assert_eq!(answer.text(), "base /a\nbase /b\n");
            assert_eq!(answer.listing().unwrap().len(), 1);
        }
    }

    #[test]
    fn a_path_is_absolute() {
        assert_eq!(answer("base /a b/..c\n", 9).0.path("base").unwrap(), "/a b/..c");
        for text in ["", "base \n", "base a\n", "base /a/../b\n", "base /..\n", "base /a\u{1b}\n"] {
            assert!(answer(text, 9).0.path("base").is_err(), "{text:?}");
        }
    }

    #[test]
    fn behind_an_answer_the_session_goes_on() {
        for text in [
            "base /a\n\u{2}more\n",
            "base /a\nlisting\n\u{2}more\n",
            "base /a\nlisting\nf 644 1 1.0000000000 \u{2}more\n\0\0\u{2}more\n",
        ] {
            for length in 1..=text.len() {
                let cut = text.len() - 1;
                assert!(!answer(&text[..cut], length).0.output.goes_on());
                let (answer, _) = answer(text, length);
                assert!(answer.output.goes_on());
                assert_eq!(answer.text(), "base /a\n");
                assert!(!text.contains("listing") || answer.listing().is_ok());
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
    fn a_list_is_there_and_whole_or_an_error() {
        let (none, heard) = answer("base /a\nno listing\nlast", 4);
        assert_eq!((none.text().lines().count(), heard.len()), (3, 2));
        assert!(none.listing().is_err());
        assert!(answer("listing\nf 644 1 1.0000000000 a\0", 4).0.listing().is_err(), "cut off");
    }
}
