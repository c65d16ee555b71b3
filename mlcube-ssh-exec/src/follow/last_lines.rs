//! The end of a log, kept for the line that gives the cause of a failure.

use mlcube_ssh::text::quote::one_line;

use crate::job::engine_failure::{EngineFailure, missing_singularity};

/// The last 64 KiB of a log.
#[derive(Debug, Default)]
pub(crate) struct LastLines(Vec<u8>);

impl LastLines {
    // mlcube prints the whole command of a failed engine after the engine's own message.
    const LONGEST: usize = 64 * 1024;

    /// The number of last lines that are searched for the message of a failed engine.
    const ENGINES_LINES: usize = 10;

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&bytes[bytes.len().saturating_sub(Self::LONGEST)..]);
        let surplus = self.0.len().saturating_sub(Self::LONGEST);
        self.0.drain(..surplus);
    }

    /// Returns whether the end of the log contains `text`.
    pub(crate) fn contains(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.0).contains(text)
    }

    /// Returns the last line that isn't empty.
    pub(crate) fn newest_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        text.lines().rfind(|line| !line.trim().is_empty()).map(one_line).unwrap_or_default()
    }

    /// Returns the last line that gives a cause. The container engine's own line comes before mlcube's description of
    /// it; lines that only point to help are ignored, and one of a program's own log counts only if there is no other.
    pub(crate) fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let mut lines = telling_lines(before_mlcubes_own(&text));
        let last = lines.clone().rfind(|line| !is_logged(line)).or_else(|| lines.next_back());
        last.or_else(|| telling_lines(&text).next_back()).map(one_line).unwrap_or_default()
    }

    /// Finds a known failure of `engine` (as the settings name it) in the last lines; returns the failure and its line.
    pub(crate) fn engine_failure(&self, engine: &str) -> Option<(EngineFailure, String)> {
        let text = String::from_utf8_lossy(&self.0);
        // Some engines add an explanation, and mlcube may have run another command of the engine afterwards.
        let mut last = telling_lines(before_mlcubes_own(&text)).rev().take(Self::ENGINES_LINES);
        let is_missing = || missing_singularity(&text[before_mlcubes_own(&text).len()..]);
        last.find_map(|line| Some((EngineFailure::of_line(line, engine)?, one_line(line)))).or_else(
            || {
                is_missing().and_then(|line| {
                    Some((EngineFailure::of_line(&line, engine)?, one_line(&line)))
                })
            },
        )
    }
}

/// Returns the text before mlcube's description of a failure: `ERROR:`, then lines `message: …`, `description: …`,
/// `context: …` after a tab (`ExecutionError.describe`).
fn before_mlcubes_own(text: &str) -> &str {
    text.rfind("ERROR:\n\tmessage: ").map_or(text, |at| &text[..at])
}

/// Returns whether the line is one of the log of an engine's client (`time="…" level=… msg="…"`). Beside its own
/// message docker before version 23 logs that it stopped waiting for the container.
fn is_logged(line: &str) -> bool {
    line.starts_with("time=\"") && line.contains("\" level=") && line.contains(" msg=")
}

/// Leaves out the lines that name no cause: those that only point to help, such as docker's last line (one form before
/// version 28, one since), and the job's own notes.
fn telling_lines(text: &str) -> impl DoubleEndedIterator<Item = &str> + Clone {
    let is_help = |line: &str| {
        (line.starts_with("See '") && line.ends_with("--help'."))
            || (line.starts_with("Run '") && line.ends_with("--help' for more information"))
            || line.starts_with("mlcube-ssh: note: ")
            || line.starts_with("mlcube-ssh: warning: ")
    };
    text.lines().map(str::trim).filter(move |line| !line.is_empty() && !is_help(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LastLines;

    proptest! {
        #[test]
        fn whatever_a_log_holds_the_cause_is_one_line(log: Vec<u8>, size in 1_usize..9, number in 0..8_usize) {
            let lines = [
                &b"docker: not found on this host\n"[..],
                b"\xe2\x80 no space left on device\n",
                "İ/x: No space left on device\n".as_bytes(),
                b"dial tcp: lookup registry : no such host\n",
                b"Get \"https:///v2/\": connection refused registry\n",
                b"ERROR:\n\tmessage: x\n",
                b"See 'docker run --help'.\n",
                b"",
            ];
            let log = [lines[number], &log, lines[(number * 3 + 1) % 8]].concat();
            let (mut whole, mut cut) = (LastLines::default(), LastLines::default());
            whole.add(&log);
            log.chunks(size).for_each(|piece| cut.add(piece));
            let line = whole.last_line();
            prop_assert_eq!(&line, &cut.last_line());
            prop_assert!(!line.contains(char::is_control));
            let failure = whole.engine_failure("docker");
            prop_assert_eq!(&failure, &cut.engine_failure("docker"));
            prop_assert!(!failure.is_some_and(|(_, line)| line.contains(char::is_control)));
        }
    }

    /// What docker 20.10 logs beside its own line.
    const NOISE: &str = r#"time="2026-11-27T12:45:45Z" level=error msg="error waiting for container: context canceled""#;

    #[test]
    fn the_engines_own_line_is_the_cause() {
        let mlcube = "ERROR:\n\tmessage: DockerRun runner failed.\n\tdescription: d\n\tcontext: {'code': 125}\n";
        for (log, line) in [
            ("one\ntwo\n\n".to_owned(), "two"),
            (format!("docker: no space.\nSee 'docker run --help'.\n{mlcube}"), "docker: no space."),
            (format!("docker: no network.\n{NOISE}\n{mlcube}"), "docker: no network."),
            (format!("{NOISE}\ndocker: no network.\n"), "docker: no network."),
            (format!("{NOISE}\n{mlcube}"), NOISE),
            (mlcube.to_owned(), "context: {'code': 125}"),
            (String::new(), ""),
        ] {
            let mut tail = LastLines::default();
            tail.add(log.as_bytes());
            assert_eq!(tail.last_line(), line);
        }
    }
}
