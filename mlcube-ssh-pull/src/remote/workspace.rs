//! The workspace on the remote, and why it can't be listed.

use std::path::PathBuf;

use anyhow::anyhow;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::remote::problem::{self, Problem};
use mlcube_ssh::remote::session::{Reply, Session};

/// The workspace on the remote.
pub(crate) struct RemoteWorkspace {
    /// Its path, absolute.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) listing: Listing,
    /// The links of the remote account that are followed, and whether each leads to a folder: they are listed as what they lead
    /// to.
    pub(crate) followed: Vec<(PathBuf, bool)>,
    /// The session in which it was listed, for a stream; it has to end before anything else is done.
    pub(crate) session: Option<Session>,
}

impl RemoteWorkspace {
    /// The links that are followed to folders, or to files.
    pub(crate) fn followed(&self, folders: bool) -> Vec<PathBuf> {
        let followed = self.followed.iter().filter(|(_, is_folder)| *is_folder == folders);
        followed.map(|(path, _)| path.clone()).collect()
    }
}

/// Why it can't be listed.
pub(crate) fn failure(host: &str, document: &Document, answer: &Reply) -> Failure {
    let problem = answer.field("problem").unwrap_or_default();
    let known = Problem::parse(&problem);
    if let Some(failure) = known.failure(host, &answer.errors) {
        return failure;
    }
    if let Problem::Other { kind: "no-workspace", subject } = known {
        return Failure::ours(hinted(
            format!("'{host}' has no workspace {subject}"),
            format!("`{}` creates it", document.configure_command()),
        ));
    }
    let reason = problem::reason(&problem, &answer.last_error());
    Failure::ours(anyhow!("can't list the workspace on '{host}': {reason}"))
}
