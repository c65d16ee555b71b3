//! What is ours on the remote, in the lines that the scripts of `clean` reply with.

use crate::remote::session::reply::is_absolute;
use crate::text::units::human_bytes;

/// One thing of ours on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The script's word for what it is.
    pub kind: String,
    kib: u64,
    /// Its path, absolute.
    pub path: String,
}

impl Item {
    /// Reads `KIND KIB PATH`; nothing where the path isn't one that nothing can misread.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        Some(Self {
            kind: words.next()?.to_owned(),
            kib: words.next()?.parse().ok()?,
            path: words.next().filter(|path| is_absolute(path))?.to_owned(),
        })
    }

    /// One line for people, in the words of `--yes`.
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

    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}
