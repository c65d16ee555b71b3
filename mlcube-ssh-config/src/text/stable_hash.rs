//! Hashes that are the same on every machine, and in every release of mlcube-ssh and of Rust.
//!
//! Names on users' disks are made from them. [`std::hash::DefaultHasher`] is unsuitable: its documentation says that
//! its algorithm may change with any release.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use sha2::{Digest, Sha256};

/// The SHA-256 of `bytes`, in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes))
}

/// Converts `bytes` to hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash of a list of fields, for a name: the first 64 bits of a SHA-256. The fields and their order are part of the
/// format.
#[derive(Clone, Debug, Default)]
pub struct StableHash(Sha256);

impl StableHash {
    /// Adds a text or a path: its length in bytes as a little-endian `u64`, then its bytes. Because of the lengths,
    /// `("ab", "c")` and `("a", "bc")` differ.
    #[must_use]
    pub fn field(mut self, field: impl AsRef<OsStr>) -> Self {
        let bytes = field.as_ref().as_bytes();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a field that may be missing: the number of fields that follow, 0 or 1, as a byte, then the field. Missing
    /// and empty fields differ.
    #[must_use]
    pub fn optional(mut self, field: Option<impl AsRef<OsStr>>) -> Self {
        self.0.update([u8::from(field.is_some())]);
        match field {
            Some(field) => self.field(field),
            None => self,
        }
    }

    /// The hash of the fields.
    #[must_use]
    pub fn finish(self) -> u64 {
        self.0.finalize().iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }
}

/// The hashes of earlier versions, used to find entries under old names and rename them once.
pub mod former {
    #[expect(
        clippy::disallowed_types,
        reason = "the names of earlier versions were made with it"
    )]
    use std::hash::DefaultHasher;
    use std::hash::{Hash, Hasher};

    /// The hash that an earlier version made of a value. If a release of Rust changes it, entries under such names
    /// aren't found any more.
    #[must_use]
    #[expect(clippy::disallowed_types, reason = "the names of earlier versions were made with it")]
    pub fn hash(value: &impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn it_is_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(b""), empty);
    }

    #[test]
    fn the_hash_of_fields_never_changes() {
        // Computed with coreutils: `printf 'TEXT' | sha256sum | cut -c 1-16`.
        let hash = StableHash::default;
        assert_eq!(hash().finish(), 0xe3b0_c442_98fc_1c14);
        assert_eq!(hash().field("gpu1").optional(None::<&str>).finish(), 0x405c_ccd8_fa93_d01a);
        let path = hash().field("gpu1").optional(Some("me")).field("/home/me/ä");
        assert_eq!(path.finish(), 0x176d_e71d_ce6d_c128);
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let hash = StableHash::default;
        assert_ne!(hash().field("ab").field("c").finish(), hash().field("a").field("bc").finish());
        assert_ne!(hash().optional(Some("")).finish(), hash().optional(None::<&str>).finish());
    }

    #[test]
    fn the_names_of_earlier_versions_are_still_known() {
        // The results of Rust 1.95 and earlier releases.
        assert_eq!(former::hash(&Path::new("/home/me/data")), 0x0c15_c735_09d3_83f1);
    }
}
