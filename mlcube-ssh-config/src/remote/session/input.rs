//! The input that a session's script reads while it runs, as fast as the remote takes it.

use std::io;
use std::io::{ErrorKind, PipeWriter, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::remote::session::deadline::PROGRESS;

/// A pipe to a script's descriptor 3, closed on drop. A write fails with [`ErrorKind::TimedOut`] if the remote takes
/// nothing for too long.
#[derive(Debug)]
pub struct Input {
    pipe: PipeWriter,
    limit: Duration,
    /// The time spent waiting for the remote since it took [`PROGRESS`] bytes.
    waited: Duration,
    taken: usize,
}

impl Input {
    /// Wraps a pipe; the remote may take up to `limit` for each [`PROGRESS`] bytes.
    pub(crate) fn new(pipe: PipeWriter, limit: Duration) -> io::Result<Self> {
        // A blocking write to a full pipe would wait without a limit.
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        Ok(Self { pipe, limit, waited: Duration::ZERO, taken: 0 })
    }

    /// Waits until the pipe takes something. The time that the local machine needs to produce the next bytes doesn't
    /// count.
    fn wait(&mut self) -> io::Result<()> {
        let left = self.limit.saturating_sub(self.waited);
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let start = Instant::now();
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.pipe, PollFlags::OUT)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(problem) => return Err(problem.into()),
        }
        self.waited += start.elapsed();
        Ok(())
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => self.wait()?,
                Err(problem) => return Err(problem),
                Ok(length) => {
                    self.taken += length;
                    if self.taken >= PROGRESS {
                        (self.waited, self.taken) = (Duration::ZERO, 0);
                    }
                    return Ok(length);
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::thread;

    use super::*;

    #[test]
    fn a_reader_that_stops_is_waited_for_with_a_limit() {
        let (mut remote, pipe) = io::pipe().unwrap();
        let mut input = Input::new(pipe, Duration::from_secs(1)).unwrap();
        let much = vec![7; 1 << 20];
        assert_eq!(input.write_all(&much).unwrap_err().kind(), ErrorKind::TimedOut);
        // A reader that continues is waited for, however long the whole takes.
        let reader = thread::spawn(move || {
            let (mut taken, mut buffer) = (0, vec![0; 100_000]);
            while let Ok(length @ 1..) = remote.read(&mut buffer) {
                taken += length;
                thread::sleep(Duration::from_millis(40));
            }
            taken
        });
        (input.waited, input.taken) = (Duration::ZERO, 0);
        input.write_all(&much).unwrap();
        drop(input);
        assert!(reader.join().unwrap() >= much.len());
    }
}
