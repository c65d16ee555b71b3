//! Captures the output of a command up to a limit: for an ssh, the host decides how much that is.

use std::io;
use std::io::{PipeReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the pipe may stay silent after the command has ended, until it counts as read. All output is in the pipe by
/// then, but the background master of OpenSSH 8.4 and older keeps the pipe open while it lives.
const AFTER_THE_END: Duration = Duration::from_secs(1);

/// A captured output stream of a command.
#[derive(Debug)]
pub(crate) struct Captured {
    text: Arc<Mutex<Vec<u8>>>,
    is_exceeded: Arc<AtomicBool>,
    is_read: Receiver<()>,
}

impl Captured {
    /// Reads `pipe` to its end, at most `limit` bytes; beyond that the command is killed.
    pub(crate) fn read(
        mut pipe: PipeReader,
        limit: usize,
        handle: &Arc<duct::Handle>,
    ) -> io::Result<Self> {
        let (text, is_exceeded) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicBool>::default());
        let (done, is_read) = channel();
        let (kept, exceeds, handle) =
            (Arc::clone(&text), Arc::clone(&is_exceeded), Arc::clone(handle));
        thread::Builder::new().spawn(move || {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let length = match pipe.read(&mut buffer) {
                    Ok(length @ 1..) => length,
                    Err(problem) if problem.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => break,
                };
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() + length > limit {
                    exceeds.store(true, Ordering::Relaxed);
                    let _ = handle.kill();
                    break;
                }
                kept.extend_from_slice(&buffer[..length]);
            }
            // Nobody receives this if the command left a process behind and the wait for it is over.
            let _ = done.send(());
        })?;
        Ok(Self { text, is_exceeded, is_read })
    }

    /// The output of a command that has ended, and whether it exceeded the limit.
    pub(crate) fn finish(self) -> (Vec<u8>, bool) {
        let length = || self.text.lock().unwrap_or_else(PoisonError::into_inner).len();
        let mut before = length();
        // On a busy machine the reader may take longer to empty the pipe.
        while self.is_read.recv_timeout(AFTER_THE_END) == Err(RecvTimeoutError::Timeout) {
            let now = length();
            if now == before {
                break;
            }
            before = now;
        }
        let text = std::mem::take(&mut *self.text.lock().unwrap_or_else(PoisonError::into_inner));
        (text, self.is_exceeded.load(Ordering::Relaxed))
    }
}
