//! The private keys that may log in, recognised in any file. Keys are compared, not bytes: a copy may have another
//! format, another passphrase, other line ends or another comment, and a key may be held by an agent alone.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use rustix::fs::OFlags;

use crate::process::command::Command;

/// No private key is smaller: the smallest that OpenSSH reads is one of a curve of 256 bits, in 227 bytes.
const SMALLEST: u64 = 100;

/// No key is larger: one of 16,384 bits has 12 kB.
const LARGEST: u64 = 64 << 10;

/// How long `ssh-add` and `ssh-keygen` may take: an agent may hang, or ask its user.
const LIMIT: Duration = Duration::from_secs(5);

/// The first bytes of a private key in OpenSSH's own format (`PROTOCOL.key` of its source).
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Why a file isn't sent: it holds a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginKey {
    /// The key of an identity file.
    OfAFile,
    /// A key that an agent holds.
    OfAnAgent,
    /// A key that an agent may hold: the agent doesn't say which keys it has.
    OfASilentAgent,
    /// A key that may log in: only its passphrase would show which key it is.
    Locked,
}

/// Finds the private keys that may log in.
#[derive(Debug, Default)]
pub struct LoginKeys {
    /// The identity files.
    files: Vec<PathBuf>,
    /// The contents of the identity files, each with its number of lines.
    contents: Vec<(Vec<u8>, u64)>,
    /// The sockets of the agents.
    agents: BTreeSet<PathBuf>,
    known: OnceCell<Known>,
}

/// The public halves of the keys that may log in.
#[derive(Debug, Default)]
struct Known {
    of_files: BTreeSet<Vec<u8>>,
    of_agents: BTreeSet<Vec<u8>>,
    /// Whether an agent didn't say which keys it has.
    is_agent_silent: bool,
}

/// What a file shows of the public half of its private key.
#[derive(Debug, PartialEq, Eq)]
enum PublicHalf {
    Shown(Vec<u8>),
    /// Only the passphrase would show it.
    Locked,
    /// ssh couldn't use the file either.
    None,
}

impl LoginKeys {
    pub(crate) fn new(files: Vec<PathBuf>, agents: BTreeSet<PathBuf>) -> Self {
        let content = |path: &PathBuf| {
            let is_key =
                |found: fs::Metadata| found.is_file() && (1..LARGEST).contains(&found.len());
            let text = fs::metadata(path).is_ok_and(is_key).then(|| fs::read(path).ok())??;
            let lines = text.split(|byte| *byte == b'\n').count() as u64;
            Some((text, lines))
        };
        Self {
            contents: files.iter().filter_map(content).collect(),
            files,
            agents,
            known: OnceCell::new(),
        }
    }

    /// Returns which key that may log in the file at `path` holds, if it holds one. Asks the agents when it meets the
    /// first file that may be a key.
    pub fn find(&self, path: &Path, size: u64) -> Option<LoginKey> {
        if self.is_copy(path, size) {
            return Some(LoginKey::OfAFile);
        }
        if !(SMALLEST..=LARGEST).contains(&size) || !self.known().has_key_of_size(size) {
            return None;
        }
        let text = private_key(path)?;
        let known = self.known();
        match public_half(&text, path) {
            PublicHalf::Shown(key) if known.of_files.contains(&key) => Some(LoginKey::OfAFile),
            PublicHalf::Shown(key) if known.of_agents.contains(&key) => Some(LoginKey::OfAnAgent),
            PublicHalf::Shown(_) | PublicHalf::Locked if known.is_agent_silent => {
                Some(LoginKey::OfASilentAgent)
            }
            PublicHalf::Locked if known.has_key_of_kind(&text) => Some(LoginKey::Locked),
            _ => None,
        }
    }

    /// Returns whether the file is a copy of an identity file by its text: of some, the public half isn't known.
    #[must_use]
    pub fn is_copy(&self, path: &Path, size: u64) -> bool {
        // Most files differ in size, so the disk isn't read for them. A copy may have got other ends of lines.
        let mut likely =
            self.contents.iter().filter(|(key, lines)| size.abs_diff(key.len() as u64) <= *lines);
        likely.any(|(key, _)| {
            fs::read(path).is_ok_and(|text| without_blanks(&text) == without_blanks(key))
        })
    }

    fn known(&self) -> &Known {
        self.known.get_or_init(|| {
            let mut known = Known {
                of_files: self.files.iter().filter_map(|file| of_identity_file(file)).collect(),
                ..Known::default()
            };
            for agent in &self.agents {
                match listed_by(agent) {
                    Some(keys) => known.of_agents.extend(keys),
                    None => known.is_agent_silent = true,
                }
            }
            known
        })
    }
}

