//! What ssh has told an earlier step of the same command line: the configuration for a login. It is kept in the private
//! folder of the wrapper, which ends with the command line. To start ssh takes longer than all that most steps do
//! locally.

use std::env;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::remote::login::control_socket;
use crate::remote::login::ssh_config::SshConfig;
use crate::text::stable_hash::StableHash;

/// The variable with the path of that folder.
const FOLDER: &str = "MLCUBE_SSH_FOLDER";

/// The configuration that ssh has told an earlier step for these words.
pub(crate) fn of(words: &[String]) -> Option<SshConfig> {
    fs::read(file(words)?).ok().map(SshConfig::from)
}

/// Keeps a configuration for the later steps. It only saves time, so it doesn't matter if that fails.
pub(crate) fn keep(words: &[String], configuration: &SshConfig) {
    let Some(file) = file(words) else { return };
    let Some(Ok(mut new)) = file.parent().map(tempfile::NamedTempFile::new_in) else { return };
    if new.write_all(configuration.as_bytes()).is_ok() {
        // A pull may run beside another step.
        let _ = new.persist(file);
    }
}

/// The file for these words; `None` without the wrapper, and in a folder that others can enter.
fn file(words: &[String]) -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os(FOLDER)?);
    control_socket::check_private(&folder, rustix::process::getuid().as_raw()).ok()?;
    let hash = words.iter().fold(StableHash::default(), StableHash::field);
    Some(folder.join(format!("ssh-{:016x}", hash.finish())))
}
