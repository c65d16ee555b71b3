//! What is free on a file system of the host, as `doctor` judges it.
//!
//! The fuzz target `host` includes this file, so it uses nothing else of this program.

use mlcube_ssh::text::units::human_bytes;

/// Less than that is little for a cube and its image.
const LITTLE: u64 = 1_000_000_000;

/// Fewer inodes are few for an image or a python environment: each takes some thousand files.
const FEW: u64 = 10_000;

/// What is free on a file system.
pub(crate) struct Space {
    bytes: u64,
    /// `None` where the file system counts none.
    inodes: Option<u64>,
    path: String,
}

impl Space {
    /// Parses `BLOCKS SIZE INODES ALL-INODES PATH`. stat prints the numbers with a sign: a file system may say -1 for
    /// what it doesn't count (`CephFS`), and fewer blocks than none where only root has some left.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(5, ' ');
        let mut number = || words.next()?.parse::<i128>().ok();
        let (blocks, size, inodes, all_inodes) = (number()?, number()?, number()?, number()?);
        let bytes = u64::try_from(blocks.saturating_mul(size).max(0)).unwrap_or(u64::MAX);
        let inodes = u64::try_from(inodes).ok().filter(|_| all_inodes != 0);
        Some(Self { bytes, inodes, path: words.next()?.to_owned() })
    }

    fn few_inodes(&self) -> Option<u64> {
        self.inodes.filter(|inodes| *inodes < FEW)
    }

    pub(crate) fn is_little(&self) -> bool {
        self.bytes < LITTLE || self.few_inodes().is_some()
    }

    pub(crate) fn shown(&self) -> String {
        let inodes =
            self.few_inodes().map_or_else(String::new, |inodes| format!(" and {inodes} inodes"));
        format!("{}{inodes} free in {}", human_bytes(self.bytes), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_may_lack_bytes_or_inodes() {
        let judged =
            |text: &str| Space::parse(text).map(|space| (space.is_little(), space.shown()));
        let table = [
            ("1000000 4096 50000 90000 /a b", false, "4.0 GB free in /a b"),
            ("1000000 4096 0 0 /a", false, "4.0 GB free in /a"),
            ("1000000 4096 -1 90000 /ceph", false, "4.0 GB free in /ceph"),
            ("1000000 4096 7 -1 /a", true, "4.0 GB and 7 inodes free in /a"),
            ("-9 4096 50000 90000 /a", true, "0 bytes free in /a"),
            ("1000 4096 50000 90000 /a", true, "4.0 MB free in /a"),
            ("1000000 4096 7 90000 /a", true, "4.0 GB and 7 inodes free in /a"),
        ];
        for (text, is_little, shown) in table {
            assert_eq!(judged(text), Some((is_little, shown.to_owned())), "{text}");
        }
        assert_eq!(judged("1 2 x 4 /a"), None);
        let endless = format!("{} 9 9 0 /a", i128::MAX);
        assert!(!judged(&endless).unwrap().0);
    }
}
