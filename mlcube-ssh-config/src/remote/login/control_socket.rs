//! The path of the shared connection's socket.

use std::env;
use std::fs;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::pipe::failure::hinted;
use crate::pipe::private_file;
use crate::pipe::private_file::state_folder;
use crate::remote::login::Login;
use crate::remote::login::ssh_config::SshConfig;
use crate::settings::names::User;
use crate::text::quote::shell_word;
use crate::text::stable_hash::StableHash;

/// The longest socket path that works: ssh binds at the path, a dot and 16 characters, in the 108 bytes of `sun_path`.
const LONGEST: usize = 90;

/// The hint if no folder is suitable.
const ELSEWHERE: &str = "set XDG_RUNTIME_DIR to a folder of yours with mode 0700, whose path has at most 60 bytes and no blank";

/// What a master is for; each purpose has a socket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// All commands, for as long as it isn't idle.
    Shared,
    /// A single command (`persist: 0`).
    OneCommand,
    /// Commands for which the host has no session left on the first of the two.
    Overflow,
}

/// The keywords of ssh's configuration that decide to which account a login leads. Since OpenSSH 9.6 its own `%C` has
/// them all except the last two.
const DESTINATION: [&str; 6] =
    ["hostname", "port", "user", "proxyjump", "proxycommand", "hostkeyalias"];

/// The name of the socket of a login's master. It depends on where the login leads: a master that was opened before the
/// user gave the host's name another meaning leads elsewhere.
pub(crate) fn name(login: &Login, configuration: &SshConfig, purpose: Purpose) -> String {
    let purpose = match purpose {
        Purpose::Shared => "shared",
        Purpose::OneCommand => "one",
        Purpose::Overflow => "overflow",
    };
    let hash = StableHash::default()
        .field(login.host.as_str())
        .optional(login.user.as_ref().map(User::as_str))
        .optional(login.identity_file.as_ref())
        .optional(login.ssh_config.as_ref())
        .field(purpose)
        // Two homes have two ssh configurations, with other keys and host keys.
        .optional(env::var_os("HOME"));
    let hash =
        DESTINATION.iter().fold(hash, |hash, keyword| hash.optional(configuration.get(keyword)));
    format!("{:016x}", hash.finish())
}

/// The first folder for sockets that belongs to this user alone, or can be made so. In `/tmp` anybody may have made the
/// folder first; then a folder in the user's state folder is used.
///
/// # Errors
/// When the folder can't be made, or others can enter it.
pub(crate) fn private_folder() -> Result<PathBuf> {
    Ok(find_private_folder()?.0)
}

/// As [`private_folder`]; also returns why a better place isn't used, if somebody or something else is in it.
pub(crate) fn find_private_folder() -> Result<(PathBuf, Option<anyhow::Error>)> {
    let uid = rustix::process::getuid().as_raw();
    first_private(places(uid), uid)
}

/// The folders that exist and belong to this user alone: a program with another environment may have chosen another.
pub(crate) fn existing_folders() -> impl Iterator<Item = PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    places(uid).filter(move |folder| check_private(folder, uid).is_ok())
}

/// The possible folders, the best first.
fn places(uid: u32) -> impl Iterator<Item = PathBuf> {
    let runtime =
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let places = [
        runtime.map(|folder| folder.join("mlcube-ssh")),
        Some(PathBuf::from(format!("/tmp/mlcube-ssh-{uid}"))),
        state_folder().ok().map(|state| state.join("run")),
    ];
    places.into_iter().flatten().filter(|folder| is_short(folder) && is_plain_for_ssh(folder))
}

/// The first of `places` that belongs to this user alone, and why an earlier one doesn't that exists; else the error of
/// the first one that exists, or of the first one.
fn first_private(
    mut places: impl Iterator<Item = PathBuf>,
    uid: u32,
) -> Result<(PathBuf, Option<anyhow::Error>)> {
    let (mut refused, mut taken) = (None, None);
    let found = places.find_map(|folder| {
        let problem = make_private(&folder, uid).err();
        match problem {
            None => Some(folder),
            Some(problem) if fs::symlink_metadata(&folder).is_ok() && taken.is_none() => {
                taken = Some(problem);
                None
            }
            Some(problem) => {
                refused.get_or_insert(problem);
                None
            }
        }
    });
    match found {
        Some(folder) => Ok((folder, taken)),
        None => Err(taken.or(refused).unwrap_or_else(no_place)),
    }
}

fn no_place() -> anyhow::Error {
    hinted("no folder for the shared connection", ELSEWHERE)
}

/// Returns whether ssh can bind the path of a socket in the folder.
fn is_short(folder: &Path) -> bool {
    folder.as_os_str().len() + 17 <= LONGEST
}

