//! Programs that bytes go through on their way, and counting what goes.

use std::io::{self, PipeReader, PipeWriter, Read, Write};

use crate::command::{Command, Running};

/// What is handed on at once, in bytes.
const PIECE: usize = 64 << 10;

/// A program that reads what goes into it and writes what comes out of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Filter {
    /// What it reads; it ends when this is dropped.
    pub input: PipeWriter,
    /// What it writes.
    pub output: PipeReader,
    /// The program.
    pub running: Running,
}

impl Filter {
    /// A zstd of this machine that squeezes at its quickest level, which takes the headers of an archive away and costs no
    /// time; none where there is none.
    #[must_use]
    pub fn squeezing() -> Option<Self> {
        Self::start(&["-1"])
    }

    /// A zstd of this machine that does the opposite; none where there is none.
    #[must_use]
    pub fn unsqueezing() -> Option<Self> {
        Self::start(&["--decompress"])
    }

    fn start(words: &[&str]) -> Option<Self> {
        let command =
            Command::new("zstd").args(["--quiet", "--stdout"]).args(words.iter().copied());
        let (mut running, output) = command.start().ok()?;
        let input = running.take_input()?;
        Some(Self { input, output, running })
    }
}

/// Hands on what one writes to the other, until either ends; the former hears of it when this end of it is dropped.
pub fn hand_on(mut from: impl Read, mut to: impl Write) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
}

/// Counts the bytes that are read, or written.
#[derive(Debug)]
pub struct Counted<T> {
    inner: T,
    bytes: u64,
}

impl<T> Counted<T> {
    /// Nothing is counted yet.
    pub fn new(inner: T) -> Self {
        Self { inner, bytes: 0 }
    }

    /// How many bytes there were.
    pub fn count(&self) -> u64 {
        self.bytes
    }
}

impl<T: Write> Write for Counted<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.bytes += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Counted<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(bytes)?;
        self.bytes += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_counted() {
        let mut to = Counted::new(Vec::new());
        hand_on(Counted::new(&b"abc"[..]), &mut to);
        assert_eq!((to.count(), to.inner.as_slice()), (3, &b"abc"[..]));
    }

    #[test]
    fn squeezed_and_back() {
        let (Some(there), Some(back)) = (Filter::squeezing(), Filter::unsqueezing()) else {
            return;
        };
        let (mut input, output) = (there.input, there.output);
        input.write_all(&vec![7; 100_000]).unwrap();
        drop(input);
        let mut squeezed = Counted::new(output);
        hand_on(&mut squeezed, back.input);
        let mut content = Vec::new();
        { back.output }.read_to_end(&mut content).unwrap();
        assert_eq!((content, squeezed.count() < 1000), (vec![7; 100_000], true));
    }
}