impl Known {
    fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.of_files.iter().chain(&self.of_agents)
    }

    /// Returns whether one of the keys fits into a file of this size, in some format. Most files needn't be read then.
    fn has_key_of_size(&self, size: u64) -> bool {
        self.is_agent_silent || self.all().any(|key| size >= smallest(key.len() as u64))
    }

    /// Returns whether one of the keys is of the kind that the first line of a locked key names.
    fn has_key_of_kind(&self, text: &str) -> bool {
        let head = text.lines().find(|line| line.contains("-----BEGIN ")).unwrap_or_default();
        let kinds = [("RSA ", "ssh-rsa"), ("DSA ", "ssh-dss"), ("EC ", "ecdsa-")];
        let named = kinds.iter().find(|(word, _)| head.contains(&format!("BEGIN {word}")));
        // The name of the kind comes first, after its length.
        let is_of_kind = |key: &[u8], kind: &str| {
            key.get(4..).is_some_and(|key| key.starts_with(kind.as_bytes()))
        };
        self.all().any(|key| named.is_none_or(|(_, kind)| is_of_kind(key, kind)))
    }
}

/// The size of the smallest file of a private key, given that of its public half: an RSA key in PEM has 6 times as
/// much, one of a curve in OpenSSH's format 9 times. Other text in the file makes it larger.
fn smallest(public: u64) -> u64 {
    public * 3 / 2
}

/// Returns the text of a private key from its first line on; `None` for any other file. Other text may precede it, such
/// as the attributes that `openssl pkcs12` writes, or certificates.
fn private_key(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LARGEST).read_to_end(&mut text).ok()?;
    // Nearly all files end here.
    memmem::find(&text, b"PRIVATE KEY-----")?;
    let text = String::from_utf8_lossy(&text);
    let is_first = |line: &str| line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----");
    let lines = text.split_inclusive('\n').skip_while(|line| !is_first(line));
    let key: String = lines.collect();
    (!key.is_empty()).then_some(key)
}

/// Returns the public half of an identity file's key. Where the key is in an agent, the file holds the public half
/// only.
fn of_identity_file(file: &Path) -> Option<Vec<u8>> {
    match private_key(file) {
        Some(text) => match public_half(&text, file) {
            PublicHalf::Shown(key) => Some(key),
            _ => None,
        },
        None => public_key(&fs::read_to_string(file).ok()?).or_else(|| beside(file)),
    }
}

/// Returns what the text of a private key shows of its public half.
fn public_half(text: &str, path: &Path) -> PublicHalf {
    if let Some(key) = in_the_clear(text) {
        return PublicHalf::Shown(key);
    }
    let is_locked = text.contains("ENCRYPTED");
    // Through a pipe: ssh-keygen refuses a file that others can read, as a copy often is. It takes any line ends.
    let ask = Command::new("ssh-keygen").args(["-y", "-P", "", "-f", "/dev/stdin"]);
    let asked = || ask.input(text.to_owned()).run_within(Some(LIMIT)).ok().flatten();
    let shown = if is_locked { None } else { asked() };
    let shown = shown.and_then(|shown| public_key(&String::from_utf8_lossy(&shown.output)));
    match shown.or_else(|| beside(path)) {
        Some(key) => PublicHalf::Shown(key),
        None if is_locked => PublicHalf::Locked,
        None => PublicHalf::None,
    }
}

/// Returns the public half in a key of OpenSSH's own format, which keeps it unencrypted.
fn in_the_clear(text: &str) -> Option<Vec<u8>> {
    let (_, text) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
    let body = text.split("-----").next()?;
    let body = without_blanks(body.as_bytes());
    // The public half is near the beginning, so a key whose end is missing has it, too.
    let body = STANDARD.decode(&body[..body.len() / 4 * 4]).ok()?;
    let rest = body.strip_prefix(MAGIC)?;
    // The cipher, the function that makes its key, and that function's options; then the number of keys.
    let rest = (0..3).try_fold(rest, |rest, _| Some(text_in(rest)?.1))?;
    let (key, _) = text_in(rest.get(4..)?)?;
    Some(key.to_owned())
}

/// Splits a text that follows its length (RFC 4251, section 5) from the rest.
fn text_in(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Returns the public key in the file beside a private one, which ssh reads, too.
fn beside(path: &Path) -> Option<Vec<u8>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    public_key(&read(Path::new(&name))?)
}

/// Reads a file that may come from a cube, or a link to one: it doesn't wait for a pipe, and reads no device and no
/// more bytes than a key has.
fn read(file: &Path) -> Option<String> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(file).ok()?;
    let mut text = String::new();
    file.metadata().ok()?.is_file().then(|| file.take(LARGEST).read_to_string(&mut text))?.ok()?;
    Some(text)
}

/// Returns the key in a line `TYPE KEY COMMENT`.
fn public_key(line: &str) -> Option<Vec<u8>> {
    STANDARD.decode(line.split_whitespace().nth(1)?).ok()
}

/// Returns the keys that the agent behind a socket lists; `None` if it doesn't reply.
fn listed_by(agent: &Path) -> Option<BTreeSet<Vec<u8>>> {
    let ask = Command::new("ssh-add").arg("-L").variable("LC_ALL", "C");
    let ask = ask.variable("SSH_AUTH_SOCK", &agent.to_string_lossy());
    let listed = ask.run_within(Some(LIMIT)).ok().flatten()?;
    let text = String::from_utf8_lossy(&listed.output);
    if listed.status == 0 {
        return Some(text.lines().filter_map(public_key).collect());
    }
    // 1 is also the status for an agent without keys, 2 the status for a socket without a listener, as in a terminal
    // that has outlived its agent.
    text.contains("no identities").then(BTreeSet::new)
}