/// Returns whether ssh takes the folder's name literally: it splits the value of `ControlPath` at blanks, and expands
/// tokens and variables in it (`ssh_config(5)`, TOKENS and ENVIRONMENT VARIABLES).
fn is_plain_for_ssh(folder: &Path) -> bool {
    let bytes = folder.as_os_str().as_bytes();
    !bytes.iter().any(|byte| byte.is_ascii_whitespace() || b"%$~\"'\\#".contains(byte))
}

/// Makes a folder, or refuses one in which somebody else could put a socket.
fn make_private(folder: &Path, uid: u32) -> Result<()> {
    let make = || match folder.parent() {
        // The parent, the state folder, may not exist yet.
        Some(state) if state.ends_with("mlcube-ssh") => private_file::make_private(state),
        _ => Ok(()),
    };
    match make().and_then(|()| DirBuilder::new().mode(0o700).create(folder)) {
        // The umask may have removed permissions.
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?,
        Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => {}
        Err(problem) => {
            return Err(hinted(
                format!("can't create '{}': {problem}", folder.display()),
                ELSEWHERE,
            ));
        }
    }
    check_private(folder, uid)
}

/// Refuses a folder in which somebody else could put a socket.
pub(crate) fn check_private(folder: &Path, uid: u32) -> Result<()> {
    let metadata = fs::symlink_metadata(folder)
        .with_context(|| format!("can't inspect {}", folder.display()))?;
    let is_ours = metadata.uid() == uid;
    if metadata.is_dir() && is_ours && metadata.permissions().mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    let hint = if is_ours {
        format!(
            "remove it with `rm -r {}`; it will be recreated",
            shell_word(&folder.to_string_lossy())
        )
    } else {
        ELSEWHERE.to_owned()
    };
    Err(hinted(format!("'{}' must be owned by you with mode 0700", folder.display()), hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipe::failure::Failure;

    #[test]
    fn a_path_is_short_and_tells_logins_apart() {
        let login = |key: &str| Login {
            host: "box".parse().unwrap(),
            user: Some("me".parse().unwrap()),
            identity_file: Some(key.to_owned()),
            ssh_config: None,
        };
        let leads_to = |lines: &str| SshConfig::from(lines.as_bytes().to_vec());
        let name = |key: &str, lines: &str| name(&login(key), &leads_to(lines), Purpose::Shared);
        let usual = "user me\nhostname box.lab\nport 22\n";
        let one = name("/k1", usual);
        for (key, lines) in [
            ("/k2", usual),
            ("/k1", "user me\nhostname box2.lab\nport 22\n"),
            ("/k1", "user you\nhostname box.lab\nport 22\n"),
            ("/k1", "user me\nhostname box.lab\nport 2222\n"),
            ("/k1", "user me\nhostname box.lab\nport 22\nproxyjump gate\n"),
            ("/k1", "user me\nhostname box.lab\nport 22\nproxycommand gate\n"),
        ] {
            assert_ne!(one, name(key, lines), "{key} {lines}");
        }
        assert_eq!(one, name("/k1", &format!("{usual}compression yes\n")));
        assert!(private_folder().unwrap().join(one).as_os_str().len() <= LONGEST);
    }

    #[test]
    fn a_place_that_is_taken_is_passed_by() {
        let folder = tempfile::tempdir().unwrap();
        let uid = rustix::process::getuid().as_raw();
        let [open, file, free] = ["open", "file", "free"].map(|name| folder.path().join(name));
        DirBuilder::new().mode(0o755).create(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&file, "").unwrap();
        let beyond = folder.path().join("nowhere/at/all");
        let places = [&beyond, &open, &file, &free].map(Clone::clone);
        let (found, taken) = first_private(places.into_iter(), uid).unwrap();
        assert_eq!(found, free);
        assert!(taken.unwrap().to_string().contains("open' must be owned by you"));
        assert_eq!(fs::metadata(&free).unwrap().permissions().mode() & 0o777, 0o700);
        let refused = first_private([open.clone(), file].into_iter(), uid).unwrap_err();
        let hint = format!("remove it with `rm -r {}`; it will be recreated", open.display());
        assert_eq!(Failure::from(refused).hint_text(), Some(hint.as_str()));
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let uid = rustix::process::getuid().as_raw();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(check_private(folder.path(), uid).is_err());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(check_private(folder.path(), uid).is_ok());
        // A folder of another user: for a user id that no machine has, it is root's.
        let squatted = check_private(folder.path(), uid + 1).unwrap_err();
        assert!(Failure::from(squatted).hint_text().unwrap().contains("XDG_RUNTIME_DIR"));
    }
}
