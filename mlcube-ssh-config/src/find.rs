//! The remote's `find`, or what stands in for it where it can't list a folder as GNU's can.

use crate::failure::Failure;
use crate::quote::shell_word;
use crate::status::ExitStatus;

/// `find` as a function of sh, with what python does where it stands in: only the scripts that list something are sent it.
pub(crate) fn functions() -> String {
    let stand_in = shell_word(include_str!("remote/find.py"));
    format!("find_text={stand_in}\n{}", include_str!("remote/find.sh"))
}

/// Whether a script lists something.
pub(crate) fn is_called_in(script: &str) -> bool {
    script.contains("find ")
}

/// There is no GNU find on the remote, and nothing to stand in for it.
pub(crate) fn missing_there(host: &str) -> Failure {
    let message = format!(
        "the find on '{host}' can't list a folder (-printf), and there is no python3 to do it"
    );
    Failure::tool(ExitStatus::CannotRun, message)
        .hint("install findutils there, or python3 in the PATH of the account's shell")
}
