//! Local files and folders that only the user may read.

use std::env;
use std::fs;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::text::hint::OrHint;

/// The name of the state folder.
const STATE: &str = "mlcube-ssh";

/// The hint for a state folder that can't be used.
pub const STATE_REMEDY: &str = "make it writable, or set XDG_STATE_HOME to a folder of yours for good: the state folder holds what both sides agreed on";

/// The hint for a file of the sync state that can't be used.
pub(crate) const FILE_REMEDY: &str = "let the account read and write it (XDG_STATE_HOME names another folder), or move it away: then every difference between both sides is kept and named";

/// Returns the folder of the user's sync states and keys: `mlcube-ssh` in `XDG_STATE_HOME` or its default.
///
/// # Errors
/// If neither `XDG_STATE_HOME` nor a home is set.
pub fn state_folder() -> Result<PathBuf> {
    let state =
        env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = state.or_else(|| env::home_dir().map(|home| home.join(".local/state")));
    let state = state.context("no home folder for the state of transfers");
    let state = state.or_hint("set HOME or XDG_STATE_HOME")?;
    Ok(state.join(STATE))
}

/// Writes into the state folder, as every transfer does, and removes what it wrote; returns the folder.
///
/// # Errors
/// If the folder can't be created or isn't the user's, or if nothing can be written into it.
pub fn try_state_folder() -> Result<PathBuf> {
    let folder = state_folder()?;
    let write = || {
        make_private(&folder)?;
        let mut trial = tempfile::NamedTempFile::new_in(&folder)?;
        trial.write_all(&[0; 4096])?;
        trial.as_file().sync_all()
    };
    write()
        .with_context(|| format!("can't write into the state folder {}", folder.display()))
        .or_hint(STATE_REMEDY)?;
    Ok(folder)
}

/// Returns whether a folder is a state folder, in use or of a former `XDG_STATE_HOME`: it has the name, and the id or
/// the key of a machine.
#[must_use]
pub fn is_state_folder(folder: &Path) -> bool {
    // A cube's `id` may be a pipe, so it is looked at before it is read.
    let is_private_file = |name: &str, size: u64| {
        let file = fs::symlink_metadata(folder.join(name));
        file.is_ok_and(|file| {
            file.is_file() && file.len() == size && file.mode().trailing_zeros() >= 6
        })
    };
    let is_id = || {
        let is_hex = |text: String| text.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit());
        is_private_file("id", 17) && fs::read_to_string(folder.join("id")).is_ok_and(is_hex)
    };
    folder.file_name().is_some_and(|name| name == STATE) && (is_id() || is_private_file("key", 32))
}

/// Writes `path`, and creates its folder if needed. Atomic: `path` is either the old file or the complete new one,
/// readable only by its owner. A target that isn't a regular file, such as a pipe or a terminal, is written directly;
/// another user's is refused. An open descriptor (`/dev/stdout`, `/dev/fd/3`) is appended to. `write` may write in
/// small pieces.
///
/// # Errors
/// If the folder can't be created or the file can't be written, or if it is another user's pipe, and the errors of
/// `write`.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let is_direct = |found: &Metadata| !found.is_file() || is_open_already(path);
    if let Some(found) = fs::metadata(path).ok().filter(is_direct) {
        // Checked before the open, which waits for a reader, and after it, because the file may have been replaced
        // meanwhile.
        check_ours(path, &found)?;
        let file = OpenOptions::new().append(true).open(path)?;
        check_ours(path, &file.metadata()?)?;
        return buffered(&file, write);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        make_folder(folder)?;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    // In a folder that others may write to, nobody can place a link at the new file's path beforehand: the name is
    // random, and an existing file isn't opened. tempfile sets mode 0600 itself.
    let new = tempfile::Builder::new()
        .prefix(&name)
        .suffix(".new")
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    buffered(new.as_file(), write)?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|refused| refused.error)?;
    Ok(())
}

