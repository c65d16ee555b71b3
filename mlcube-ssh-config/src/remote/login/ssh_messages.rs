//! What ssh itself says, apart from what the host says.
//!
//! On standard error a banner, the words of a proxy and the remote's own errors are mixed with ssh's, and each can hold
//! any line. `-E FILE` (ssh(1)) takes ssh's own out of it. But ssh quotes the peer, too, as it is: whoever stands on the
//! way can let it say any line, before any key is exchanged.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::text::quote::one_line;

/// More than this ssh hasn't to say of one login; a host can make it repeat itself.
const MOST: u64 = 64 * 1024;

/// What ssh says before it quotes the peer. All that follows may be the peer's, which can hold newlines.
const QUOTES: [&str; 3] = [
    // ADDRESS port PORT:REASON: TEXT
    "Received disconnect from ",
    // The methods that the peer would take.
    "Permission denied (",
    // The algorithms that it would take.
    "Their offer: ",
];

/// The last line that says something.
pub(crate) fn last_line(text: &str) -> String {
    one_line(text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(""))
}

/// Divides what ssh said into its own words and those of the peer that it quotes at the end.
pub(crate) fn divide(text: &str) -> (&str, &str) {
    let ends = QUOTES.iter().filter_map(|words| text.find(words).map(|at| at + words.len()));
    text.split_at(ends.min().unwrap_or(text.len()))
}

/// The file of one ssh's own messages. It goes when this is dropped; an ssh that goes on keeps it open.
#[derive(Debug)]
pub(crate) struct SshMessages(NamedTempFile);

impl SshMessages {
    /// A file beside the socket, in the folder that is the user's alone.
    pub(crate) fn beside(socket: &Path) -> Result<Self> {
        let folder = socket.parent().unwrap_or(socket);
        let file = tempfile::Builder::new().prefix("ssh-").suffix(".log").tempfile_in(folder);
        Ok(Self(file.with_context(|| format!("can't make a file in {}", folder.display()))?))
    }

    pub(crate) fn file(&self) -> &Path {
        self.0.path()
    }

    /// What ssh has said so far.
    pub(crate) fn text(&self) -> String {
        let mut text = Vec::new();
        // Without a reason of ssh's own the failure is told by its status.
        let _ = File::open(self.file()).and_then(|file| file.take(MOST).read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }
}
