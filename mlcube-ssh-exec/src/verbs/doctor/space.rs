//! What is free on a file system of the host, as `doctor` judges it.

use mlcube_ssh::text::units::human_bytes;

/// Less than that is little for a cube and its image.
const LITTLE: u64 = 1_000_000_000;

/// Fewer inodes are few for an image or a python environment: each takes some thousand files.
const FEW: u64 = 10_000;

/// What is free on a file system.
pub(crate) struct Space {
    bytes: u64,
    inodes: u64,
    /// Some file systems count no inodes: then it is 0.
    all_inodes: u64,
    path: String,
}

impl Space {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(5, ' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let (blocks, size, inodes, all_inodes) = (number()?, number()?, number()?, number()?);
        let bytes = blocks.saturating_mul(size);
        Some(Self { bytes, inodes, all_inodes, path: words.next()?.to_owned() })
    }

    fn has_few_inodes(&self) -> bool {
        self.all_inodes > 0 && self.inodes < FEW
    }

    pub(crate) fn is_little(&self) -> bool {
        self.bytes < LITTLE || self.has_few_inodes()
    }

    pub(crate) fn shown(&self) -> String {
        let inodes = if self.has_few_inodes() {
            format!(" and {} inodes", self.inodes)
        } else {
            String::new()
        };
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
            ("1000 4096 50000 90000 /a", true, "4.0 MB free in /a"),
            ("1000000 4096 7 90000 /a", true, "4.0 GB and 7 inodes free in /a"),
        ];
        for (text, is_little, shown) in table {
            assert_eq!(judged(text), Some((is_little, shown.to_owned())), "{text}");
        }
        assert_eq!(judged("1 2 x 4 /a"), None);
    }
}
