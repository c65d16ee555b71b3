//! Where the shared connection's socket lies.

use std::env;
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The longest socket path that works: ssh binds at the path, a dot and 16 characters, in the 108 bytes of `sun_path`.
const LONGEST: usize = 90;

/// The socket for a login, in a folder that nobody else can reach; `login` is all that tells one login from another.
///
/// # Errors
/// When the folder can't be made, or isn't ours alone.
pub(super) fn path(login: &impl Hash) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    login.hash(&mut hasher);
    // Two homes are two sets of ssh settings, for which one alias can mean two hosts.
    env::var_os("HOME").hash(&mut hasher);
    Ok(private_folder()?.join(format!("{:016x}", hasher.finish())))
}

/// `$XDG_RUNTIME_DIR/mlcube-ssh`; where that isn't set or too long, a folder in `/tmp` that bears the user's id.
fn private_folder() -> Result<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let runtime =
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = runtime
        .map(|folder| folder.join("mlcube-ssh"))
        .filter(|folder| folder.as_os_str().len() + 17 <= LONGEST);
    let folder = folder.unwrap_or_else(|| PathBuf::from(format!("/tmp/mlcube-ssh-{uid}")));
    if let Err(problem) = DirBuilder::new().mode(0o700).create(&folder)
        && problem.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(problem).with_context(|| {
            format!("can't make the folder for the shared connection, {}", folder.display())
        });
    }
    check_private(&folder, uid)?;
    Ok(folder)
}

/// Refuses a folder in which somebody else could put a socket.
fn check_private(folder: &Path, uid: u32) -> Result<()> {
    let metadata = fs::symlink_metadata(folder)
        .with_context(|| format!("can't look at {}", folder.display()))?;
    let ours = metadata.is_dir()
        && metadata.uid() == uid
        && metadata.permissions().mode().trailing_zeros() >= 6;
    if !ours {
        bail!(
            "{} isn't a folder of yours alone (mode 0700); remove it, and it is made anew",
            folder.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_short_and_tells_logins_apart() {
        let one = path(&("box", "me", "/k1")).unwrap();
        let other = path(&("box", "me", "/k2")).unwrap();
        assert_ne!(one, other);
        assert!(one.as_os_str().len() <= LONGEST);
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let uid = rustix::process::getuid().as_raw();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(check_private(folder.path(), uid).is_err());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(check_private(folder.path(), uid).is_ok());
    }
}
