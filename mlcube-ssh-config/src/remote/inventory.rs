//! What mlcube-ssh has made on the remote, parsed from the replies of the scripts of `clean`.

use crate::remote::session::reply::is_absolute;
use crate::text::units::human_bytes;

/// An item that mlcube-ssh made on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The script's word for its kind.
    pub kind: String,
    kib: u64,
    /// The absolute path.
    pub path: String,
}

impl Item {
    /// Parses `KIND KIB PATH`; `None` if the path isn't absolute and unambiguous.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        Some(Self {
            kind: words.next()?.to_owned(),
            kib: words.next()?.parse().ok()?,
            path: words.next().filter(|path| is_absolute(path))?.to_owned(),
        })
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
            "container" => ("containers", ""),
            other => (other, ""),
        };
        let size = if self.kind == "container" {
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
