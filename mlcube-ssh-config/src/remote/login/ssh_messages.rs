//! Separates ssh's own messages from what the host says.
//!
//! On standard error, a banner, a proxy's messages and the remote's own errors are mixed with ssh's, and each can
//! contain any line. `-E FILE` (ssh(1)) takes ssh's own messages out of it. But ssh quotes the peer verbatim, too: an
//! attacker on the network can make it print any line, before any key is exchanged.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::text::quote::one_line;

/// ssh has no more to say about one login than this; a host can make it repeat itself.
const MOST: u64 = 64 * 1024;

/// How the names of the files begin and end.
const PREFIX: &str = "ssh-";
const SUFFIX: &str = ".log";

/// ssh's words for a peer that ends the connection, followed by ADDRESS port PORT:REASON: TEXT.
pub(crate) const DISCONNECT: &str = "Received disconnect from ";

/// ssh's words for a refused login, followed by the methods that the peer accepts.
pub(crate) const PERMISSION_DENIED: &str = "Permission denied (";

/// ssh's words for a host that opens no further session on the connection.
pub(crate) const OPEN_REFUSED: &str = "open refused";

/// How ssh names the peer when it is a proxy's pipe.
pub(crate) const NO_PORT: &str = "UNKNOWN port 65535";

/// ssh's words before it quotes the peer. Everything after them may come from the peer, newlines included.
const QUOTES: [&str; 3] = [
    DISCONNECT,
    PERMISSION_DENIED,
    // Followed by the algorithms that the peer accepts.
    "Their offer: ",
];

/// The last non-empty line.
pub(crate) fn last_line(text: &str) -> String {
    one_line(text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(""))
}

/// Splits ssh's messages into its own words and the peer's words that it quotes at the end.
pub(crate) fn divide(text: &str) -> (&str, &str) {
    let ends = QUOTES.iter().filter_map(|words| text.find(words).map(|at| at + words.len()));
    text.split_at(ends.min().unwrap_or(text.len()))
}

/// The file with the messages of one ssh. It is removed on drop; an ssh that is still running keeps it open.
#[derive(Debug)]
pub(crate) struct SshMessages(NamedTempFile);

impl SshMessages {
    /// Makes a file beside the socket, in the folder that only the user can enter.
    pub(crate) fn beside(socket: &Path) -> Result<Self> {
        let folder = socket.parent().unwrap_or(socket);
        let file = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder);
        let file = file.with_context(|| format!("can't make a file in {}", folder.display()))?;
        // By its lock others see that it is in use. Where there are no locks nobody sweeps.
        let _ = file.as_file().try_lock();
        Ok(Self(file))
    }

    /// Removes the files of programs that a signal ended, which nobody reads any more.
    pub(crate) fn sweep_beside(socket: &Path) {
        let folder = socket.parent().unwrap_or(socket);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(PREFIX)
                && name.ends_with(SUFFIX)
                && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    pub(crate) fn file(&self) -> &Path {
        self.0.path()
    }

    /// ssh's messages so far.
    pub(crate) fn text(&self) -> String {
        let mut text = Vec::new();
        // Without ssh's own reason the failure is diagnosed from its status.
        let _ = File::open(self.file()).and_then(|file| file.take(MOST).read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }
}
