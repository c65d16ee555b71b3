//! Finds identity files that ssh can't use: ssh says little about such a key, and the host sees a login without one.
//!
//! The settings' own key is checked before the login. Keys that only ssh's configuration names are checked after a
//! refused login: another one may have worked.

use std::env;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::pipe::failure::hinted;
use crate::process::command::{Command, Finished};
use crate::remote::login::ssh_config::SshConfig;
use crate::remote::login::ssh_messages::last_line;
use crate::text::quote::shell_word;

/// No key is larger than this.
const LARGEST: u64 = 64 * 1024;

/// How long `ssh-keygen` and `ssh-add` may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The first line of OpenSSH's own format, which must be exact to the byte; ssh is lenient with other formats.
const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// Why ssh can't use an identity file, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyProblem {
    /// A sentence about the file.
    pub(crate) what: String,
    /// The text of the hint.
    pub(crate) remedy: String,
}

/// Refuses a key that ssh wouldn't use.
///
/// # Errors
/// When it doesn't exist, is empty, readable by others, a public key, or was damaged by an editor.
pub(crate) fn check(file: &str, user: &SshConfig) -> Result<()> {
    let path = located(file);
    if is_named(file) && !path.exists() {
        // With its public half beside it, the key may be in an agent.
        if Path::new(&format!("{}.pub", path.display())).exists() {
            return Ok(());
        }
        return Err(hinted(
            format!("no identity file '{file}'"),
            "set identity_file in the platform's 'authentication'",
        ));
    }
    match problem(file, user)? {
        Some(KeyProblem { what, remedy }) => Err(hinted(what, remedy)),
        None => Ok(()),
    }
}

/// The first problem of the existing keys of a refused login. `asks` says whether somebody could be asked for a
/// passphrase.
pub(crate) fn first_problem<'a>(
    files: impl Iterator<Item = &'a str>,
    user: &SshConfig,
    asks: bool,
) -> Option<KeyProblem> {
    let of = |file: &str| match problem(file, user) {
        Ok(None) if !asks => locked(file, user),
        found => found.ok().flatten(),
    };
    files.filter(|file| located(file).exists()).find_map(of)
}

/// Returns whether a value of `IdentityFile` is a literal file name: ssh expands tokens and variables
/// (`ssh_config(5)`), and `none` is no file.
fn is_named(file: &str) -> bool {
    file != "none" && !file.contains('%') && !file.contains("${")
}

/// Why ssh can't use an existing file; `None` for a key that only lacks its passphrase.
fn problem(file: &str, user: &SshConfig) -> Result<Option<KeyProblem>> {
    if !is_named(file) {
        return Ok(None);
    }
    let path = located(file);
    // In quotes a shell doesn't expand `~`.
    let word = shell_word(&path.to_string_lossy());
    let problem = |what: &str, remedy: String| {
        Ok(Some(KeyProblem { what: format!("the identity file '{file}' {what}"), remedy }))
    };
    let reading = || format!("can't read the identity file '{file}'");
    let metadata = fs::metadata(&path).with_context(reading)?;
    if metadata.is_dir() {
        return problem("is a folder", ANOTHER.to_owned());
    }
    let mut content = Vec::new();
    File::open(&path)
        .and_then(|key| key.take(LARGEST).read_to_end(&mut content))
        .with_context(reading)?;
    let text = String::from_utf8_lossy(&content);
    if text.trim().is_empty() {
        return problem("is empty", "copy the private key into it again".to_owned());
    }
    if let Some(key) = public_key(&text) {
        if agent_lists(&["-L"], key, user) {
            return Ok(None);
        }
        let private = file.strip_suffix(".pub").map(shell_word);
        let remedy = private.map_or_else(
            || "name the file of the private key".to_owned(),
            |private| format!("name the private key, as a rule {private}"),
        );
        return problem("is a public key, and no agent has its private half", remedy);
    }
    // ssh checks the mode only of the user's own files.
    let is_own = metadata.uid() == rustix::process::getuid().as_raw();
    if is_own && metadata.mode() & 0o077 != 0 {
        let remedy = format!("chmod 600 {word}");
        return problem("can be read by others, so ssh doesn't use it", remedy);
    }
    let Some(refusal) = refusal(&path) else { return Ok(None) };
    match fault_of_text(&text, &word) {
        Some((fault, remedy)) => problem(fault, remedy),
        None => problem(&format!("can't be read as a key ({refusal})"), ANOTHER.to_owned()),
    }
}

