//! The cipher of the shared connection: the fastest one, where the user leaves the choice to ssh.

use std::fs;

use crate::remote::login::ssh_config::SshConfig;
use crate::remote::login::ssh_version::version;

/// With AES in the processor it moves nearly twice what ssh's first choice does, chacha20-poly1305.
const FAST: &str = "aes128-gcm@openssh.com";

/// The first OpenSSH that understands `^`, "put this before the default list" (its release notes).
const CARET_SINCE: (u32, u32) = (8, 1);

/// The option for the login that prefers the fast cipher; none where that isn't ours to choose, or wouldn't be faster.
///
/// It only changes the order of ssh's own list: a host without this cipher is reached with another one. What
/// processor the host has nobody knows before the login.
pub(crate) fn option(user: &SshConfig) -> Option<String> {
    let ciphers = user.get("ciphers")?;
    // What costs a process comes last.
    let ours = can_go_first(ciphers)
        && processor_has_aes()
        && version().is_some_and(|version| version >= CARET_SINCE)
        // Any other list is somebody's policy: the user's, or the system's.
        && SshConfig::built_in().get("ciphers") == Some(ciphers);
    ours.then(|| format!("Ciphers=^{FAST}"))
}

/// Whether the list has the fast cipher, behind another one.
fn can_go_first(ciphers: &str) -> bool {
    ciphers.split(',').skip(1).any(|cipher| cipher == FAST)
}

/// Whether this processor has instructions for AES; no, where the system doesn't say.
fn processor_has_aes() -> bool {
    fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| lists_aes(&text))
}

/// Whether the features in Linux's `/proc/cpuinfo` have `aes`: `flags` on x86, `Features` on arm.
fn lists_aes(cpuinfo: &str) -> bool {
    cpuinfo.lines().filter_map(|line| line.split_once(':')).any(|(key, value)| {
        matches!(key.trim(), "flags" | "Features") && value.split_whitespace().any(|it| it == "aes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors() {
        assert!(lists_aes("processor\t: 0\nflags\t\t: fpu sse2 aes xsave\nbugs\t\t: none\n"));
        assert!(lists_aes("processor\t: 0\nFeatures\t: fp asimd aes pmull\n"));
        assert!(!lists_aes("flags\t\t: fpu sse2 vaes\nmodel name\t: an aes one\n"));
        assert!(!lists_aes("Features\t: half thumb neon\n"));
        assert!(!lists_aes(""));
    }

    #[test]
    fn lists() {
        assert!(can_go_first("chacha20-poly1305@openssh.com,aes128-ctr,aes128-gcm@openssh.com"));
        assert!(!can_go_first("aes128-gcm@openssh.com,chacha20-poly1305@openssh.com"));
        assert!(!can_go_first("chacha20-poly1305@openssh.com,aes256-gcm@openssh.com"));
        assert!(!can_go_first(""));
    }

    #[test]
    fn an_ssh_that_tells_nothing_is_told_nothing() {
        assert_eq!(option(&SshConfig::default()), None);
    }
}
