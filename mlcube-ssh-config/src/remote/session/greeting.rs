//! Login shells that print a greeting, which rsync takes for its protocol and gives up.
//!
//! Then rsync's ssh runs behind a filter that drops everything up to a line which the remote prints last.

/// Prints the line, then becomes rsync (rsync(1): `--rsync-path` is run by the shell there). A greeting may lack its own
/// last newline, as a prompt and a window title do.
pub(crate) const BECOME_RSYNC: &str = "echo; echo mlcube-ssh-rsync; exec rsync";

/// `read` takes no byte behind the end of its line, so `cat` gets all the rest.
const FILTER: &str = r#""$@" | { while IFS= read -r line && [ "$line" != mlcube-ssh-rsync ]; do :; done; exec cat; }"#;

/// The command that runs `ssh` behind the filter.
pub(crate) fn behind(ssh: Vec<String>) -> Vec<String> {
    let filter = ["sh", "-c", FILTER, "sh"].map(str::to_owned);
    filter.into_iter().chain(ssh).collect()
}
