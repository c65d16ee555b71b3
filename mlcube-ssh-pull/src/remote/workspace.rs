//! The remote workspace, and the failures of listing it.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh::listing::{EntryKind, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome, hinted};
use mlcube_ssh::remote::problem;
use mlcube_ssh::remote::session::{KeptSession, Reply};
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::sync::SeenTransfer;
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::ui::names::shown;

/// The remote workspace.
pub(crate) struct RemoteWorkspace {
    /// The absolute path.
    pub(crate) path: String,
    /// The entries.
    pub(crate) listing: Listing,
    /// The followed links of the remote account, and whether each leads to a folder. They are listed as their targets.
    pub(crate) followed: Vec<(PathBuf, bool)>,
    /// The remote's clock before the listing, in seconds since 1970.
    pub(crate) now: Option<i64>,
    /// Its last transfer, for a pull.
    pub(crate) last_transfer: Option<SeenTransfer>,
    /// The session that listed the workspace, kept for an archive. It must end before anything else is done.
    pub(crate) session: KeptSession,
}

/// The remote workspace, as the source of a planned transfer.
pub(crate) struct Source {
    /// The absolute path; relative to the home folder in a dry run.
    pub(crate) path: String,
    /// Links that are followed to files.
    pub(crate) linked_files: Vec<PathBuf>,
    pub(crate) session: KeptSession,
}

impl RemoteWorkspace {
    /// The links that are followed to folders if `folders`, else the links that are followed to files.
    pub(crate) fn followed(&self, folders: bool) -> Vec<PathBuf> {
        let followed = self.followed.iter().filter(|(_, is_folder)| *is_folder == folders);
        followed.map(|(path, _)| path.clone()).collect()
    }
}

/// Refuses a listing with an entry whose folder it lacks: find lists a folder before what is in it, and nobody would
/// look whether that folder is a link locally.
///
/// # Errors
/// When there is one; it is named.
pub(crate) fn check_folders(listing: &Listing, host: &Host) -> Outcome<()> {
    let mut known = Path::new("");
    for (path, entry) in listing.iter() {
        let folder = path.parent().unwrap_or(known);
        // What can't be read isn't fetched, and find may quote a part of its path.
        if folder == known || entry.kind == EntryKind::Unreadable {
            continue;
        }
        if !folder.as_os_str().is_empty() && listing.get(folder).is_none() {
            return Err(Failure::ours(anyhow!(
                "'{host}' listed '{}' without the folder that holds it",
                shown(path)
            ))
            .hint(format!("check the host's find with `ssh {}`", shell_word(host.as_str()))));
        }
        known = folder;
    }
    Ok(())
}

/// The problems that the scripts of a pull report.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    /// The workspace is missing.
    NoWorkspace,
    /// The remote tar isn't GNU's; `archive` uses rsync then.
    NoTar,
}

/// The failure that says why the workspace can't be listed.
pub(crate) fn failure(host: &str, document: &Document, reply: &Reply) -> Failure {
    let problem = reply.problem();
    if let Some(failure) = problem.as_ref().and_then(|problem| problem.failure(host, &reply.errors))
    {
        return failure;
    }
    if let Some(problem) = &problem
        && let Some(ProblemKind::NoWorkspace) = problem.kind()
    {
        return Failure::ours(hinted(
            format!("'{host}' has no workspace {}", problem.subject),
            format!("`{}` creates it", document.configure_command()),
        ));
    }
    let reason = problem::reason(problem.as_ref(), &reply.last_error());
    Failure::ours(anyhow!("can't list the workspace on '{host}': {reason}")).hint(problem::WITH_V)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_without_its_folder_is_refused() {
        let check = |lines: &[&str]| {
            let line = |line: &&str| format!("{} 644 1 1.000000000 {}\0\0", &line[..1], &line[2..]);
            let text: String = lines.iter().map(line).collect();
            let host = "there".parse().unwrap();
            check_folders(&Listing::parse(text.as_bytes()).unwrap(), &host).is_ok()
        };
        assert!(check(&["f a", "d b", "d b/c", "f b/c/d", "f b/e", "l f"]));
        assert!(check(&["f b/c/d", "d b/c", "d b"]), "in any order");
        assert!(check(&["u gone/x"]), "which is never fetched");
        for lines in [&["f b/c"][..], &["d b", "f b/c/d"], &["d b/c"], &["d b", "l b/c/d", "f b/e"]]
        {
            assert!(!check(lines), "{lines:?}");
        }
    }
}
