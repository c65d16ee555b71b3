//! A program about to be run on the user's machine.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::program::command;
use crate::{Document, Outcome, Running};

/// A command line with its standard input, not yet started.
#[derive(Debug)]
#[must_use = "it isn't run yet"]
pub struct Invocation {
    command: Command,
    /// The paths of its standard output and error (and of its input, where given), without their endings.
    streams: PathBuf,
}

impl Invocation {
    /// One that runs in a session of its own, where no terminal can be found to ask at, with an empty environment.
    pub(crate) fn new(program: &Path, io: &Path) -> Invocation {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mut command = command("/usr/bin/setsid");
        command.arg(program).env_clear();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Invocation { command, streams: io.join(format!("{number}")) }
    }

    /// With one more argument.
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Invocation {
        self.command.arg(word);
        self
    }

    /// With more arguments.
    pub fn args(mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Invocation {
        self.command.args(words);
        self
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Invocation {
        self.command.env(name, value);
        self
    }

    /// Without a variable in its environment.
    pub fn without_env(mut self, name: &str) -> Invocation {
        self.command.env_remove(name);
        self
    }

    /// Started in this folder.
    pub fn in_folder(mut self, folder: &Path) -> Invocation {
        self.command.current_dir(folder);
        self
    }

    /// With this on its standard input.
    pub fn reads(mut self, input: impl AsRef<[u8]>) -> Invocation {
        let path = self.streams.with_extension("in");
        fs::write(&path, input).unwrap();
        self.command.stdin(File::open(path).unwrap());
        self
    }

    /// With this document on its standard input.
    pub fn reads_document(self, document: &Document) -> Invocation {
        self.reads(document.to_string())
    }

    /// With a standard input into which the test types ([`Running::types`]).
    pub fn listens(mut self) -> Invocation {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        let (out, err) = (self.streams.with_extension("out"), self.streams.with_extension("err"));
        self.command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let child =
            self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        Running::new(child, format!("{:?}", self.command), out, err)
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        self.start().wait()
    }
}