/// What helps where the file holds another thing than a private key.
const ANOTHER: &str = "name the private key itself, or copy it again";

/// What is wrong with the text of a key that ssh-keygen refuses, and its remedy: ssh only says "error in libcrypto". `word`
/// is the file's path for a command.
fn fault_of_text(text: &str, word: &str) -> Option<(&'static str, String)> {
    let (fault, remedy) = if text.starts_with("PuTTY-User-Key-File") {
        let remedy = format!("puttygen {word} -O private-openssh -o NEW");
        ("is a key of PuTTY's, which ssh can't read", remedy)
    } else if !text.contains("-----BEGIN ") {
        ("holds no private key", ANOTHER.to_owned())
    } else if !text.contains("-----END ") {
        ("is cut off: the last line of the key is missing", ANOTHER.to_owned())
    } else if text.trim().lines().count() < 3 {
        ("is all in one line, so ssh can't read it", ANOTHER.to_owned())
    } else if text.starts_with(OPENSSH) && text.contains("\r\n") {
        let remedy = format!("sed -i 's/\\r$//' {word}");
        ("has lines that end as on Windows, so ssh can't read it", remedy)
    } else if text.starts_with(OPENSSH) && !text.ends_with('\n') {
        ("lacks the newline at its end, so ssh can't read it", format!("echo >> {word}"))
    } else if !text.starts_with("-----BEGIN ") {
        let fault = "has something before the first line of the key, so ssh can't read it";
        (fault, ANOTHER.to_owned())
    } else {
        return None;
    };
    Some((fault, remedy))
}

/// The problem of a key whose passphrase nobody was asked for, and which isn't in an agent.
fn locked(file: &str, user: &SshConfig) -> Option<KeyProblem> {
    let path = located(file);
    if !is_named(file) || !asks_for_passphrase(&path) {
        return None;
    }
    // The output `BITS FINGERPRINT COMMENT (TYPE)` needs no passphrase.
    let finished = ssh_keygen(&["-l", "-f"], &path)?;
    let finished = String::from_utf8_lossy(&finished.output).into_owned();
    let fingerprint = finished.split(' ').nth(1)?;
    (!agent_lists(&["-l"], fingerprint, user)).then(|| KeyProblem {
        what: format!(
            "the identity file '{file}' has a passphrase, which nobody could be asked for, and no agent has the key"
        ),
        remedy: format!("ssh-add {}", shell_word(&located(file).to_string_lossy())),
    })
}

/// The path that ssh opens.
fn located(file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(file),
    }
}

/// The key in the text of a public key, `TYPE KEY COMMENT`.
fn public_key(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    let kind = words.next()?;
    let is_public = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start));
    words.next().filter(|_| is_public)
}

/// What ssh-keygen says about a key that it can't read; `None` for one that it can read, or could with the passphrase.
fn refusal(path: &Path) -> Option<String> {
    // Without ssh-keygen the login itself shows the problem.
    let finished = ssh_keygen(&["-y", "-P", "", "-f"], path)?;
    (finished.status != 0 && !finished.errors.contains("passphrase"))
        .then(|| last_line(&finished.errors))
}

fn asks_for_passphrase(path: &Path) -> bool {
    ssh_keygen(&["-y", "-P", "", "-f"], path)
        .is_some_and(|finished| finished.status != 0 && finished.errors.contains("passphrase"))
}

fn ssh_keygen(words: &[&str], path: &Path) -> Option<Finished> {
    let tool = Command::new("ssh-keygen").args(words.iter().copied());
    let tool = tool.arg(path.display().to_string()).variable("LC_ALL", "C");
    tool.run_within(Some(LIMIT)).ok().flatten()
}

/// Returns whether the agent that ssh would use lists `key`: with `-L` its public half, with `-l` its fingerprint.
fn agent_lists(words: &[&str], key: &str, user: &SshConfig) -> bool {
    let Some(agent) = user.agent() else { return false };
    let ask = Command::new("ssh-add").args(words.iter().copied());
    let ask = ask.variable("SSH_AUTH_SOCK", &agent.to_string_lossy());
    let is_listed = |output: &[u8]| String::from_utf8_lossy(output).contains(key);
    matches!(ask.run_within(Some(LIMIT)), Ok(Some(finished)) if is_listed(&finished.output))
}
