//! A container engine that notes how it is called.

pub(crate) mod apptainer;
pub(crate) mod docker;
pub(crate) mod podman;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::Host;

/// Records its arguments; `run` writes the container's id as engines do, then does what the test wants it to do. Its
/// containers are gone when they have ended.
const PROGRAM: &str = r#"#!/bin/sh
# A container engine for tests: every call is a record (octal 036 ends it) of words (037 ends each).
folder=${0%/*}
{ for word; do printf '%s\037' "$word"; done; printf '\036'; } >> "$folder/engine-calls"
case ${1-} in
    run)
        if [ "$2" = --cidfile ] && [ ! -e "$folder/engine-makes-none" ]; then printf '%064x' "$$" > "$3"; fi
        if [ -e "$folder/engine-run" ]; then . "$folder/engine-run"; fi
        ;;
    inspect)
        if [ -e "$folder/engine-state" ]; then cat "$folder/engine-state"; exit; fi
        case $* in *container*) echo 'Error: no such container' >&2; exit 1 ;; esac
        ;;
esac
"#;

/// A program of the remote host, to be named in the settings of the runner there (`docker: PATH`).
#[derive(Debug)]
pub struct Engine {
    folder: PathBuf,
    name: String,
}

impl Engine {
    /// Puts one first in the PATH of the host's sessions; every image is there, every task succeeds and does nothing.
    pub fn installed_on(host: &Host, name: &str) -> Engine {
        let engine = Engine { folder: host.bin(), name: name.to_owned() };
        fs::write(engine.program(), PROGRAM).unwrap();
        fs::set_permissions(engine.program(), fs::Permissions::from_mode(0o755)).unwrap();
        engine
    }

    /// Its path.
    pub fn program(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// From now on `run` does this line of sh.
    pub fn runs(&self, line: &str) {
        fs::write(self.folder.join("engine-run"), line).unwrap();
    }

    /// From now on `run` makes no container, whatever it says and ends with.
    pub fn makes_no_container(&self) {
        fs::write(self.folder.join("engine-makes-none"), "").unwrap();
    }

    /// From now on a container that is asked about is so: its state, exit status and start.
    pub fn tells_of_containers(&self, state: &str) {
        fs::write(self.folder.join("engine-state"), state).unwrap();
    }

    /// The words of every call so far.
    pub fn calls(&self) -> Vec<Vec<String>> {
        let records = fs::read_to_string(self.folder.join("engine-calls")).unwrap_or_default();
        let words = |record: &str| record.split_terminator('\u{1f}').map(str::to_owned).collect();
        records.split_terminator('\u{1e}').map(words).collect()
    }

    /// The words of the only call of `run`; panics when there is none or several.
    pub fn run_call(&self) -> Vec<String> {
        let mut runs: Vec<_> = self.calls().into_iter().filter(|words| words[0] == "run").collect();
        assert_eq!(runs.len(), 1, "one run was expected, not {runs:?}");
        runs.remove(0)
    }
}
