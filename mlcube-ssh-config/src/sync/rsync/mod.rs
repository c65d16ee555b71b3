//! rsync: the options of every transfer, its statistics, and its exit statuses.

pub(crate) mod compare;
pub(crate) mod diagnosis;
pub(crate) mod output;
pub(crate) mod run;

use crate::listing::PARTIAL;
use crate::process::command::Command;
use crate::remote::connection::Connection;

pub use compare::{Comparison, Run, compare, differing_names, differing_names_if_known};
pub use diagnosis::outcome;
pub use run::{Heard, Transfer, run};

/// As [`command`], but follows links to folders on the receiver.
#[must_use]
pub fn command_along_links(connection: &Connection) -> Command {
    // Keeps a link to a folder on the receiver as a link.
    command(connection).arg("--keep-dirlinks")
}

/// The option for transfers of files with holes: compressed zeros cost nothing, however fast the link is.
#[must_use]
pub fn without_holes(is_sparse: bool) -> Option<&'static str> {
    is_sparse.then_some("--compress")
}

/// Makes an rsync command from one local folder to another.
#[must_use]
pub fn local_command() -> Command {
    // Its messages are parsed.
    Command::new("rsync").variable("LC_ALL", "C").args(["-lpt", "--sparse"])
}

/// Makes an rsync command over the shared connection, with the options of every transfer.
#[must_use]
pub fn command(connection: &Connection) -> Command {
    Command::new("rsync")
        // Its numbers and messages are parsed.
        .variable("LC_ALL", "C")
        .args(connection.rsync_options())
        // Copy links, permissions and times; owners, groups and devices belong to each machine.
        .arg("-lpt")
        // Write holes as holes.
        .arg("--sparse")
        // Keeps names away from the remote shell. The long form is `--protect-args` before 3.2.6 and `--secluded-args`
        // since then; the short form is the same since 3.0.
        .arg("-s")
        // Resumes a file that was cut off; a part never has the file's name.
        .arg(format!("--partial-dir={PARTIAL}"))
        // Waits for a living peer as long as everywhere else. rsync says nothing while it reads a file for its
        // checksum, so a shorter time would break off at a large file on a slow disk; a dead link ends ssh much sooner.
        .arg(format!("--timeout={}", connection.answer_timeout().as_secs()))
        // The names of changes, unescaped; then the statistics, in plain digits.
        .args(["--out-format=%i %n", "--8-bit-output", "--stats", "--no-human-readable"])
        // Reports progress as soon as rsync knows it.
        .args(["--info=progress2", "--outbuf=L"])
}
