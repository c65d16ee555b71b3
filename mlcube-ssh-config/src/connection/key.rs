//! The settings' identity file, looked at before the login: of a key that it can't use ssh says little, and the host sees a
//! login without one.

use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::configuration::Configuration;
use crate::command::Command;
use crate::failure::hinted;
use crate::quote::shell_word;

/// No key is larger.
const LARGEST: u64 = 64 * 1024;

/// How long `ssh-keygen` and `ssh-add` may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The first line of the keys that OpenSSH writes. It wants every byte of their lines; it takes other keys as they come.
const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// Refuses a key that ssh would not use, and says why.
///
/// # Errors
/// When it isn't there, is empty, readable by others, a public one, or was changed on its way through an editor.
pub(super) fn check(file: &str, user: &Configuration) -> Result<()> {
    // ssh puts values into these (ssh_config(5), IdentityFile), and `none` is no file.
    if file == "none" || file.contains('%') || file.contains("${") {
        return Ok(());
    }
    let path = located(file);
    let word = shell_word(file);
    let Ok(metadata) = fs::metadata(&path) else {
        // With its public half beside it the key may be an agent's.
        if Path::new(&format!("{}.pub", path.display())).exists() {
            return Ok(());
        }
        return Err(hinted(
            format!("there is no identity file '{file}'"),
            "see the platform's authentication.identity_file",
        ));
    };
    let mut content = Vec::new();
    File::open(&path)
        .and_then(|key| key.take(LARGEST).read_to_end(&mut content))
        .with_context(|| format!("can't read the identity file '{file}'"))?;
    let text = String::from_utf8_lossy(&content);
    if text.trim().is_empty() {
        return Err(hinted(
            format!("the identity file '{file}' is empty"),
            "copy the private key into it again",
        ));
    }
    if let Some(key) = public_key(&text) {
        if agent_has(key, user) {
            return Ok(());
        }
        return Err(hinted(
            format!(
                "the identity file '{file}' is a public key, and no agent has its private half"
            ),
            format!(
                "name the private key, as a rule {}",
                shell_word(file.trim_end_matches(".pub"))
            ),
        ));
    }
    // ssh looks at the mode of the user's own files only.
    let is_own = metadata.uid() == rustix::process::getuid().as_raw();
    if is_own && metadata.mode() & 0o077 != 0 {
        return Err(hinted(
            format!("others can read the identity file '{file}', so ssh doesn't use it"),
            format!("chmod 600 {word}"),
        ));
    }
    if !text.starts_with(OPENSSH) || is_usable(&path) {
        return Ok(());
    }
    let (what, remedy) = if text.contains("\r\n") {
        ("has lines that end as on Windows", format!("sed -i 's/\\r$//' {word}"))
    } else if !text.ends_with('\n') {
        ("lacks the newline at its end", format!("echo >> {word}"))
    } else {
        return Ok(());
    };
    Err(hinted(format!("the identity file '{file}' {what}, so ssh can't read it"), remedy))
}

/// The file that ssh reads.
fn located(file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(file),
    }
}

/// The key in the text of a public one, `TYPE KEY COMMENT`.
fn public_key(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    let kind = words.next()?;
    let is_public = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start));
    words.next().filter(|_| is_public)
}

/// Whether ssh's own tool can read the key. One with a passphrase is whole when only that is missing.
fn is_usable(path: &Path) -> bool {
    let tool = Command::new("ssh-keygen").args(["-y", "-P", "", "-f"]);
    let tool = tool.arg(path.display().to_string()).variable("LC_ALL", "C");
    match tool.run_within(Some(LIMIT)) {
        Ok(Some(told)) => told.status == 0 || told.errors.contains("passphrase"),
        // Without the tool the login will tell.
        _ => true,
    }
}

/// Whether the agent that ssh would ask has the key.
fn agent_has(key: &str, user: &Configuration) -> bool {
    let told = user.get("identityagent").filter(|agent| *agent != "SSH_AUTH_SOCK");
    let ask = Command::new("ssh-add").arg("-L");
    let ask = match told {
        Some("none") => return false,
        Some(socket) => ask.variable("SSH_AUTH_SOCK", socket),
        None => ask,
    };
    let is_listed = |output: &[u8]| String::from_utf8_lossy(output).contains(key);
    matches!(ask.run_within(Some(LIMIT)), Ok(Some(told)) if is_listed(&told.output))
}
