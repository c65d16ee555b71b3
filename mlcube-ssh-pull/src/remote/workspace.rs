//! The remote workspace, and the failures of listing it.

use std::path::PathBuf;

use anyhow::anyhow;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::remote::problem::{self, Problem};
use mlcube_ssh::remote::session::{Reply, Session};

/// The remote workspace.
pub(crate) struct RemoteWorkspace {
    /// The absolute path.
    pub(crate) path: String,
    /// The entries.
    pub(crate) listing: Listing,
    /// The followed links of the remote account, and whether each leads to a folder. They are listed as their targets.
    pub(crate) followed: Vec<(PathBuf, bool)>,
    /// The session that listed the workspace, kept for an archive. It must end before anything else is done.
    pub(crate) session: Option<Session>,
}

impl RemoteWorkspace {
    /// The links that are followed to folders if `folders`, else the links that are followed to files.
    pub(crate) fn followed(&self, folders: bool) -> Vec<PathBuf> {
        let followed = self.followed.iter().filter(|(_, is_folder)| *is_folder == folders);
        followed.map(|(path, _)| path.clone()).collect()
    }
}

/// The failure that says why the workspace can't be listed.
pub(crate) fn failure(host: &str, document: &Document, reply: &Reply) -> Failure {
    let problem = reply.field("problem").unwrap_or_default();
    let known = Problem::parse(&problem);
    if let Some(failure) = known.failure(host, &reply.errors) {
        return failure;
    }
    if let Problem::Other { kind: "no-workspace", subject } = known {
        return Failure::ours(hinted(
            format!("'{host}' has no workspace {subject}"),
            format!("`{}` creates it", document.configure_command()),
        ));
    }
    let reason = problem::reason(&problem, &reply.last_error());
    Failure::ours(anyhow!("can't list the workspace on '{host}': {reason}")).hint(problem::WITH_V)
}
