//! Counts bytes that are read or written.

use std::io;
use std::io::{Read, Write};

/// Counts the bytes that are read from its inner value or written to it.
#[derive(Debug)]
pub struct ByteCounter<T> {
    inner: T,
    count: u64,
}

impl<T> ByteCounter<T> {
    /// Starts at 0.
    pub fn new(inner: T) -> Self {
        Self { inner, count: 0 }
    }

    /// The number of bytes so far.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<T: Write> Write for ByteCounter<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.count += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for ByteCounter<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(bytes)?;
        self.count += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted() {
        let (mut from, mut to) = (ByteCounter::new(&b"abc"[..]), ByteCounter::new(Vec::new()));
        io::copy(&mut from, &mut to).unwrap();
        assert_eq!((from.count(), to.count(), to.inner.as_slice()), (3, 3, &b"abc"[..]));
    }
}
