//! What a push doesn't send: ignored entries, and those that can't be read.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::listing::{EntryKind, Found, Listing, Unreadable};
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::ui::names::{others, shown};
use mlcube_ssh::ui::report::Report;
use rustix::fs::{Access, access};

/// The entries that were found and aren't sent.
#[derive(Debug, Default)]
pub(crate) struct LocallySkipped {
    ignored: RefCell<Vec<PathBuf>>,
    /// With the system's reason, unless it is a lack of permission.
    unreadable: RefCell<Vec<(PathBuf, Option<String>)>>,
}

impl LocallySkipped {
    /// Returns whether `path` is ignored, and notes it if so.
    pub(crate) fn note_if_ignored(
        &self,
        ignored: &Ignored,
        path: &Path,
        is_folder: bool,
    ) -> Result<bool> {
        let is_ignored = ignored.matches(path, is_folder)?;
        if is_ignored {
            self.ignored.borrow_mut().push(path.to_owned());
        }
        Ok(is_ignored)
    }

    /// Returns whether this user may not read `path` in `top`, and notes it if so. Links don't count, and entries that
    /// no longer exist don't either.
    pub(crate) fn is_unreadable(&self, top: &Path, path: &Path, found: Found) -> bool {
        if found.is_readable {
            return false;
        }
        let path = &top.join(path);
        let wanted =
            if found.is_folder { Access::READ_OK | Access::EXEC_OK } else { Access::READ_OK };
        let denied = access(path, wanted) == Err(rustix::io::Errno::ACCESS)
            && fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_symlink());
        if denied {
            self.unreadable.borrow_mut().push((path.to_owned(), None));
        }
        denied
    }

    /// Notes the entries of a listing of `top` that couldn't be looked at.
    pub(crate) fn note(&self, top: &Path, listing: &Listing) {
        let unreadable = listing.iter().filter(|(_, entry)| entry.kind == EntryKind::Unreadable);
        let noted = unreadable.map(|(path, entry)| {
            (
                top.join(path),
                match entry.why_unreadable() {
                    Unreadable::Reason(reason) => Some(reason),
                    Unreadable::Owner(_) => None,
                },
            )
        });
        self.unreadable.borrow_mut().extend(noted);
    }

    /// Returns whether everything could be read.
    pub(crate) fn is_all_readable(&self) -> bool {
        self.unreadable.borrow().is_empty()
    }

    /// Names what is ignored, with `-v`.
    pub(crate) fn print_ignored(&self, report: &Report) {
        for path in self.ignored.borrow().iter() {
            report.detail(&format!("skipped (ignored): {}", path.display()));
        }
    }

    /// Names what couldn't be read, once all else is done, and notes it by its path in the workspace, or else in the
    /// base.
    ///
    /// # Errors
    /// When anything couldn't be read.
    pub(crate) fn check(
        &self,
        layout: &Layout,
        report: &Report,
        receipt: &mut Receipt,
    ) -> Outcome<()> {
        let unreadable = self.unreadable.borrow();
        for (path, reason) in unreadable.iter() {
            let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            report.warn(&format!("skipped {}: it can't be read{reason}", shown(path)));
            let place = [&layout.workspace, &layout.base]
                .iter()
                .find_map(|top| path.strip_prefix(top).ok());
            receipt.left_out.push(place.unwrap_or(path).to_string_lossy().into_owned());
        }
        match unreadable.first() {
            None => Ok(()),
            Some((first, _)) => Err(Failure::ours(anyhow!(
                "can't read '{}'{}; the rest was done",
                shown(first),
                others(unreadable.len())
            ))
            .hint("make it readable, or name it in .mlcubeignore")),
        }
    }
}
