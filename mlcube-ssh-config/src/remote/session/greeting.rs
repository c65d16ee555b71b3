//! Handles login shells that print a greeting, which rsync would take for its protocol and fail.
//!
//! rsync's ssh then runs behind a filter that drops everything up to a line which the remote prints last.

/// Prints the line, then becomes rsync (rsync(1): `--rsync-path` is run by the remote shell). The leading `echo` is
/// needed because a greeting may lack its last newline, as a prompt and a window title do.
pub(crate) const BECOME_RSYNC: &str = "echo; echo mlcube-ssh-rsync; exec rsync";

/// Drops everything up to the line. `read` consumes no byte after its line, so `cat` gets the rest.
const FILTER: &str = r#""$@" | { while IFS= read -r line && [ "$line" != mlcube-ssh-rsync ]; do :; done; exec cat; }"#;

/// Makes the command that runs `ssh` behind the filter.
pub(crate) fn filtered(ssh: Vec<String>) -> Vec<String> {
    let filter = ["sh", "-c", FILTER, "sh"].map(str::to_owned);
    filter.into_iter().chain(ssh).collect()
}
