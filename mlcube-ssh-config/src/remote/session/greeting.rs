//! Handles login shells that print a greeting, which rsync would take for its protocol and fail.
//!
//! rsync's ssh then runs behind a filter that drops everything up to a line which the remote prints last.

use crate::pipe::limits;

/// Prints the line, then becomes rsync (rsync(1): `--rsync-path` is run by the remote shell). The leading `echo` is
/// needed because a greeting may lack its last newline, as a prompt and a window title do.
pub(crate) const BECOME_RSYNC: &str = "echo; echo mlcube-ssh-rsync; exec rsync";

/// Drops everything up to the line. `read` consumes no byte after its line, so `cat` gets the rest.
///
/// A host may send no such line: the filter ends after [`limits::GREETING`] bytes of lines, and where a single line
/// takes more memory than that needs (`ulimit -d` counts what a process allocates). ssh ends with it, because nobody
/// reads what it writes.
const FILTER: &str = concat!(
    r#""$@" | { (ulimit -c 0; ulimit -d 8192; left=$0; "#,
    r#"while [ "$left" -gt 0 ] && IFS= read -r line && [ "$line" != mlcube-ssh-rsync ]; "#,
    r#"do left=$((left - ${#line} - 1)); done; [ "$left" -gt 0 ]) 2>/dev/null && exec cat; "#,
    "echo 'mlcube-ssh: too long a greeting' >&2; exit 1; }"
);

/// What the filter prints when it ends.
const TOO_LONG: &str = "mlcube-ssh: too long a greeting";

/// Returns whether an rsync failed because of a greeting without an end.
pub(crate) fn is_too_long(errors: &str) -> bool {
    errors.lines().any(|line| line == TOO_LONG)
}

/// Makes the command that runs `ssh` behind the filter.
pub(crate) fn filtered(ssh: Vec<String>) -> Vec<String> {
    let filter = ["sh", "-c", FILTER, &limits::GREETING.to_string()].map(str::to_owned);
    filter.into_iter().chain(ssh).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command::Command;

    /// Runs the filter behind a program, lines of sh, in the place of ssh.
    fn filter(lines: &str) -> (Vec<u8>, String) {
        let words = filtered(["sh", "-c", lines].map(str::to_owned).to_vec());
        let ran = Command::new(&words[0]).args(&words[1..]).run().unwrap();
        (ran.output, ran.errors)
    }

    #[test]
    fn what_comes_before_rsync_is_dropped_up_to_a_limit() {
        let greeted = filter(r"printf 'hello\n$ '; echo; echo mlcube-ssh-rsync; printf 'a\0\nb'");
        assert_eq!(greeted, (b"a\0\nb".to_vec(), String::new()));
        assert_eq!(filter("echo refused >&2"), (Vec::new(), "refused\n".to_owned()));
        for endless in ["yes $(printf %01000d 0)", "tr '\\0' x </dev/zero"] {
            let (output, errors) = filter(&format!("{endless} 2>/dev/null"));
            assert!(output.is_empty() && is_too_long(&errors), "{errors}");
        }
    }
}
