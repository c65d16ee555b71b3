//! What a push would send, from what lies here and what the record says; nothing is contacted.

use std::path::Path;

use anyhow::Result;
use mlcube_ssh_config::document::Remote;
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::workspace::{Listing, Record};

use crate::code;
use crate::stays::Stays;

/// What lies here, and what the record says.
pub(crate) struct Local {
    pub(crate) code: Listing,
    pub(crate) workspace: Listing,
    pub(crate) record: Record,
    pushed: Option<Listing>,
    pub(crate) common: Listing,
    pub(crate) stays: Stays,
}

/// What the workspace holds on this machine now; what stays here is noted.
fn workspace(layout: &Layout, stays: &Stays) -> Result<Listing> {
    let ignored = Ignored::of_workspace(layout);
    let skip = |path: &Path, is_folder| {
        Ok(stays.here(&ignored, path, is_folder)?
            || stays.unreadable(&layout.workspace.join(path), is_folder))
    };
    Listing::of_folder(&layout.workspace, &skip)
}

impl Local {
    pub(crate) fn look(layout: &Layout, remote: &Remote) -> Result<Self> {
        let record = Record::of(layout, remote)?;
        let stays = Stays::default();
        Ok(Self {
            code: code::listing(layout, &stays)?,
            workspace: workspace(layout, &stays)?,
            stays,
            pushed: record.code(),
            common: record.workspace(),
            record,
        })
    }

    /// Whether a push would have nothing to send.
    pub(crate) fn is_unchanged(&self) -> bool {
        let code_is_known = self.pushed.as_ref().is_some_and(|pushed| pushed.same(&self.code));
        let mut files = self.workspace.iter();
        code_is_known
            && files.all(|(path, entry)| {
                self.common.get(path).is_some_and(|common| common.same_content(entry))
            })
    }

    /// Whether a push was ever made from here.
    pub(crate) fn was_pushed(&self) -> bool {
        self.pushed.is_some()
    }

    /// Whether anything that the image is built from changed since it was built last.
    pub(crate) fn context_changed(&self, layout: &Layout) -> bool {
        let now = layout.build_context(&self.code);
        !self.record.configured().is_some_and(|built| built.same(&now))
    }
}
