//! The problems that the scripts of a push report.

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh::pipe::failure::Failure;
use mlcube_ssh::remote::problem::{WITH_V, reason};
use mlcube_ssh::remote::session::Reply;

/// The kinds that aren't those of shared functions.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// Another machine or folder owns the remote tree.
    OtherOrigin,
    /// The incoming folder was removed during the push.
    Removed,
    /// tar reported success, and the end of the archive isn't there.
    Incomplete,
    /// The archive can't be unpacked; rsync sends what was in it.
    NotUnpacked,
    /// What was unpacked can't be put in its place; rsync does it.
    NotPlaced,
    /// The workspace is missing.
    NoWorkspace,
}

/// The failure of a script that prepares a push, or lists the workspace for one.
pub(crate) fn failure(host: &str, reply: &Reply) -> Failure {
    let problem = reply.problem();
    let shared = problem.as_ref().and_then(|problem| problem.failure(host, &reply.errors));
    shared.unwrap_or_else(|| {
        let reason = reason(problem.as_ref(), &reply.last_error());
        Failure::ours(anyhow!("can't prepare the folders of a push on '{host}': {reason}"))
            .hint(WITH_V)
    })
}
