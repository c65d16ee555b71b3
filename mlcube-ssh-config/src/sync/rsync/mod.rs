//! rsync: the options that every transfer has, what its statistics say, what its exit statuses mean.

pub(crate) mod compare;
pub(crate) mod diagnosis;
pub(crate) mod output;
pub(crate) mod run;

use crate::listing::PARTIAL;
use crate::process::command::Command;
use crate::remote::connection::Connection;

pub use compare::{Comparison, Run, compare, comparison, differing_names};
pub use diagnosis::outcome;
pub use run::{Heard, Transfer, run};

/// As [`command`], following links to folders on the receiving side.
#[must_use]
pub fn command_along_links(connection: &Connection) -> Command {
    // A folder that is a link there stays one.
    command(connection).arg("--keep-dirlinks")
}

/// The options of a transfer of files with holes: zeros cost nothing on the way, whatever the link.
#[must_use]
pub fn without_holes(is_sparse: bool) -> Option<&'static str> {
    is_sparse.then_some("--compress")
}

/// An rsync from one folder of this machine to another.
#[must_use]
pub fn local_command() -> Command {
    // Its messages are read.
    Command::new("rsync").variable("LC_ALL", "C").args(["-lpt", "--sparse"])
}

/// An rsync over the shared connection, with the options that every transfer has.
#[must_use]
pub fn command(connection: &Connection) -> Command {
    Command::new("rsync")
        // Its numbers and messages are read.
        .variable("LC_ALL", "C")
        .args(connection.rsync_options())
        // Links, permissions and times as they are; owners, groups and devices are each machine's own.
        .arg("-lpt")
        // Holes arrive as holes.
        .arg("--sparse")
        // Names never pass through the remote shell. The long form is `--protect-args` before 3.2.6 and `--secluded-args`
        // since then; this one is the same since 3.0.
        .arg("-s")
        // What was cut off is resumed, and never stands under the file's name.
        .arg(format!("--partial-dir={PARTIAL}"))
        // A peer that lives is waited for as long as everywhere else. rsync says nothing while it reads a file for its
        // checksum, so less would break off at a large file on a slow disk; a dead link ends ssh much sooner.
        .arg(format!("--timeout={}", connection.answer_timeout().as_secs()))
        // What changed, by name, as it is; then the numbers, as plain digits.
        .args(["--out-format=%i %n", "--8-bit-output", "--stats", "--no-human-readable"])
        // How far it is, as soon as rsync knows.
        .args(["--info=progress2", "--outbuf=L"])
}
