//! What a push would send, from what lies here and what the record says; nothing is contacted.

use std::path::Path;

use anyhow::Result;
use mlcube_ssh_config::document::Remote;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::workspace::{Listing, Record};

use crate::code;

/// What lies here, and what the record says.
pub(crate) struct Local {
    pub(crate) code: Listing,
    pub(crate) workspace: Listing,
    pub(crate) record: Record,
    pushed: Option<Listing>,
    pub(crate) common: Listing,
}

impl Local {
    pub(crate) fn look(layout: &Layout, remote: &Remote) -> Result<Self> {
        let record = Record::of(layout, remote)?;
        Ok(Self {
            code: code::listing(layout)?,
            workspace: Listing::of_folder(&layout.workspace, &|_: &Path| false)?,
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
