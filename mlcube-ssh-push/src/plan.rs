//! What a push would send, from what lies here and what the record says; nothing is contacted.

use std::path::{Path, PathBuf};

use anyhow::Result;
use mlcube_ssh_config::document::Remote;
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::workspace::{Direction, Entry, Listing, Plan, Record};

use crate::code;
use crate::delete;
use crate::select::Selection;
use crate::stays::Stays;

/// What lies here, and what the record says.
pub(crate) struct Local {
    pub(crate) code: Listing,
    pub(crate) workspace: Listing,
    pub(crate) record: Record,
    pushed: Option<Listing>,
    /// Code that was pushed once, and is gone.
    pub(crate) gone: Listing,
    pub(crate) common: Listing,
    pub(crate) stays: Stays,
    selection: Selection,
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
    pub(crate) fn look(layout: &Layout, remote: &Remote, selection: Selection) -> Result<Self> {
        let record = Record::of(layout, remote)?;
        let stays = Stays::default();
        let code = code::listing(layout, &stays)?;
        let pushed = record.code();
        let mut once = record.gone();
        for (path, entry) in pushed.iter().flat_map(Listing::iter) {
            once.insert(path.clone(), entry.clone());
        }
        Ok(Self {
            gone: delete::gone(layout, &once, &code),
            code,
            workspace: selection.of(&workspace(layout, &stays)?, true),
            selection,
            stays,
            pushed,
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

    /// What has to go, given what is in the workspace there; what isn't meant keeps its place in the record.
    pub(crate) fn plan(&self, there: &Listing, overwrite: bool) -> Plan {
        let mut plan = Plan::new(Direction::Up, &self.workspace, there, &self.common, overwrite);
        for (path, entry) in self.selection.of(&self.common, false).iter() {
            plan.common.insert(path.clone(), entry.clone());
        }
        plan
    }

    /// The code that isn't there as it is here, as far as this machine knows.
    pub(crate) fn changed_code(&self) -> Vec<(&PathBuf, &Entry)> {
        let there = |path: &Path| self.pushed.as_ref().and_then(|pushed| pushed.get(path));
        let changed = |(path, entry): &(&PathBuf, &Entry)| {
            !there(path).is_some_and(|there| there.same_content(entry))
        };
        self.code.iter().filter(changed).collect()
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
