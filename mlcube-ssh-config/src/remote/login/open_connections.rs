//! The shared connections that are open on the local machine.
//!
//! The name of a socket is a hash. A note beside it says where it leads.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::listing::is_absence;
use crate::pipe::failure::Outcome;
use crate::pipe::private_file;
use crate::process::command::Command;
use crate::remote::connection::Connection;
use crate::remote::login::control_socket;
use crate::remote::login::master::answers;
use crate::text::units::duration;

/// How the name of a note ends.
const NOTE: &str = "about";

/// Where an open connection leads, since when, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenConnection {
    /// The host, as the settings name it; empty if nothing is known of the connection.
    #[serde(default)]
    pub host: String,
    /// The user, if the settings name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The section of the settings file for which it was opened.
    #[serde(default)]
    pub platform: String,
    /// When it was opened, in seconds since 1970. `None` for the user's own.
    #[serde(default)]
    pub opened: Option<u64>,
    /// Seconds without a session after which it closes. `None` for the user's own.
    #[serde(default)]
    pub persist: Option<u32>,
}

impl OpenConnection {
    /// How long it stays open, as a part of a sentence.
    #[must_use]
    pub fn end(&self) -> String {
        match self.persist {
            Some(seconds) => format!("after {} without use", duration(seconds.into())),
            None if self.host.is_empty() => "at a time that isn't known".to_owned(),
            None => "when your own ssh closes it".to_owned(),
        }
    }

    /// Seconds for which it has been open.
    #[must_use]
    pub fn age(&self) -> Option<u64> {
        Some(now().saturating_sub(self.opened?))
    }

    /// The connections of this user that reply, of whatever cube and host.
    ///
    /// # Errors
    /// When a program can't be started.
    pub fn all() -> Outcome<Vec<Self>> {
        let mut open = Vec::new();
        for folder in control_socket::existing_folders() {
            sweep(&folder);
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let mut sockets: Vec<PathBuf> =
                entries.map(|entry| entry.path()).filter(|path| is_socket(path)).collect();
            sockets.sort();
            for socket in sockets {
                if is_open(&socket)? {
                    open.push(Self::read(&socket).unwrap_or_default());
                }
            }
        }
        Ok(open)
    }

    fn read(socket: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(socket.with_extension(NOTE)).ok()?).ok()
    }

    fn write(&self, socket: &Path) -> Result<()> {
        let text = serde_json::to_vec(self)?;
        let note = socket.with_extension(NOTE);
        Ok(private_file::write_atomically(&note, |file| file.write_all(&text))?)
    }
}

impl Connection {
    /// Notes where the connection in use leads. Without the note it is listed without its host.
    pub(crate) fn note_open(&self, is_users_own: bool) {
        let ours = (!is_users_own).then_some(());
        let note = OpenConnection {
            host: self.login.host.to_string(),
            user: self.login.user.as_ref().map(ToString::to_string),
            platform: self.platform.clone(),
            opened: ours.map(|()| now()),
            persist: ours.map(|()| self.idle_limit()),
        };
        let socket = self.socket();
        socket.parent().into_iter().for_each(sweep);
        let _ = note.write(&socket);
    }

    /// What was noted of the connection in use.
    #[must_use]
    pub fn about(&self) -> OpenConnection {
        OpenConnection::read(&self.socket()).unwrap_or_default()
    }
}

/// Removes the notes of connections that have ended: their sockets are gone.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let note = entry.path();
        let is_note = note.extension().is_some_and(|extension| extension == NOTE);
        if is_note
            && fs::symlink_metadata(note.with_extension("")).is_err_and(|why| is_absence(&why))
        {
            let _ = fs::remove_file(note);
        }
    }
}

/// Returns whether a path is that of a master's socket, or of a link to the user's own.
fn is_socket(path: &Path) -> bool {
    let is_hash =
        |name: &str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    path.file_name().and_then(|name| name.to_str()).is_some_and(is_hash)
        && fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Returns whether a master behind the socket replies, whatever host it leads to: ssh requires a name.
fn is_open(socket: &Path) -> Outcome<bool> {
    let path = format!("ControlPath={}", socket.display());
    let check = Command::new("ssh").args(["-F", "none", "-o", &path, "-O", "check", "--"]);
    answers(&check.arg("localhost").own_group())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}
