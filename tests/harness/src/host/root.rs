//! Another root: the files of another Debian release, or of this machine with the userland of busybox.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{am_root, built, command, must, repository};
use crate::skip;

/// Mounts the root and what is to be seen in it, and becomes the command.
const ENTER: &str = include_str!("enter.sh");

/// A root in which a client or an sshd of a test can run, with this machine's processes, network and kernel. What is
/// written in it is gone with the process that entered it, except in the folders that are seen in it.
#[derive(Debug, Clone)]
pub struct Root {
    folder: PathBuf,
    has_busybox: bool,
    seen: Vec<(PathBuf, PathBuf)>,
}

impl Root {
    /// That of a Debian release by its name, which `tests/harness/make-root` has made; none where it can't be entered
    /// or isn't made, which fails where nothing may be skipped.
    pub fn of(release: &str) -> Option<Root> {
        if !am_root() {
            skip("only root can enter another root");
            return None;
        }
        let folder = cache()?.join(release);
        if !folder.with_extension("whole").exists() {
            skip(&format!(
                "there is no {release} in {}: `tests/harness/make-root {release}` makes it",
                folder.display()
            ));
            return None;
        }
        Some(Root::at(folder))
    }

    /// This machine's own; none unless root.
    pub fn of_this_machine() -> Option<Root> {
        if !am_root() {
            skip("only root can enter another root");
            return None;
        }
        Some(Root::at(PathBuf::from("/")))
    }

    /// This machine's own, but that every program is busybox, except for ssh, rsync, python and podman; none unless
    /// root.
    pub fn of_busybox() -> Option<Root> {
        Root::of_this_machine().map(|root| Root { has_busybox: true, ..root })
    }

    fn at(folder: PathBuf) -> Root {
        let programs = built();
        let target = programs.parent().unwrap().to_owned();
        Root { folder, has_busybox: false, seen: Vec::new() }.sees(&target).sees(&repository())
    }

    /// With this folder seen in it.
    #[must_use]
    pub fn sees(mut self, folder: &Path) -> Root {
        self.seen.push((folder.to_owned(), folder.to_owned()));
        self
    }

    /// With this folder as root's home.
    pub(crate) fn with_home(mut self, home: &Path) -> Root {
        // First: the checkout may lie in the home folder that is hidden.
        self.seen.insert(0, (home.to_owned(), PathBuf::from("/root")));
        self
    }

    /// The program that enters it, and its arguments; the command to run there comes behind them. The process stays the
    /// same: whoever signals it signals the command.
    pub(crate) fn enter(&self) -> (&'static Path, Vec<OsString>) {
        let mut words: Vec<OsString> =
            ["--mount", "--propagation", "private", "--", "/bin/sh", "-c"]
                .map(OsString::from)
                .into();
        words.extend([ENTER.into(), "enter".into(), self.folder.clone().into()]);
        for (folder, place) in &self.seen {
            let mut word = folder.clone().into_os_string();
            word.push("=");
            word.push(place);
            words.push(word);
        }
        words.push("--".into());
        if self.has_busybox {
            words.insert(0, "USERLAND_OF_BUSYBOX=yes".into());
            words.insert(1, "/usr/bin/unshare".into());
            return (Path::new("/usr/bin/env"), words);
        }
        (Path::new("/usr/bin/unshare"), words)
    }

    /// A command that runs in it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let (enter, words) = self.enter();
        let mut command = command(enter);
        command.args(words).arg(program);
        command
    }

    /// Lets a program of this machine start in a release that is older than its C library: it brings its own.
    pub(crate) fn with_own_libraries(place: &Path, program: &Path, link: &Path) {
        let libraries = place.join("libraries");
        fs::create_dir_all(&libraries).unwrap();
        let mut loader = PathBuf::new();
        for word in must(command("ldd").arg(program)).split_whitespace() {
            let path = Path::new(word);
            if path.is_absolute() {
                let copy = libraries.join(path.file_name().unwrap());
                fs::copy(path, &copy).unwrap();
                if word.contains("ld-linux") {
                    loader = copy;
                }
            }
        }
        let starts = format!(
            "exec '{}' --argv0 \"$0\" --library-path '{}' '{}' \"$@\"",
            loader.display(),
            libraries.display(),
            program.display()
        );
        fs::remove_file(link).unwrap();
        crate::program::write(link, &starts);
    }
}

/// Where the roots lie: outside of the checkout, as they are the same for each.
fn cache() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).map(PathBuf::from);
    let cache = named("MLCUBE_SSH_TEST_CACHE").or_else(|| {
        let usual = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
        Some(usual.join("mlcube-ssh-test"))
    })?;
    Some(cache.join("roots"))
}