/// Writes a file that doesn't exist yet, readable only by its owner, into a folder that only this user can enter. Keeps
/// a file that another process has made meanwhile.
///
/// # Errors
/// If the folder can't be created or isn't the user's, or if the file can't be written.
pub(crate) fn write_once(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private(folder)?;
    // The temporary file has mode 0600 from the start.
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(path) {
        Err(refused) if refused.error.kind() != ErrorKind::AlreadyExists => Err(refused.error),
        _ => Ok(()),
    }
}

/// Creates a folder that only its owner can enter, and missing folders above it; an existing folder isn't changed.
///
/// # Errors
/// If the folder can't be created.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Creates a folder that only this user can enter; also corrects the mode of an existing folder, whatever the umask.
///
/// # Errors
/// If the folder can't be created, or belongs to another user.
pub fn make_private(folder: &Path) -> io::Result<()> {
    make_folder(folder)?;
    // Follows a link, because the user may keep the folder on another disk.
    let metadata = fs::metadata(folder)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() || !metadata.is_dir() {
        return Err(io::Error::other(format!("{} isn't a folder that you own", folder.display())));
    }
    if metadata.permissions().mode() & 0o777 != 0o700 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Fails if a pipe or a socket at `path` belongs to another user, who would read what is written.
fn check_ours(path: &Path, found: &Metadata) -> io::Result<()> {
    let is_trusted = [0, rustix::process::geteuid().as_raw()].contains(&found.uid());
    // A descriptor that the shell opened for this process is the user's choice, for instance under `sudo`. Only root
    // makes devices.
    if is_open_already(path) || is_trusted || found.file_type().is_char_device() {
        return Ok(());
    }
    Err(io::Error::other("another user's pipe or socket is in its place"))
}

/// Returns whether a path is the name of a descriptor of this process.
fn is_open_already(path: &Path) -> bool {
    let places = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];
    places.iter().any(|place| path.starts_with(place))
}

fn buffered(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{OpenOptionsExt, chown, symlink};

    use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

    use super::*;

    #[test]
    fn a_link_that_somebody_planted_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("run.json"), folder.path().join("precious"));
        fs::write(&precious, "precious").unwrap();
        // Both the name that older versions used for the temporary file, and the file's own name.
        symlink(&precious, folder.path().join(format!("run.json.{}.new", std::process::id())))
            .unwrap();
        symlink(&precious, &path).unwrap();
        write_atomically(&path, |file| file.write_all(b"document")).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    /// Only root can give a pipe to another user.
    #[test]
    fn nothing_is_written_into_a_pipe_of_another_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
        let mut reader = OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap();
        let write = || write_atomically(&path, |file| file.write_all(b"document"));
        write().unwrap();
        let mut read = [0; 99];
        assert_eq!(reader.read(&mut read).unwrap(), 8, "one's own");
        if rustix::process::geteuid().is_root() {
            chown(&path, Some(65534), None).unwrap();
            assert!(write().is_err());
            // Without a writer, a read returns the end at once.
            assert_eq!(reader.read(&mut read).unwrap(), 0);
        }
    }

    #[test]
    fn what_is_open_already_is_written_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let mut open = File::create(&path).unwrap();
        open.write_all(b"before ").unwrap();
        let name = PathBuf::from(format!("/dev/fd/{}", open.as_raw_fd()));
        write_atomically(&name, |file| file.write_all(b"document")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before document");
    }

    #[test]
    fn a_private_folder_is_private_whatever_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("a/b");
        for mode in [0o777, 0o500, 0o700] {
            make_private(&private).unwrap();
            let found = fs::metadata(&private).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, 0o700);
            fs::set_permissions(&private, Permissions::from_mode(mode)).unwrap();
        }
        let file = private.join("file");
        fs::write(&file, "").unwrap();
        assert!(make_private(&file).is_err());
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        for content in ["one", "two"] {
            write_atomically(&path, |file| file.write_all(content.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
