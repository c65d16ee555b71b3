//! What mlcube-ssh has made on the remote, parsed from the replies of the scripts of `clean`.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::remote::session::reply::is_absolute;
use crate::text::units::human_bytes;

/// What an item is; the script's word is the name in lower case.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// The remote tree.
    Tree,
    /// A folder in the place of the remote tree that no push made.
    Foreign,
    /// The workspace of the document, in the tree.
    Workspace,
    /// A workspace beside the tree.
    Own,
    /// A file or folder that a push sent only in part.
    Partial,
    /// The backups of what pushes replaced.
    Replaced,
    /// The python environment.
    Environment,
    /// The folder of a job that has ended.
    Job,
    /// The folder of a job that runs.
    Running,
    /// The folder of a job that its launcher hasn't started.
    Pending,
    /// A container that a job left.
    Container,
}

impl ItemKind {
    /// The script's word.
    #[must_use]
    pub fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The word that `--yes` takes.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Tree | Self::Foreign => "tree",
            Self::Workspace | Self::Own => "workspaces",
            Self::Partial => "partial",
            Self::Replaced => "replaced",
            Self::Environment => "environment",
            Self::Job | Self::Running | Self::Pending => "jobs",
            Self::Container => "containers",
        }
    }

    /// One line for people about `what` of this kind, an item or several.
    #[must_use]
    pub fn line(self, bytes: u64, what: &str) -> String {
        let note = match self {
            Self::Tree => " (with the workspace in it)",
            Self::Foreign => " (not made by mlcube-ssh; clean leaves it)",
            Self::Running => " (running)",
            Self::Pending => " (pending)",
            _ => "",
        };
        let size = if self == Self::Container { "-".to_owned() } else { human_bytes(bytes) };
        format!("{:<12}{size:>10}  {what}{note}", self.what())
    }
}

/// An item that mlcube-ssh made on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    kib: u64,
    /// The absolute path; of a container, its id.
    pub path: String,
}

impl Item {
    /// Parses `KIND KIB PATH`, or `container KIB ID`; `None` if the kind is unknown, the path isn't absolute and
    /// unambiguous, or the id isn't one.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let kind = ItemKind::from_str(words.next()?, false).ok()?;
        let (kib, path) = (words.next()?.parse().ok()?, words.next()?);
        let is_container = kind == ItemKind::Container;
        let is_valid = if is_container { is_container_id(path) } else { is_absolute(path) };
        is_valid.then(|| Self { kind, kib, path: path.to_owned() })
    }

    /// One line for people, with the words that `--yes` takes.
    #[must_use]
    pub fn line(&self) -> String {
        self.kind.line(self.bytes(), &self.path)
    }

    /// The bytes on the remote's disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kib.saturating_mul(1024)
    }

    /// The item as JSON, with the word that `--yes` takes.
    #[must_use]
    pub fn json(&self) -> Value {
        let bytes = (self.kind != ItemKind::Container).then(|| self.bytes());
        let (what, kind) = (self.kind.what(), self.kind.word());
        json!({"what": what, "kind": kind, "bytes": bytes, "path": self.path})
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
        for line in [
            "thing 0 /a".to_owned(),
            format!("container 0 {id}0"),
            format!("tree 0 {id}"),
            format!("job 0 {id}"),
        ] {
            assert_eq!(Item::parse(&line), None, "{line}");
        }
    }
}
