//! The result of a program: its output, its status, its time.

use std::fmt;
use std::time::Duration;

use crate::Document;

/// The exit status, standard output and standard error of a program that ended.
/// Shown as a person would see it, but for a document on standard output: of that, what the steps did is enough.
#[derive(Debug, Clone)]
pub struct Outcome {
    line: String,
    /// Its exit status, `128 + n` when signal `n` ended it.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it took.
    pub elapsed: Duration,
    /// The most memory that it took, in bytes; none when it ended before anybody looked.
    pub peak_memory: Option<u64>,
}

impl Outcome {
    pub(crate) fn new(
        line: String,
        status: i32,
        stdout: String,
        stderr: String,
        elapsed: Duration,
        peak_memory: Option<u64>,
    ) -> Outcome {
        Outcome { line, status, stdout, stderr, elapsed, peak_memory }
    }

    /// Its exit status is this one.
    #[track_caller]
    pub fn exits(&self, status: i32) -> &Outcome {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Its exit status is 0.
    #[track_caller]
    pub fn succeeds(&self) -> &Outcome {
        self.exits(0)
    }

    /// It wrote exactly one `error:` line to its standard error and one `hint:` line after it, which hold all these
    /// words, and neither a backtrace nor a control character.
    #[track_caller]
    pub fn complains(&self, words: &[&str]) -> &Outcome {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let is = |line: &str, label: &str| {
            let rest = line.strip_prefix("mlcube-ssh");
            rest.and_then(|rest| rest.split_once(": "))
                .is_some_and(|(_, rest)| rest.starts_with(label))
        };
        let is_complaint = match lines[..] {
            [error, hint] => is(error, "error: ") && is(hint, "hint: "),
            _ => false,
        };
        assert!(
            is_complaint,
            "an error: line and a hint: line were expected of {}, not:\n{}",
            self.line, self.stderr
        );
        for word in words {
            self.says(word);
        }
        assert!(
            !lines.iter().any(|line| line.chars().any(char::is_control)),
            "control characters in: {}",
            self.stderr.escape_debug()
        );
        self
    }

    /// It wrote nothing to its standard error.
    #[track_caller]
    pub fn is_silent(&self) -> &Outcome {
        assert_eq!(self.stderr, "", "{} was expected to be silent", self.line);
        self
    }

    /// It wrote this to its standard error.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Outcome {
        assert!(
            self.stderr.contains(text),
            "{text:?} isn't in what {} says:\n{}",
            self.line,
            self.stderr
        );
        self
    }

    /// It didn't write this, anywhere.
    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Outcome {
        assert!(
            !self.stderr.contains(text),
            "{text:?} is in what {} says:\n{}",
            self.line,
            self.stderr
        );
        assert!(
            !self.stdout.contains(text),
            "{text:?} is in what {} writes:\n{}",
            self.line,
            self.stdout
        );
        self
    }

    /// Its standard output, which is one document and nothing else.
    #[track_caller]
    pub fn document(&self) -> Document {
        Document::parse(&self.stdout).unwrap_or_else(|err| {
            panic!(
                "{} wrote no document: {err}\n{}\n--- stderr\n{}",
                self.line, self.stdout, self.stderr
            )
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = match Document::unchecked(&self.stdout) {
            Ok(document) => format!(
                "a document: steps {}, failed {}",
                document.at("/steps"),
                document.at("/failed")
            ),
            Err(_) => self.stdout.clone(),
        };
        write!(
            f,
            "{}\n--- status {}\n--- stdout\n{stdout}\n--- stderr\n{}",
            self.line, self.status, self.stderr
        )
    }
}
