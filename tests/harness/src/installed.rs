//! What `scripts/package` makes of the programs just built, and environments of Python in which it is installed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::disk::tree::files_below;
use crate::host::python::Python;
use crate::made_once;
use crate::program::{PATH, built, command, must, repository};

/// The package whose name ends so (`.whl`, `.deb` or `.tar.gz`), made once for each state of the programs and scripts.
pub fn packed(ending: &str) -> PathBuf {
    let folder = made_once("packed", &state(), |folder| {
        let mut package = command(repository().join("scripts/package"));
        // Who would be told of faults; and not the smallest file, which takes minutes.
        package.env("MAINTAINER", "A Packager <packager@example.org>");
        package.env("DPKG_DEB_COMPRESSOR_LEVEL", "0");
        package.arg("--from").arg(built()).arg("--output").arg(folder);
        must(&mut package);
    });
    let files = files_below(&folder);
    files.into_iter().find(|file| file.to_str().unwrap().ends_with(ending)).unwrap()
}

/// The folder of the packages as they are given to users: built with zig. It takes minutes; cargo finds out what changed.
pub fn packed_for_users() -> PathBuf {
    let folder = repository().join("target/package/dist");
    must(command(repository().join("scripts/package")).arg("--output").arg(&folder));
    folder
}

/// The size and time of everything that goes into a package.
fn state() -> String {
    let scripts = files_below(&repository().join("scripts"));
    let programs = ["config", "interp", "push", "exec", "pull"]
        .map(|step| built().join(format!("mlcube-ssh-{step}")));
    let known = |path: &PathBuf| {
        let data = fs::metadata(path).unwrap();
        format!("{} {} {} {}\n", path.display(), data.len(), data.mtime(), data.mtime_nsec())
    };
    scripts.iter().chain(&programs).map(known).collect()
}

/// An environment of Python with a release of mlcube and the wheel.
#[derive(Debug)]
pub struct Installed {
    folder: PathBuf,
}

impl Installed {
    /// The one of a release of mlcube, made once for each state of the wheel.
    pub fn beside_mlcube(release: &str) -> Installed {
        let (wheel, without) = (packed(".whl"), Python::with_release(release));
        let name = format!("installed-{release}");
        let folder = made_once(&name, &state(), |folder| {
            fs::remove_dir(folder).unwrap();
            Installed::copy(&without, release, folder).pip(&["install", wheel.to_str().unwrap()]);
        });
        Installed { folder }
    }

    /// Another one in a folder that isn't there yet, which the test may change: with mlcube alone.
    pub fn without_the_wheel(release: &str, folder: &Path) -> Installed {
        Installed::copy(&Python::with_release(release), release, folder)
    }

    fn copy(original: &Path, release: &str, folder: &Path) -> Installed {
        must(command("cp").arg("-a").args([original, folder]));
        let copy = Installed { folder: folder.to_owned() };
        // The program of the copy names the python of the original.
        copy.pip(&["install", "--no-deps", "--force-reinstall", &format!("mlcube=={release}")]);
        copy
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// Runs its pip, which knows no package but those of the test.
    pub fn pip(&self, words: &[&str]) {
        let mut pip = command(self.program("python"));
        pip.env("PATH", PATH).env("PIP_NO_INDEX", "1").env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        let links =
            [Python::wheels(), Python::other_wheels()].map(|path| path.display().to_string());
        pip.env("PIP_FIND_LINKS", links.join(" "));
        must(pip.args(["-m", "pip", "--quiet"]).args(words));
    }
}
