//! The problems of the functions that several remote scripts share, so that every program tells them alike.

use crate::pipe::failure::{Failure, hinted};
use crate::process::find;
use crate::remote::folder_owner;

/// The failure that a problem of a shared function is; none for a kind that only the program of one script knows.
#[must_use]
pub fn shared(host: &str, kind: &str, subject: &str) -> Option<Failure> {
    Some(Failure::ours(match kind {
        "no-find" => return Some(find::missing_there(host)),
        folder_owner::NOT_OWN => return Some(folder_owner::failure(host, subject)),
        "no-look" => hinted(
            format!("can't look at {subject} on '{host}', so nothing is known of its jobs"),
            "see on the host whether it can be read, and whether the account may start more processes (ulimit -u)",
        ),
        "locks-hang" => hinted(
            format!("the file locks in {subject} on '{host}' are held or don't answer"),
            "try again when nothing else of mlcube-ssh runs there; if that doesn't help, set remote_root to a folder on another file system",
        ),
        _ => return None,
    }))
}

/// What failed, and why as far as the remote tells: by the kind of its problem, else by the last words of its programs. It
/// is never without a reason.
#[must_use]
pub fn reason(problem: &str, last_error: &str) -> String {
    match (problem, last_error) {
        ("", "") => "the host gave no reason".to_owned(),
        ("", words) => words.to_owned(),
        (problem, "") => format!("its script reports '{problem}'"),
        (problem, words) => format!("its script reports '{problem}': {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_problem_is_told_without_its_object_or_a_reason() {
        for kind in ["no-look", "locks-hang", folder_owner::NOT_OWN] {
            let failure =
                shared("h", kind, "owner ann drwx------ /a/b").map(|failure| failure.to_string());
            assert!(failure.is_some_and(|failure| failure.contains("/a/b")), "{kind}");
        }
        assert!(shared("h", "no-exec", "/a/b").is_none());
        for (problem, words) in [("", ""), ("odd /x", ""), ("", "find: bad"), ("odd", "bad")] {
            assert!(!reason(problem, words).is_empty());
        }
    }
}
