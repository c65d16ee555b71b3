//! Writes the standard input of a running command.

use std::io;
use std::io::{PipeWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The bytes that count as progress: as many as a pipe holds (pipe(7)), so a second piece shows that the command reads.
const PIECE: usize = 64 * 1024;

/// The standard input of a command, closed on drop. A thread writes, so that the program never blocks on a command that
/// reads nothing.
#[derive(Debug)]
pub(crate) struct Writer {
    texts: Sender<Vec<u8>>,
    pieces: Arc<AtomicUsize>,
    pipe: Receiver<PipeWriter>,
}

impl Writer {
    pub(crate) fn new(mut pipe: PipeWriter) -> io::Result<Self> {
        let (texts, queue) = channel::<Vec<u8>>();
        let (hand_back, handed_back) = channel();
        let pieces = Arc::<AtomicUsize>::default();
        let written = Arc::clone(&pieces);
        thread::Builder::new().spawn(move || {
            for text in queue {
                for piece in text.chunks(PIECE) {
                    // If the command has ended, waiting for it shows why.
                    if pipe.write_all(piece).is_ok() && piece.len() == PIECE {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            // Nobody receives it if only the end was waited for.
            let _ = hand_back.send(pipe);
        })?;
        Ok(Self { texts, pieces, pipe: handed_back })
    }

    /// Appends text to the input.
    pub(crate) fn write(&self, text: Vec<u8>) {
        // The thread lives as long as `self`, so sending succeeds.
        let _ = self.texts.send(text);
    }

    /// How many whole pieces were written.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.load(Ordering::Relaxed)
    }

    /// Returns the pipe once everything is written.
    ///
    /// # Errors
    /// When the command doesn't read it within `limit`.
    pub(crate) fn into_pipe(self, limit: Duration) -> io::Result<PipeWriter> {
        drop(self.texts);
        self.pipe.recv_timeout(limit).map_err(|end| match end {
            RecvTimeoutError::Timeout => io::ErrorKind::TimedOut.into(),
            RecvTimeoutError::Disconnected => io::ErrorKind::BrokenPipe.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_command_that_reads_nothing_is_not_waited_for() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let writer = Writer::new(pipe).unwrap();
        writer.write(vec![7; 4 * PIECE]);
        writer.write(b"end".to_vec());
        let reads = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read.len()
        });
        let mut pipe = writer.into_pipe(Duration::from_secs(60)).unwrap();
        pipe.write_all(b"!").unwrap();
        drop(pipe);
        assert_eq!(reads.join().unwrap(), 4 * PIECE + 4);
    }

    #[test]
    fn a_pipe_that_is_full_is_not_handed_back() {
        let (_reader, pipe) = io::pipe().unwrap();
        let writer = Writer::new(pipe).unwrap();
        writer.write(vec![7; 4 * PIECE]);
        let problem = writer.into_pipe(Duration::from_millis(50)).unwrap_err();
        assert_eq!(problem.kind(), io::ErrorKind::TimedOut);
    }
}
