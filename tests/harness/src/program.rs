//! The programs of this machine and of this repository.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where programs are looked for, here and on the remote host.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// A command that reads nothing, with the environment of the test.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness starts what it tests; the crates' own commands are data"
)]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Writes a program, lines of sh.
pub(crate) fn write(path: &Path, lines: &str) {
    fs::write(path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a command to its end and gives its standard output; panics with its standard error unless it succeeds.
pub(crate) fn must(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|err| panic!("{command:?} can't be started: {err}"));
    assert!(
        out.status.success(),
        "{command:?}: {}: {}",
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The root of this repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The folder that holds the tools just built: the one above the `deps` that holds this test.
pub(crate) fn built() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// Whether this test may make users, mounts and namespaces.
pub fn am_root() -> bool {
    rustix::process::geteuid().is_root()
}