fn without_blanks(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a key pair; returns the path of the private key and its public half.
    fn key(folder: &Path, words: &[&str]) -> (PathBuf, Vec<u8>) {
        let path = folder.join(format!("key{}", words.join("")));
        let name = path.to_str().unwrap().to_owned();
        let made = Command::new("ssh-keygen").args(words.to_vec()).args(["-q", "-f"]).arg(&name);
        assert_eq!(made.run().unwrap().status, 0);
        let public = fs::read_to_string(format!("{name}.pub")).unwrap();
        fs::remove_file(format!("{name}.pub")).unwrap();
        (path, public_key(&public).unwrap())
    }

    #[test]
    fn a_private_key_shows_its_public_half() {
        let folder = tempfile::tempdir().unwrap();
        for words in [
            &["-t", "ed25519", "-N", ""][..],
            &["-t", "ed25519", "-N", "a phrase"],
            &["-t", "rsa", "-b", "2048", "-N", "a phrase"],
            &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"],
            &["-t", "ecdsa", "-N", "", "-m", "PKCS8"],
            &["-t", "ecdsa", "-N", "", "-m", "PEM"],
        ] {
            let (path, public) = key(folder.path(), words);
            let text = fs::read_to_string(&path).unwrap();
            let size = fs::metadata(&path).unwrap().len();
            assert!(size >= smallest(public.len() as u64), "{words:?}: {size}");
            let spoiled = [
                text.clone(),
                text.replace('\n', "\r\n"),
                text.trim_end().to_owned(),
                format!("\n{text}\n\n"),
            ];
            for text in spoiled {
                let shown = public_half(&text, Path::new("/nowhere"));
                assert_eq!(shown, PublicHalf::Shown(public.clone()), "{words:?}: {text}");
            }
        }
    }

    #[test]
    fn a_key_between_other_text_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = key(folder.path(), &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"]);
        let text = fs::read_to_string(&path).unwrap();
        let keys = LoginKeys::new(vec![path], BTreeSet::new());
        let attributes = "Bag Attributes\n    friendlyName: of nobody\n".repeat(5);
        let line = format!("{}\n", "MIID".repeat(16));
        let certificate =
            format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", line.repeat(60));
        for text in [
            format!("{attributes}{text}"),
            format!("{text}{certificate}{certificate}"),
            format!("{certificate}{certificate}{text}"),
        ] {
            let copy = folder.path().join("copy");
            fs::write(&copy, &text).unwrap();
            assert_eq!(keys.find(&copy, text.len() as u64), Some(LoginKey::OfAFile), "{text}");
        }
        let copy = folder.path().join("certificate");
        fs::write(&copy, &certificate).unwrap();
        assert_eq!(keys.find(&copy, certificate.len() as u64), None);
    }

    #[test]
    fn what_only_a_passphrase_would_show_is_not_guessed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, public) =
            key(folder.path(), &["-t", "rsa", "-b", "2048", "-N", "a phrase", "-m", "PEM"]);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(public_half(&text, &path), PublicHalf::Locked);
        let known = |keys: &[&[u8]]| Known {
            of_agents: keys.iter().map(|key| key.to_vec()).collect(),
            ..Known::default()
        };
        assert!(known(&[&public]).has_key_of_kind(&text));
        assert!(!known(&[]).has_key_of_kind(&text));
        assert!(!known(&[b"\0\0\0\x0bssh-ed25519"]).has_key_of_kind(&text));
        let any = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
        assert!(known(&[b"\0\0\0\x0bssh-ed25519"]).has_key_of_kind(any));
        // A link of a cube beside it holds nobody up.
        let beside = format!("{}.pub", path.display());
        std::os::unix::fs::symlink("/dev/zero", &beside).unwrap();
        assert!(!matches!(public_half(&text, &path), PublicHalf::Shown(_)));
        fs::remove_file(&beside).unwrap();
        // The file beside it tells.
        let public = format!("ssh-rsa {} me@here\n", STANDARD.encode(&public));
        fs::write(format!("{}.pub", path.display()), public).unwrap();
        assert!(matches!(public_half(&text, &path), PublicHalf::Shown(_)));
    }

    #[test]
    fn whatever_looks_like_a_key_is_read_without_trust() {
        let of = |body: &[u8]| {
            let body = STANDARD.encode(body);
            in_the_clear(&format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END"))
        };
        assert_eq!(of(b"openssh-key-v1\0\xff\xff\xff\xffnone"), None);
        assert_eq!(of(b"openssh-key-v1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff\xff\xff"), None);
        assert_eq!(of(b"openssh-key-v1\0"), None);
        assert_eq!(in_the_clear("-----BEGIN OPENSSH PRIVATE KEY-----"), None);
    }
}
