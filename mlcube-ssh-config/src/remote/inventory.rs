//! What mlcube-ssh has made on the remote, parsed from the replies of the scripts of `clean`.

use crate::remote::session::reply::is_absolute;
use crate::text::units::human_bytes;

/// The script's word for a container.
const CONTAINER: &str = "container";

/// An item that mlcube-ssh made on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The script's word for its kind.
    pub kind: String,
    kib: u64,
    /// The absolute path; of a container, its id.
    pub path: String,
}

impl Item {
    /// Parses `KIND KIB PATH`, or `container KIB ID`; `None` if the path isn't absolute and unambiguous, or the id isn't one.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let (kind, kib, path) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        let is_valid = if kind == CONTAINER { is_container_id(path) } else { is_absolute(path) };
        is_valid.then(|| Self { kind: kind.to_owned(), kib, path: path.to_owned() })
    }

    /// One line for people, with the words that `--yes` takes.
    #[must_use]
    pub fn line(&self) -> String {
        let (what, note) = match self.kind.as_str() {
            "tree" => ("tree", " (with the workspace in it)"),
            "foreign" => ("tree", " (not made by mlcube-ssh; clean leaves it)"),
            "workspace" | "own" => ("workspaces", ""),
            "job" => ("jobs", ""),
            "running" => ("jobs", " (running)"),
            CONTAINER => ("containers", ""),
            other => (other, ""),
        };
        let size = if self.kind == CONTAINER {
            "-".to_owned()
        } else {
            human_bytes(self.kib.saturating_mul(1024))
        };
        format!("{what:<12}{size:>10}  {}{note}", self.path)
    }

    /// The last component of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Returns whether this is the id of a container, or the beginning of one that engines show.
fn is_container_id(id: &str) -> bool {
    (12..=64).contains(&id.len())
        && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_a_path_or_a_container() {
        let id = "4b5e9ed6".repeat(8);
        for line in
            [format!("container 0 {id}"), "container 0 4b5e9ed6ab01".into(), "tree 8 /a b".into()]
        {
            let item = Item::parse(&line).map(|item| item.path);
            assert_eq!(item.as_deref(), line.splitn(3, ' ').nth(2), "{line}");
        }
        for line in [
            "container 0 /a",
            "container 0 4b5e",
            "container 0 4b5e9ed6ab01 x",
            "container 0 --all-or-none",
        ] {
            assert_eq!(Item::parse(line), None, "{line}");
        }
        for line in [format!("container 0 {id}0"), format!("tree 0 {id}"), format!("job 0 {id}")] {
            assert_eq!(Item::parse(&line), None, "{line}");
        }
    }
}
