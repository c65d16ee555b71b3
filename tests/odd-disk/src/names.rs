//! Which names a disk treats as one.

use std::ffi::{OsStr, OsString};

use unicode_normalization::UnicodeNormalization;

/// The form in which names are kept and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any bytes, each name for itself.
    #[default]
    Exact,
    /// As they were first given; compared without case and normal form.
    Folded,
    /// Decomposed (NFD).
    Decomposed,
    /// Composed (NFC).
    Composed,
}

impl Form {
    /// The name as the disk keeps it; none for one that isn't text, where names have to be.
    pub(crate) fn kept(self, name: &OsStr) -> Option<OsString> {
        match self {
            Self::Exact => Some(name.to_owned()),
            Self::Folded => name.to_str().map(OsString::from),
            Self::Decomposed => name.to_str().map(|name| name.nfd().collect::<String>().into()),
            Self::Composed => name.to_str().map(|name| name.nfc().collect::<String>().into()),
        }
    }

    /// Whether the disk takes both for one.
    pub(crate) fn is_same(self, one: &OsStr, other: &OsStr) -> bool {
        one == other || self != Self::Exact && self.key(one) == self.key(other)
    }

    fn key(self, name: &OsStr) -> String {
        let composed: String = name.to_string_lossy().nfc().collect();
        if self == Self::Folded { composed.to_lowercase() } else { composed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let (composed, decomposed) = (OsStr::new("\u{e9}"), OsStr::new("e\u{301}"));
        assert_eq!(Form::Decomposed.kept(composed).unwrap(), decomposed);
        assert_eq!(Form::Composed.kept(decomposed).unwrap(), composed);
        assert!(Form::Folded.is_same(OsStr::new("A\u{c9}"), OsStr::new("ae\u{301}")));
        assert!(!Form::Composed.is_same(OsStr::new("A"), OsStr::new("a")));
        assert!(!Form::Exact.is_same(composed, decomposed));
    }
}
