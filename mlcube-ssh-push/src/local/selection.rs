//! `--inputs`: of the workspace only what the chosen tasks read and no earlier one of them makes.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::required_inputs;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::sync::Listing;

/// What of the workspace is meant.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// All of it.
    All,
    /// These, with all that is in a folder.
    Some(Vec<PathBuf>),
}

impl Selection {
    /// The inputs of the document's tasks.
    ///
    /// # Errors
    /// When no task is chosen.
    pub(crate) fn of_inputs(document: &Document, layout: &Layout) -> Result<Self> {
        if document.run.tasks.is_empty() {
            bail!(
                "--inputs sends what the chosen tasks read, and none is chosen; choose with --task=NAME of mlcube-ssh-config"
            );
        }
        let inputs = required_inputs::needed(document, layout).into_iter();
        let here = inputs.filter_map(|input| input.parameter.here);
        let below = |path: PathBuf| path.strip_prefix(&layout.workspace).ok().map(Path::to_owned);
        Ok(Self::Some(here.filter_map(below).collect()))
    }

    /// The entries of a listing that are meant.
    pub(crate) fn of<'a>(&self, listing: &'a Listing) -> Cow<'a, Listing> {
        match self {
            Self::All => Cow::Borrowed(listing),
            Self::Some(_) => Cow::Owned(listing.filter(|path, _| self.includes(path))),
        }
    }

    /// Whether an entry is meant.
    pub(crate) fn includes(&self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Some(places) => places.iter().any(|place| path.starts_with(place)),
        }
    }
}
